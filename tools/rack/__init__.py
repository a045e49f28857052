"""A virtual rack on one machine: bare computers with Redfish BMCs, in QEMU, to deploy to as to real ones.

`python -m tools.rack --help` says what it does; tools/rack/README.md explains the machines and their limits.
"""

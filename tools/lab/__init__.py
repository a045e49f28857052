"""Emulated nodes on one machine: privileged systemd containers that an undercloud deploys to over SSH.

`python -m tools.lab --help` says what it does; tools/lab/README.md explains the nodes and their limits.
"""

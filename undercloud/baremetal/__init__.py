"""Machines through Ironic: enrolled, inspected, provisioned; what they are made of, in topology's terms."""

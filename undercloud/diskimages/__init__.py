"""Images of whole machines, for Ironic: the agent's ramdisk, the disk of an overcloud node."""

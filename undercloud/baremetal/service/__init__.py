"""Ironic as a service of the undercloud: its environment, configuration, process, and the files it serves."""

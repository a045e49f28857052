"""Roles expanded to hosts: the deployment file, names and indexes, addresses and virtual addresses."""

"""The client of an undercloud on another machine: the Engine interface over its REST API."""

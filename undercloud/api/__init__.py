"""The REST API: Pecan over the Engine interface, described by OpenAPI."""

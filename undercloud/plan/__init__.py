"""Reading the operator's files: templates, roles, networks, environments, and the state kept between runs."""

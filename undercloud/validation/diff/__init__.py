"""What differs between two plans: parameters, resources, configuration, containers, hosts, outputs."""

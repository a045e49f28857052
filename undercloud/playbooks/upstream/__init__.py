"""TripleO's own contract: what its client adds to a plan, and the config-download directory of a stack."""

"""A cloud that deploys clouds: TripleO's files in, a running and explained cloud out."""

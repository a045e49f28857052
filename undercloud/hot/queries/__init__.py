"""A quick evaluator for the yaql of templates; what it is not sure of, yaql's own library evaluates."""

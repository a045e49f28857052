"""Validation: what is wrong with a plan that compiles, and what an operator should know about it."""

"""The intrinsic functions, one module a family; ``versions`` says which version knows which."""

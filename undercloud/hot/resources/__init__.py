"""The resource types of the language, one module a family."""

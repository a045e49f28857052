"""Tools of the project's own developers and of `make demo`: never imported by the package."""

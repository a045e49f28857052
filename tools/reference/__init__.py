"""Makes the reference pages in docs/reference out of the code, the rules and our templates."""

"""Container images: definitions, built from Debian packages, kept in a store, served by a registry."""

"""Makes the definitions of the services' options that validation reads, out of Debian's packages."""

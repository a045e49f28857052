"""`make demo`: a cloud on this machine, from nothing; `python -m tools.demo --help`."""

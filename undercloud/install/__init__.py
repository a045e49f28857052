"""The undercloud on this machine: what it is made of, brought up, looked after, backed up and taken away."""

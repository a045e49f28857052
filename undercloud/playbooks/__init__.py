"""From a stack to the desired state, and from it to a playbook directory; the diff of two desired states."""

"""Where a value came from and what it leads to: the chain from the operator's file to the node.

Nothing of it weighs on a compilation: the evaluated stack is asked again, slice by slice.
"""

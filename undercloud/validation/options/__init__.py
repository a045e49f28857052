"""What a plan writes into the services' configuration, held against the services' own definitions of options.

``data`` holds the definitions (made by ``python -m tools.options`` out of Debian's packages), ``definitions``
reads them, ``values`` judges one value, ``hieradata`` and ``native`` find the options in a plan of either
contract, ``judging`` makes findings of them.
"""

"""``python -m undercloud.api.engine``: engines alone, as ``undercloud-engine`` runs them."""

import sys

from undercloud.api.main import engine

if __name__ == "__main__":
    sys.exit(engine())

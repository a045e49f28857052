"""`python -m tools.rack`."""

import sys

from tools.rack.cli import main

sys.exit(main())

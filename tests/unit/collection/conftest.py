"""The collection is imported as Ansible does it, from the directory that holds ``ansible_collections``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "ansible"))

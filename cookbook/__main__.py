"""``python -m cookbook`` is the command line of ``cookbook.cli``."""
import sys

from .cli import main

sys.exit(main())

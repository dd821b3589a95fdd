"""``python -m cookbook`` is the command line of ``cookbook.cli``."""

from .cli import main

raise SystemExit(main())

"""Where the course keeps things. Use them as ``paths.ROOT``: a test can point them elsewhere."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
RESULTS = ROOT / "results"  # measurements that belong to the course
BUILD = ROOT / "build"  # plans, caches, executed notebooks: whatever a run makes

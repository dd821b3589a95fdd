"""What breaks a rule today and may do so for now.

A test fails for an entry that is no longer needed. Nothing may be added here; mend the notebook
instead.
"""

# {rule: {notebook: number of faults}}
FINDINGS: dict[str, dict[str, int]] = {
    "texts_are_short": {
        "001-start-here": 2,
        "103-onnx-parser": 1,
        "105-anatomy": 2,
        "110-loops-and-conditions": 5,
        "201-trtexec": 9,
        "202-netron": 3,
        "203-onnx-graphsurgeon": 3,
        "204-polygraphy": 2,
    },
    "cell_sizes": {
        "103-onnx-parser": 1,
        "105-anatomy": 1,
        "110-loops-and-conditions": 1,
        "201-trtexec": 2,
        "203-onnx-graphsurgeon": 2,
        "204-polygraphy": 4,
    },
    "no_programs_as_strings": {"110-loops-and-conditions": 1, "204-polygraphy": 6},
    "shows_a_figure": {"207-engine-explorer": 1},
}

# {function: the notebooks that define it or one hardly different}
TWINS: dict[str, set[str]] = {
    "named": {"102-network-api", "110-loops-and-conditions"},
    "quiet": {"204-polygraphy", "103-onnx-parser"},
    "contest": {"107-precision", "108-operators"},
}

# {notebook: {ruff's rule: number of faults}}
LINT: dict[str, dict[str, int]] = {
    "110-loops-and-conditions": {"E731": 1, "B007": 1},
    "201-trtexec": {"F401": 1, "SIM905": 1},
    "202-netron": {"F401": 1},
    "203-onnx-graphsurgeon": {"B007": 2, "E731": 1},
    "204-polygraphy": {"B007": 1, "E402": 1},
}

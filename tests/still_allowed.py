"""What breaks a rule today and may do so for now.

A test fails for an entry that is no longer needed. Nothing may be added here; mend the notebook
instead.
"""

# {rule: {notebook: number of faults}}
FINDINGS: dict[str, dict[str, int]] = {
    "texts_are_short": {
        "001-start-here": 2,
        "101-why-tensorrt": 6,
        "103-onnx-parser": 1,
        "104-inside-pytorch": 5,
        "105-anatomy": 2,
        "106-dynamic-shapes": 3,
        "107-precision": 4,
        "108-operators": 4,
        "109-versions": 3,
        "110-loops-and-conditions": 5,
        "201-trtexec": 9,
        "202-netron": 3,
        "203-onnx-graphsurgeon": 3,
        "204-polygraphy": 2,
        "205-nsight-systems": 7,
        "206-nsight-compute": 7,
        "207-engine-explorer": 3,
        "208-debugging": 4,
    },
    "recorded": {
        "001-start-here": 2,
        "101-why-tensorrt": 5,
        "102-network-api": 2,
        "103-onnx-parser": 2,
        "104-inside-pytorch": 5,
        "105-anatomy": 3,
        "106-dynamic-shapes": 7,
        "107-precision": 2,
        "108-operators": 5,
        "109-versions": 5,
        "110-loops-and-conditions": 4,
        "201-trtexec": 5,
        "202-netron": 1,
        "203-onnx-graphsurgeon": 1,
        "204-polygraphy": 2,
        "205-nsight-systems": 1,
        "206-nsight-compute": 4,
        "207-engine-explorer": 3,
        "208-debugging": 2,
    },
    "cell_sizes": {
        "101-why-tensorrt": 2,
        "103-onnx-parser": 1,
        "104-inside-pytorch": 1,
        "105-anatomy": 1,
        "106-dynamic-shapes": 2,
        "107-precision": 2,
        "108-operators": 1,
        "109-versions": 3,
        "110-loops-and-conditions": 1,
        "201-trtexec": 2,
        "203-onnx-graphsurgeon": 2,
        "204-polygraphy": 4,
        "205-nsight-systems": 2,
        "206-nsight-compute": 3,
        "207-engine-explorer": 4,
        "208-debugging": 1,
    },
    "no_programs_as_strings": {
        "104-inside-pytorch": 1,
        "106-dynamic-shapes": 3,
        "109-versions": 1,
        "110-loops-and-conditions": 1,
        "204-polygraphy": 6,
        "205-nsight-systems": 1,
        "206-nsight-compute": 1,
    },
    "sections_are_numbered": {"107-precision": 2},
}

# {function: the notebooks that define it or one hardly different}
TWINS: dict[str, set[str]] = {
    "named": {"110-loops-and-conditions", "102-network-api"},
    "quiet": {"205-nsight-systems", "103-onnx-parser", "104-inside-pytorch", "204-polygraphy"},
    "run_onnx": {"108-operators", "103-onnx-parser"},
    "empty_network": {"103-onnx-parser", "106-dynamic-shapes"},
}

# {notebook: {ruff's rule: number of faults}}
LINT: dict[str, dict[str, int]] = {
    "101-why-tensorrt": {"B007": 1, "F811": 1, "E731": 1},
    "110-loops-and-conditions": {"E731": 1, "B007": 1},
    "201-trtexec": {"F401": 1, "SIM905": 1},
    "202-netron": {"F401": 1},
    "203-onnx-graphsurgeon": {"B007": 2, "E731": 1},
    "204-polygraphy": {"B007": 1, "E402": 1},
    "205-nsight-systems": {"F401": 1, "B008": 1, "E731": 1},
    "206-nsight-compute": {"F823": 1, "F811": 1},
    "104-inside-pytorch": {"B007": 1},
    "106-dynamic-shapes": {"F401": 1},
    "107-precision": {"B008": 1},
    "108-operators": {"F811": 1},
    "109-versions": {"SIM102": 1, "B007": 1},
}

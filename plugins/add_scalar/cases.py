"""AddScalar as data: what it must do, and what it must refuse. tests/plugins runs it all."""

import ctypes

import numpy as np

# What the library registers: name, version, namespace.
CREATORS = [("AddScalar", "1", "")]
OUTPUTS = ["y"]
# Types of the inputs that it takes; every case below runs with each.
TYPES = [{"x": "float32"}, {"x": "float16"}]
# How far a result may be from the reference, by its type.
TOLERANCE = {"float32": {"rtol": 0, "atol": 0}, "float16": {"rtol": 1e-3, "atol": 1e-3}}


def case(scalar, *shapes):
    """The attribute, and the smallest, the usual and the largest shape of the input."""
    return {"attributes": {"scalar": scalar}, "inputs": {"x": list(shapes)}}


CASES = [
    case(1.5, (1, 3), (4, 3), (7, 3)),
    case(-0.25, (1,), (255,), (257,)),  # around one block of threads
    case(0.0, (1, 1, 1, 1), (2, 3, 5, 7), (3, 3, 5, 7)),
    case(3.0, (1, 1021), (9, 1021), (13, 1021)),  # several blocks, and an odd size
]

# Attributes, inputs and result, worked out by hand.
EXAMPLES = [
    {
        "attributes": {"scalar": 10.0},
        "inputs": {"x": np.array([[1.0, -2.5], [0.0, 3.0]], np.float32)},
        "outputs": {"y": [[11.0, 7.5], [10.0, 13.0]]},
    },
]

# Attributes that the creator must refuse, and words of the reason.
BAD_ATTRIBUTES = [
    ({}, "attribute scalar is missing"),
    ({"scalar": float("nan")}, "scalar must be a finite number"),
    ({"scalar": float("inf")}, "scalar must be a finite number"),
    ({"scalar": [1.0, 2.0]}, "attribute scalar must be FLOAT32 with 1 values, not FLOAT32 with 2"),
    (
        {"scalar": np.array([1], np.int32)},
        "attribute scalar must be FLOAT32 with 1 values, not INT32 with 1",
    ),
    ({"scalar": 1.0, "bias": 1.0}, "attribute bias is unknown; it has scalar"),
]

# Shapes of inputs that do not fit, and words of the reason.
BAD_INPUTS = [({"x": (2, 3), "scalar": (1,)}, "takes one input; scalar is an attribute")]


def launch(kernel, inputs, outputs, attributes, stream):
    """Call the kernel alone. inputs, outputs: CUDA tensors. Returns CUDA's number of the error."""
    x = inputs["x"]
    return kernel.add_scalar_launch(
        ctypes.c_int64(x.numel()),
        ctypes.c_float(attributes["scalar"]),
        int(x.element_size() == 2),
        ctypes.c_void_p(x.data_ptr()),
        ctypes.c_void_p(outputs["y"].data_ptr()),
        ctypes.c_void_p(stream),
    )


def with_torch(x, scalar):
    """The same by PyTorch."""
    return x + scalar

"""Fold2d as data: what it must do, and what it must refuse. tests/test_plugins.py runs it all."""

import ctypes

import numpy as np

# What the library registers: name, version, namespace.
CREATORS = [("Fold2d", "1", "")]
OUTPUTS = ["image"]
# Types of the inputs that it takes; every case below runs with each.
TYPES = [{"patches": "float32"}, {"patches": "float16"}]
# How far a result may be from the reference, by its type.
TOLERANCE = {"float32": {"rtol": 1e-5, "atol": 1e-5}, "float16": {"rtol": 2e-3, "atol": 2e-3}}


def grid(image_shape, block_shape, strides, pads, dilations):
    """Rows and columns of patches."""
    counts = []
    for axis in (0, 1):
        padded = image_shape[axis] + pads[axis] + pads[axis + 2]
        reach = dilations[axis] * (block_shape[axis] - 1) + 1
        counts.append((padded - reach) // strides[axis] + 1)
    return counts


def case(channels, image, block, strides, pads, dilations):
    """Attributes, and the smallest, the usual and the largest shape of the input."""
    rows, columns = grid(image, block, strides, pads, dilations)
    values = channels * block[0] * block[1]
    shapes = [(n, values, rows * columns) for n in (1, 3, 5)]
    attributes = {
        "image_shape": image,
        "block_shape": block,
        "strides": strides,
        "pads": pads,
        "dilations": dilations,
    }
    return {"attributes": attributes, "inputs": {"patches": shapes}}


CASES = [
    case(1, [8, 8], [4, 4], [2, 2], [1, 1, 1, 1], [1, 1]),  # the patch denoiser of notebook 108
    case(2, [7, 9], [3, 2], [1, 2], [2, 0, 2, 0], [1, 1]),  # height and width differ everywhere
    case(3, [11, 10], [3, 3], [2, 3], [2, 1, 2, 1], [2, 3]),  # gaps inside the patches
    case(2, [5, 5], [1, 1], [2, 2], [0, 0, 0, 0], [1, 1]),  # pixels that no patch touches
    case(1, [1, 1], [1, 1], [1, 1], [0, 0, 0, 0], [1, 1]),  # the smallest
    case(5, [33, 17], [5, 7], [3, 1], [4, 6, 4, 6], [2, 1]),  # more than one block of threads
    case(2, [6, 7], [3, 2], [1, 1], [1, 0, 2, 1], [1, 1]),  # four different pads
]

# Attributes, inputs and result, worked out by hand: 2×2 patches of ones, six of them.
EXAMPLES = [
    {
        "attributes": {"image_shape": [2, 4], "block_shape": [2, 2], "pads": [0, 0, 1, 0]},
        "inputs": {"patches": np.ones((1, 4, 6), np.float32)},
        "outputs": {"image": [[[[1, 2, 2, 1], [2, 4, 4, 2]]]]},
    },
]

GOOD = CASES[0]["attributes"]
WITHOUT_IMAGE = {name: value for name, value in GOOD.items() if name != "image_shape"}

# Attributes that the creator must refuse, and words of the reason.
BAD_ATTRIBUTES = [
    (WITHOUT_IMAGE, "attribute image_shape is missing"),
    ({**GOOD, "image_shape": [0, 8]}, "image_shape, block_shape, strides and dilations must be"),
    ({**GOOD, "block_shape": [4, 0]}, "must be positive"),
    ({**GOOD, "strides": [2, -1]}, "must be positive"),
    ({**GOOD, "dilations": [0, 1]}, "must be positive"),
    ({**GOOD, "strides": [2]}, "attribute strides must be INT32 with 2 values, not INT32 with 1"),
    ({**GOOD, "pads": [1, 1]}, "attribute pads must be INT32 with 4 values, not INT32 with 2"),
    ({**GOOD, "pads": [1, 1, 1, -1]}, "pads must not be negative"),
    ({**GOOD, "block_shape": [11, 4]}, "block_shape is larger than the padded image"),
    ({**GOOD, "block_shape": [4, 11]}, "block_shape is larger than the padded image"),
    ({**GOOD, "size": [1]}, "attribute size is unknown; it has image_shape, block_shape, strides"),
    (
        {**GOOD, "strides": np.array([2, 2], np.float32)},
        "attribute strides must be INT32 with 2 values, not FLOAT32 with 2",
    ),
]

# Shapes of inputs that do not fit GOOD, and words of the reason.
FITTING = "the input must be (n, channels * 16, 16): values of a patch, patches"
BAD_INPUTS = [
    ({"patches": (2, 16, 15)}, FITTING),
    ({"patches": (2, 15, 16)}, FITTING),
    ({"patches": (2, 16, 4, 4)}, FITTING),
    ({"patches": (2, 16, 16), "image_shape": (2,)}, "takes one input"),
]


class FoldShape(ctypes.Structure):
    """struct FoldShape of kernel.h."""

    _fields_ = [
        ("batch", ctypes.c_int64),
        ("channels", ctypes.c_int32),
        ("image", ctypes.c_int32 * 2),
        ("block", ctypes.c_int32 * 2),
        ("stride", ctypes.c_int32 * 2),
        ("pad", ctypes.c_int32 * 2),
        ("dilation", ctypes.c_int32 * 2),
        ("grid", ctypes.c_int32 * 2),
    ]


def launch(kernel, inputs, outputs, attributes, stream):
    """Call the kernel alone. inputs, outputs: CUDA tensors. Returns CUDA's number of the error."""
    patches = inputs["patches"]
    image = outputs["image"]
    shape = FoldShape(image.shape[0], image.shape[1])
    shape.image[:] = attributes["image_shape"]
    shape.block[:] = attributes["block_shape"]
    shape.stride[:] = attributes["strides"]
    shape.pad[:] = attributes["pads"][:2]
    shape.dilation[:] = attributes["dilations"]
    shape.grid[:] = grid(**attributes)
    half = int(patches.element_size() == 2)
    return kernel.fold2d_launch(
        ctypes.byref(shape),
        half,
        ctypes.c_void_p(patches.data_ptr()),
        ctypes.c_void_p(image.data_ptr()),
        ctypes.c_void_p(stream),
    )


def with_torch(patches, image_shape, block_shape, strides, pads, dilations):
    """The same by PyTorch, whose fold pads both sides alike: fold a larger image, and cut it."""
    import torch

    top, left, bottom, right = pads
    height, width = image_shape
    padded = [height + top + bottom, width + left + right]
    image = torch.nn.functional.fold(
        patches, padded, block_shape, dilation=dilations, stride=strides
    )
    return image[:, :, top : top + height, left : left + width]

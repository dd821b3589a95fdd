"""What Fold2d computes, in NumPy: slow, short, and obviously right."""

import numpy as np


def patch_count(size, before, after, dilation, length, stride):
    """How many patches there are along one axis."""
    room = size + before + after - dilation * (length - 1) - 1
    return room // stride + 1


def fold2d(patches, image_shape, block_shape, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)):
    """Add overlapping patches to images. Attributes are those of ONNX's Col2Im.

    Args:
        patches: (n, channels * kh * kw, number of patches), any float type.
        image_shape, block_shape, strides, dilations: (height, width).
        pads: rows and columns that are cut off: top, left, bottom, right.
    Returns: (n, channels, height, width) in the type of the patches; added up in float32.
    """
    height, width = image_shape
    kh, kw = block_shape
    top, left, bottom, right = pads
    rows = patch_count(height, top, bottom, dilations[0], kh, strides[0])
    columns = patch_count(width, left, right, dilations[1], kw, strides[1])

    n = len(patches)
    channels = patches.shape[1] // (kh * kw)
    blocks = patches.astype(np.float32).reshape(n, channels, kh, kw, rows, columns)
    padded = np.zeros((n, channels, top + height + bottom, left + width + right), np.float32)
    for row in range(rows):
        for column in range(columns):
            y = row * strides[0]
            x = column * strides[1]
            ys = slice(y, y + dilations[0] * (kh - 1) + 1, dilations[0])
            xs = slice(x, x + dilations[1] * (kw - 1) + 1, dilations[1])
            padded[:, :, ys, xs] += blocks[..., row, column]
    image = padded[:, :, top : top + height, left : left + width]
    return image.astype(patches.dtype)

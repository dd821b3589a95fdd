"""What Fold2d computes, in NumPy: slow, short, and obviously right."""
import numpy as np


def fold2d(patches, image_shape, block_shape, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)):
    """Add overlapping patches to images; attributes as in ONNX's Col2Im (pads: top, left, bottom, right).

    patches: (n, channels * kh * kw, number of patches). Returns (n, channels, H, W) in the type of the patches; adds in float32.
    """
    (height, width), (kh, kw) = image_shape, block_shape
    rows, columns = ((size + before + after - dilation * (block - 1) - 1) // stride + 1
                     for size, before, after, dilation, block, stride in
                     zip(image_shape, pads[:2], pads[2:], dilations, block_shape, strides))
    blocks = patches.astype(np.float32).reshape(len(patches), patches.shape[1] // (kh * kw), kh, kw, rows, columns)
    padded = np.zeros((*blocks.shape[:2], height + pads[0] + pads[2], width + pads[1] + pads[3]), np.float32)
    for row in range(rows):
        for column in range(columns):
            top, left = row * strides[0], column * strides[1]
            spot = padded[:, :, top:top + dilations[0] * (kh - 1) + 1:dilations[0],
                          left:left + dilations[1] * (kw - 1) + 1:dilations[1]]
            spot += blocks[..., row, column]
    return padded[:, :, pads[0]:pads[0] + height, pads[1]:pads[1] + width].astype(patches.dtype)

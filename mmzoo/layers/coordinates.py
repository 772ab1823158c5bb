"""Where the tokens lie: coordinates as extra features."""

import numpy as np
from keras import ops


def append_coordinates(tokens, grid=None):
    """Appends each token's position to its features.

    Args:
        tokens: `(B, T, D)` float.
        grid: `(height, width)` of the feature map they come from, row by row from the top left;
            `None`: a line.

    Returns:
        `(B, T, D + 2)`: x and y from -1 to 1. Of a line `(B, T, D + 1)`: a hundredth of the index,
        which does not depend on how long the line is padded to.

    Raises:
        ValueError: when the grid has another number of tokens.

    Example:

    >>> append_coordinates(np.zeros((1, 4, 1), "float32"), (2, 2))[0, :, 1:].numpy().tolist()
    [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]

    Reference: Liu et al. 2018, arXiv 1807.03247 (CoordConv).
    """
    if grid is None:
        positions = ops.arange(ops.shape(tokens)[1], dtype="float32")[:, None] / 100
    else:
        height, width = grid
        if tokens.shape[1] != height * width:
            raise ValueError(
                f"A grid of {height} x {width} does not have {tokens.shape[1]} tokens."
            )
        x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        positions = np.stack([x.ravel(), y.ravel()], axis=-1)
    positions = ops.cast(ops.convert_to_tensor(positions), tokens.dtype)
    batch, length, width = ops.shape(tokens)[0], ops.shape(tokens)[1], positions.shape[-1]
    positions = ops.broadcast_to(positions[None], (batch, length, width))
    return ops.concatenate([tokens, positions], axis=-1)

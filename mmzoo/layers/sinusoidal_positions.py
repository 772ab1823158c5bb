"""Fixed sinusoidal positions: no weights, any length."""

import math

from keras import ops


def sinusoidal_positions(length, dim):
    """Sines in the first half of the dimensions, cosines in the second.

    Args:
        length: number of positions, an integer or a scalar tensor.
        dim: width, even.

    Returns:
        `(length, dim)` float32.

    Example:

    >>> tuple(sinusoidal_positions(5, 8).shape)
    (5, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
    """
    rates = ops.exp(ops.arange(dim // 2, dtype="float32") * (-math.log(10_000.0) / (dim // 2)))
    angles = ops.arange(length, dtype="float32")[:, None] * rates[None]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

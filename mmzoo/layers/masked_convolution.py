"""Convolutions over a sequence that is padded at its end."""

from keras import ops


def masked_convolution(convolution, x, mask):
    """Applies a convolution so that padding has no influence, however much of it there is.

    What is not valid enters as zeros, as what lies outside does, and output `t` is centred on input
    `t * stride`. Keras's `padding="same"` shifts strided windows by whether the length is odd.

    Args:
        convolution: a `keras.layers.Conv1D` or `Conv2D` with `padding="valid"`.
        x: `(B, T, ..., C)` float.
        mask: `(B, T)` bool, `True` where a step is valid.

    Returns:
        `(x, mask)`: `(B, ceil(T / stride), ..., filters)` and `(B, ceil(T / stride))`.

    Example:

    >>> import keras, numpy as np
    >>> convolution = keras.layers.Conv1D(4, 3, strides=2)
    >>> x, mask = masked_convolution(convolution, np.ones((1, 5, 2)), np.ones((1, 5), bool))
    >>> tuple(x.shape), tuple(mask.shape)
    ((1, 3, 4), (1, 3))
    """
    valid = ops.reshape(mask, (*ops.shape(mask), *(1,) * (len(x.shape) - 2)))
    x = ops.where(valid, x, ops.zeros_like(x))
    margins = [((size - 1) // 2, size // 2) for size in convolution.kernel_size]
    x = convolution(ops.pad(x, [(0, 0), *margins, (0, 0)]))
    return x, mask[:, :: convolution.strides[0]]

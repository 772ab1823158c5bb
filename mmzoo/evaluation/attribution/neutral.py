"""Values that say nothing, in the place of those of a row."""

import numpy as np


def neutral_values(kind, values):
    """Neutral values of the tensors that gradients are taken of.

    They stand for a value that is there and says nothing: its absence is another state, which a
    model learns by itself, and between the two there is no path.

    Args:
        kind: the `kind` of the modality.
        values: `(B, ...)` float array: pixels, numbers, embeddings, frames.

    Returns:
        An array like it: of pictures the mean colour of each; otherwise zeros, which are the mean
        of normalised numbers and of log-mel frames, silence, and no word's vector. NaN, a missing
        number, stays NaN.

    Example:

    >>> neutral_values("image", np.array([[[[0.0], [8.0]]]])).ravel().tolist()
    [4.0, 4.0]
    """
    if kind in ("image", "video"):
        axes = tuple(range(1, values.ndim - 1))
        return np.broadcast_to(values.mean(axis=axes, keepdims=True), values.shape)
    return np.where(np.isnan(values), values, np.zeros_like(values))

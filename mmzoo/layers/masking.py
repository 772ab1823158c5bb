"""Reductions over tokens that respect a mask, in pure Keras."""

from keras import ops
from keras.backend import standardize_dtype

#: The logarithm of what can't be; minus infinity would make NaN of a difference or a product.
IMPOSSIBLE = -1e30
POOLINGS = ("mean", "max", "last", "flatten")


def masked_mean(tokens, mask):
    """Mean over the valid tokens; zeros where a row has none.

    Sums in float32, because a float16 sum over a picture's tokens overflows.

    Args:
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool, `True` where a token is valid.

    Returns:
        `(B, D)`, in the dtype of `tokens`.

    Example:

    >>> import numpy as np
    >>> tokens = np.array([[[1.0], [3.0], [100.0]]], "float32")
    >>> float(masked_mean(tokens, np.array([[True, True, False]]))[0, 0])
    2.0
    """
    if tokens.shape[1] == 1:
        return ops.where(mask, tokens[:, 0], ops.zeros_like(tokens[:, 0]))
    valid = mask[..., None]
    total = ops.sum(ops.where(valid, ops.cast(tokens, "float32"), 0.0), axis=1)
    count = ops.sum(ops.cast(valid, "float32"), axis=1)
    return ops.cast(total / ops.maximum(count, 1.0), tokens.dtype)


def masked_max(tokens, mask):
    """Maximum over the valid tokens, dimension by dimension; zeros where a row has none.

    Args:
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool, `True` where a token is valid.

    Returns:
        `(B, D)`, in the dtype of `tokens`.
    """
    lowest = -6e4 if standardize_dtype(tokens.dtype) == "float16" else -3e38
    highest = ops.max(ops.where(mask[..., None], tokens, ops.cast(lowest, tokens.dtype)), axis=1)
    return ops.where(ops.any(mask, axis=1, keepdims=True), highest, ops.zeros_like(highest))


def last_token(tokens, mask):
    """The last valid token of each row; the first one where a row has none.

    Args:
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool, `True` where a token is valid.

    Returns:
        `(B, D)`, in the dtype of `tokens`.
    """
    if tokens.shape[1] == 1:
        return tokens[:, 0]
    positions = ops.arange(ops.shape(mask)[1], dtype="int32")
    last = ops.max(ops.where(mask, positions, 0), axis=1, keepdims=True)
    # Not `take_along_axis`, whose gradient is a scatter.
    is_last = (positions == last)[..., None]
    return ops.sum(ops.where(is_last, tokens, ops.zeros_like(tokens)), axis=1)


def flatten_tokens(tokens, mask):
    """All tokens of a row side by side, padding as zeros: `(B, T * D)`.

    Args:
        tokens: `(B, T, D)` float, with static `T` and `D`.
        mask: `(B, T)` bool, `True` where a token is valid.

    Returns:
        `(B, T * D)`, in the dtype of `tokens`.

    Raises:
        ValueError: when the number of tokens is not static.
    """
    if tokens.shape[1] is None:
        raise ValueError(
            "pooling='flatten' needs a static number of tokens; received tokens of shape "
            f"{tuple(tokens.shape)}. Give the modality a length, or use another pooling."
        )
    tokens = ops.where(mask[..., None], tokens, ops.zeros_like(tokens))
    return ops.reshape(tokens, (-1, tokens.shape[1] * tokens.shape[2]))


def pool_tokens(tokens, mask, pooling):
    """Reduces tokens to one token, or leaves them (`pooling=None`).

    Args:
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool.
        pooling: `None`, `"mean"`, `"max"`, `"last"` or `"flatten"`.

    Returns:
        `(tokens, mask)`: `(B, 1, D')` and `(B, 1)`, or what came in. The one token is valid where
        the row had any valid token.
    """
    if pooling is None:
        return tokens, mask
    reduce = {
        "mean": masked_mean,
        "max": masked_max,
        "last": last_token,
        "flatten": flatten_tokens,
    }[pooling]
    return reduce(tokens, mask)[:, None], ops.any(mask, axis=1, keepdims=True)

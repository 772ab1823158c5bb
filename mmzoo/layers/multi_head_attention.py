"""Multi-head attention by the kernel that is fastest where it runs."""

import keras
from keras import ops

from mmzoo.keras_compat import AttentionStep
from mmzoo.layers.masking import IMPOSSIBLE


@keras.saving.register_keras_serializable(package="mmzoo")
class MultiHeadAttention(AttentionStep):
    """Keras's `MultiHeadAttention`, whose weights and results it has, computed faster.

    On JAX through `keras.ops.dot_product_attention`, with a mask in the only shape that cuDNN's
    fused kernel takes, `(B, 1, T, S)`: of Keras's own, `(B, 1, 1, S)`, JAX says on a GPU that it
    "failed to apply cudnn", and takes the slow way. On other backends as two matrix products over
    `(B, heads, T, key_dim)`, which on a CPU saves TensorFlow a good part of the time that it spends
    on laying out the operands and gradients of Keras's equations.

    The softmax is taken in float32, and queries are scaled before they are multiplied, so that
    float16 does not overflow.

    Args:
        **kwargs: as for `keras.layers.MultiHeadAttention`.

    Example:

    >>> import numpy as np
    >>> attention = MultiHeadAttention(num_heads=2, key_dim=4)
    >>> tokens = np.ones((2, 5, 8), "float32")
    >>> tuple(attention(tokens, tokens).shape)
    (2, 5, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.
    """

    @property
    def fused(self):
        """Whether attention is left to the backend's own, which may have a fused kernel."""
        return keras.backend.backend() == "jax"

    def attend(self, query, key, value, mask):
        if mask is not None:
            mask = ops.cast(ops.expand_dims(mask, 1) if len(mask.shape) == 3 else mask, "bool")
        return attend(query, key, value, mask, self.fused)


def attend(query, key, value, mask, fused=None):
    """Attention between projections.

    Args:
        query: `(B, T, N, D)` float.
        key: `(B, S, N, D)` float.
        value: likewise.
        mask: bool that broadcasts to `(B, 1, T, S)`, `True` where a key may be attended to; `None`:
            everywhere.
        fused: whether to leave it to the backend's own; `None`: on JAX.

    Returns:
        `(B, T, N, D)`.
    """
    if keras.backend.backend() == "jax" if fused is None else fused:
        return _by_dot_product_attention(query, key, value, mask)
    return _by_matrix_products(query, key, value, mask)


def attend_by_heads(query, key, value, mask, num_heads):
    """Attention between projections whose heads stand side by side.

    Args:
        query: `(B, T, D)` float.
        key: `(B, S, D)` float.
        value: likewise.
        mask: as for `attend`.
        num_heads: number of heads; divides `D`.

    Returns:
        `(B, T, D)`.
    """

    def split(x):
        return ops.reshape(x, (*ops.shape(x)[:2], num_heads, x.shape[-1] // num_heads))

    attended = attend(split(query), split(key), split(value), mask)
    return ops.reshape(attended, (*ops.shape(query)[:2], query.shape[-1]))


def _by_dot_product_attention(query, key, value, mask):
    """`(B, T, N, D)` each -> `(B, T, N, D)`, by a fused kernel where there is one."""
    fused = None  # if it can
    if mask is not None:
        rows, length, _, _ = query.shape
        mask = ops.broadcast_to(mask, (rows, 1, length, key.shape[1]))
        if length % 2 or key.shape[1] % 2:  # cuDNN's gradients need even lengths beside a mask
            fused = False
    return ops.dot_product_attention(query, key, value, mask=mask, flash_attention=fused)


def _by_matrix_products(query, key, value, mask):
    """`(B, T, N, D)` each -> `(B, T, N, D)`."""
    query = query * ops.cast(query.shape[-1] ** -0.5, query.dtype)
    scores = ops.matmul(ops.transpose(query, (0, 2, 1, 3)), ops.transpose(key, (0, 2, 3, 1)))
    scores = ops.cast(scores, "float32")
    if mask is not None:
        scores = ops.where(mask, scores, ops.cast(IMPOSSIBLE, "float32"))
    weights = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
    return ops.transpose(ops.matmul(weights, ops.transpose(value, (0, 2, 1, 3))), (0, 2, 1, 3))

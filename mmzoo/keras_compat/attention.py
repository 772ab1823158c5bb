"""The step of Keras's attention between its projections."""

import contextlib

import keras
from keras import ops

from mmzoo.keras_compat.calls import _replaced_methods


class AttentionStep(keras.layers.MultiHeadAttention):
    """Keras's `MultiHeadAttention` with a method for what stands between its projections.

    A subclass implements `attend(query, key, value, mask)`: `(B, T, N, D)` and `(B, T, S)` or
    `(B, 1, T, S)` bool or `None` -> `(B, T, N, D)`. It is not asked for what is unusual: scores
    that are to be returned, causal masks, dropout, other ranks. These Keras computes.

    Args:
        **kwargs: as for `keras.layers.MultiHeadAttention`.
    """

    def attend(self, query, key, value, mask):
        raise NotImplementedError(f"{type(self).__name__} must implement `attend`.")

    def _compute_attention(
        self,
        query,
        key,
        value,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
        use_causal_mask=False,
    ):
        unusual = return_attention_scores or use_causal_mask or self.dropout > 0
        if unusual or len(query.shape) != 4:
            return super()._compute_attention(
                query,
                key,
                value,
                attention_mask,
                training,
                return_attention_scores,
                use_causal_mask,
            )
        return self.attend(query, key, value, attention_mask), None


@contextlib.contextmanager
def recorded_attention(layers, record):
    """A context in which layers of attention hand out whom they attend to.

    The weights are computed beside what the layers do, in float32: what they return is the same.

    Args:
        layers: list of `keras.layers.MultiHeadAttention`, or of subclasses; others are left alone.
        record: function that is called with `(layer, weights)` at each call of one of them:
            `(B, heads, T, S)` float32, rows that sum to 1, or zeros where there is nothing that may
            be attended to.
    """

    def attend(layer, compute, query, key, value, *args, **kwargs):
        mask = args[0] if args else kwargs.get("attention_mask")
        causal = kwargs.get("use_causal_mask", False)
        if len(query.shape) == 4 and not causal:
            record(layer, attention_weights(query, key, mask))
        return compute(query, key, value, *args, **kwargs)

    functions = {
        layer: lambda compute, query, key, value, *args, layer=layer, **kwargs: attend(
            layer, compute, query, key, value, *args, **kwargs
        )
        for layer in layers
        if isinstance(layer, keras.layers.MultiHeadAttention)
    }
    with _replaced_methods("_compute_attention", functions):
        yield


def attention_weights(query, key, mask=None):
    """How much each query attends to each key.

    Args:
        query: `(B, T, heads, D)` float.
        key: `(B, S, heads, D)` float.
        mask: `(B, T, S)`, `(B, 1, S)` or `(B, 1, T, S)` bool, `True` where a key may be attended
            to; `None`: everywhere.

    Returns:
        `(B, heads, T, S)` float32, rows that sum to 1; zeros where no key may be attended to.

    Example:

    >>> import numpy as np
    >>> ones, mask = np.ones((1, 2, 1, 4), "float32"), np.array([[[True, False]]])
    >>> np.asarray(attention_weights(ones, ones, mask))[0, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    query, key = ops.cast(query, "float32"), ops.cast(key, "float32")
    query = query * query.shape[-1] ** -0.5
    scores = ops.matmul(ops.transpose(query, (0, 2, 1, 3)), ops.transpose(key, (0, 2, 3, 1)))
    if mask is None:
        return ops.softmax(scores, axis=-1)
    mask = ops.cast(ops.expand_dims(mask, 1) if len(mask.shape) == 3 else mask, "bool")
    weights = ops.softmax(ops.where(mask, scores, -1e30), axis=-1)
    return ops.where(mask, weights, 0.0)

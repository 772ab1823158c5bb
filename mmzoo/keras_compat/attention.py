"""The step of Keras's attention between its projections."""

import keras


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

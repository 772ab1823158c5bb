"""Learned positions for tokens of a fixed grid."""

import keras


@keras.saving.register_keras_serializable(package="mmzoo")
class PositionEmbedding(keras.layers.Layer):
    """Adds one learned vector a position.

    Call arguments:
        tokens: `(B, T, D)` float, with static `T` and `D`.

    Returns:
        `(B, T, D)`.

    Example:

    >>> import numpy as np
    >>> tuple(PositionEmbedding()(np.ones((2, 9, 4), "float32")).shape)
    (2, 9, 4)

    Reference: Dosovitskiy et al. 2020, arXiv 2010.11929, section 3.1.
    """

    def build(self, tokens_shape):
        self.positions = self.add_weight(
            shape=tuple(tokens_shape[1:]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="positions",
        )

    def call(self, tokens):
        return tokens + keras.ops.cast(self.positions, tokens.dtype)

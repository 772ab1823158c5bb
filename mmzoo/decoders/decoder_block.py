"""One block of a transformer decoder, whose keys and values can be kept."""

import keras
from keras import ops

from mmzoo.layers import CompositeLayer, attend_by_heads


@keras.saving.register_keras_serializable(package="mmzoo")
class DecoderBlock(CompositeLayer):
    """Pre-norm attention to what stands so far, attention to the memory, feed-forward network.

    Args:
        num_heads: number of attention heads; divides the width of the tokens.
        hidden_dim: width of the feed-forward network; `None`: four times that of the tokens.
        dropout: rate after each of the three.

    Call arguments:
        x: `(B, L, D)` float; position `i` attends to the positions up to `i`.
        memory: `(B, S, D)` float.
        memory_mask: `(B, S)` bool, `True` where there is something to read.

    Returns:
        `(B, L, D)`.

    Example:

    >>> import numpy as np
    >>> x, memory = np.ones((2, 5, 8), "float32"), np.ones((2, 3, 8), "float32")
    >>> block = DecoderBlock(num_heads=2)
    >>> tuple(block(x, memory, np.ones((2, 3), bool)).shape)
    (2, 5, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762; pre-norm: Xiong et al. 2020, 2002.04745.
    """

    def __init__(self, num_heads=4, hidden_dim=None, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        # Layers; those whose width is that of the tokens are made in `build`
        dtype = self.dtype_policy
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        self.memory_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="memory_norm"
        )
        self.reading_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="reading_norm"
        )
        self.feedforward_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="feedforward_norm"
        )
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        # Config
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout

    def build(self, x_shape):
        dim = x_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f"`num_heads` must divide the width of the tokens; received num_heads="
                f"{self.num_heads}, tokens of width {dim}."
            )

        def dense(name, units=dim, **options):
            return keras.layers.Dense(units, dtype=self.dtype_policy, name=name, **options)

        self.query, self.key, self.value = dense("query"), dense("key"), dense("value")
        self.output_map = dense("output_map")
        self.reading_query, self.reading_output = dense("reading_query"), dense("reading_output")
        self.memory_key, self.memory_value = dense("memory_key"), dense("memory_value")
        self.feedforward_hidden = dense(
            "feedforward_hidden", self.hidden_dim or 4 * dim, activation="gelu"
        )
        self.feedforward_output = dense("feedforward_output")

    def call(self, x, memory, memory_mask):
        hidden = self.norm(x)
        positions = ops.arange(ops.shape(x)[1])
        earlier = positions[:, None] >= positions[None, :]
        attended = self.output_map(
            self._attend(self.query(hidden), self.key(hidden), self.value(hidden), earlier[None])
        )
        x = x + self.dropout_layer(attended)
        return self._finish(x, *self.read(memory), memory_mask)

    def read(self, memory):
        """Keys and values of the memory, which are the same at every step."""
        memory = self.memory_norm(memory)
        return self.memory_key(memory), self.memory_value(memory)

    def step(self, x, position, read, memory_mask, kept):
        """The block at one position.

        Args:
            x: `(R, 1, D)` float.
            position: scalar int32.
            read: what `read` returned.
            memory_mask: `(R, S)` bool.
            kept: `(keys, values)` of the positions before, `(R, L, D)` each.

        Returns:
            `(x, kept)`.
        """
        hidden = self.norm(x)
        keys, values = kept
        places = ops.arange(keys.shape[1])
        here = (places == position)[None, :, None]  # every format has this, unlike an update
        keys = ops.where(here, ops.cast(self.key(hidden), keys.dtype), keys)
        values = ops.where(here, ops.cast(self.value(hidden), values.dtype), values)
        earlier = places <= position
        x = x + self.output_map(self._attend(self.query(hidden), keys, values, earlier[None, None]))
        return self._finish(x, *read, memory_mask), (keys, values)

    def _finish(self, x, memory_keys, memory_values, memory_mask):
        """What follows the attention to the tokens that stand so far."""
        query = self.reading_query(self.reading_norm(x))
        reading = self._attend(query, memory_keys, memory_values, memory_mask[:, None, :])
        x = x + self.dropout_layer(self.reading_output(reading))
        hidden = self.feedforward_hidden(self.feedforward_norm(x))
        return x + self.dropout_layer(self.feedforward_output(hidden))

    def _attend(self, query, key, value, mask):
        """`(R, T, D)`, `(R, S, D)` twice, a mask `(R or 1, T or 1, S)` -> `(R, T, D)`."""
        return attend_by_heads(query, key, value, mask[:, None], self.num_heads)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }

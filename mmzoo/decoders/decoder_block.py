"""One block of a transformer decoder, whose keys and values can be kept."""

import keras
from keras import ops

from mmzoo.layers import CompositeLayer, attend_by_heads
from mmzoo.layers.masking import IMPOSSIBLE


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
        query, memory = self.reading_query(self.reading_norm(x)), self.memory_norm(memory)
        key, value = self.memory_key(memory), self.memory_value(memory)
        return self._finish(x, self._attend(query, key, value, memory_mask[:, None, :]))

    def read(self, memory):
        """Keys and values of the memory, `(B, N, S, d)`, which are the same at every step."""
        memory = self.memory_norm(memory)
        parts = self.memory_key(memory), self.memory_value(memory)
        return tuple(self._by_heads(x, ops.shape(memory)[1]) for x in parts)

    def step(self, x, here, bias, read, memory_bias, kept):
        """The block at one position, of `R = B * K` texts of which `K` read the same.

        Args:
            x: `(R, D)` float.
            here: `(B * N, 3)` int32, where the position lies among what is kept.
            bias: `(B or 1, 1, K or 1, L * K)`, the `attention_bias` of what of it each text
                attends to.
            read: what `read` returned.
            memory_bias: `(B, 1, 1, S)`, that of the memory.
            kept: `(keys, values)` of all positions, `(B, N, L, K, d)` each.

        Returns:
            `(x, kept)`.
        """
        hidden, texts = self.norm(x), kept[0].shape[3]

        def with_this(before, dense):
            now = ops.cast(self._by_heads(dense(hidden), texts), before.dtype)
            now = ops.reshape(now, (-1, texts, before.shape[-1]))
            return ops.scatter_update(before, here, now)

        def all_texts(x):
            return ops.reshape(x, (-1, x.shape[1], x.shape[2] * texts, x.shape[4]))

        kept = with_this(kept[0], self.key), with_this(kept[1], self.value)
        attended = self._attend_kept(self.query(hidden), texts, *map(all_texts, kept), bias)
        x = x + self.output_map(attended)
        query = self.reading_query(self.reading_norm(x))
        reading = self._attend_kept(query, texts, *read, memory_bias)
        return self._finish(x, reading), kept

    def _finish(self, x, reading):
        """What follows the attention to the memory."""
        x = x + self.dropout_layer(self.reading_output(reading))
        hidden = self.feedforward_hidden(self.feedforward_norm(x))
        return x + self.dropout_layer(self.feedforward_output(hidden))

    def _attend(self, query, key, value, mask):
        """`(R, T, D)`, `(R, S, D)` twice, a mask `(R or 1, T or 1, S)` -> `(R, T, D)`."""
        return attend_by_heads(query, key, value, mask[:, None], self.num_heads)

    def _by_heads(self, x, length):
        """`(..., D)` -> `(B, N, length, d)`: neighbouring vectors are those of a row."""
        x = ops.reshape(x, (-1, length, self.num_heads, x.shape[-1] // self.num_heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def _attend_kept(self, query, texts, keys, values, bias):
        """Attention of texts to keys and values that they share.

        Args:
            query: `(R, D)` float.
            texts: how many texts read the same.
            keys: `(B, N, S, d)` float.
            values: likewise.
            bias: `(B or 1, 1, K or 1, S)`.

        Returns:
            `(R, D)`.
        """
        query = self._by_heads(query * ops.cast(keys.shape[-1] ** -0.5, query.dtype), texts)
        scores = ops.matmul(query, ops.swapaxes(keys, 2, 3))
        weights = ops.softmax(ops.cast(scores, "float32") + bias, axis=-1)
        attended = ops.matmul(ops.cast(weights, values.dtype), values)
        attended = ops.transpose(attended, (0, 2, 1, 3))
        return ops.reshape(attended, (-1, self.num_heads * values.shape[-1]))

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }


def attention_bias(mask):
    """What is added to scores of attention so that only what the mask says is attended to.

    Args:
        mask: bool tensor, `True` where there is something to attend to.

    Returns:
        float32 tensor: 0, or a number beside which no score matters.
    """
    return ops.cast(~mask, "float32") * IMPOSSIBLE  # a product is faster than a choice

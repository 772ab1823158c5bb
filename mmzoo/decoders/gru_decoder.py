"""A recurrent network that writes, and looks back at what was read."""

import keras
from keras import ops

from mmzoo.decoders.decoder import Decoder
from mmzoo.layers import masked_mean
from mmzoo.layers.masking import IMPOSSIBLE


@keras.saving.register_keras_serializable(package="mmzoo")
class GRUDecoder(Decoder):
    """A GRU over what stands so far, and additive attention of its state to what was read.

    The state begins as a map of the mean of the memory. The score of the attention is Bahdanau's,
    `v tanh(W q + U k)`; as with Luong it follows the recurrent step, so that all positions of a
    text are attended from at once in training.

    Args:
        dropout: rate of the embedded tokens and of the result.

    Call arguments:
        x: `(B, L, D)` float, see `Decoder`.
        memory: `(B, S, D)` float.
        memory_mask: `(B, S)` bool.

    Returns:
        `(B, L, D)`.

    Example:

    >>> import numpy as np
    >>> x, memory = np.ones((2, 5, 8), "float32"), np.ones((2, 3, 8), "float32")
    >>> tuple(GRUDecoder()(x, memory, np.ones((2, 3), bool)).shape)
    (2, 5, 8)

    Reference: Bahdanau et al. 2014, arXiv 1409.0473; Luong et al. 2015, arXiv 1508.04025.
    """

    def __init__(self, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        # Layers; those whose width is that of the tokens are made in `build`
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        # Config
        self.dropout = dropout

    def build(self, x_shape):
        dim, dtype = x_shape[-1], self.dtype_policy

        def dense(name, units=dim, **options):
            return keras.layers.Dense(units, dtype=dtype, name=name, **options)

        self.gru = keras.layers.GRU(dim, return_sequences=True, dtype=dtype, name="gru")
        self.first_state = dense("first_state", activation="tanh")
        self.query = dense("query", use_bias=False)
        self.key = dense("key")
        self.score = dense("score", 1, use_bias=False)
        self.output_map = dense("output_map", activation="tanh")

    def call(self, x, memory, memory_mask):
        first = self.first_state(masked_mean(memory, memory_mask))
        hidden = self.gru(self.dropout_layer(x), initial_state=first)
        return self._look_back(hidden, memory, self.key(memory), memory_mask)

    def _look_back(self, hidden, memory, keys, memory_mask):
        """`(R, L, D)`: the states, each beside what it attends to."""
        scores = self.score(ops.tanh(self.query(hidden)[:, :, None] + keys[:, None]))[..., 0]
        scores = ops.where(memory_mask[:, None], ops.cast(scores, "float32"), IMPOSSIBLE)
        weights = ops.cast(ops.softmax(scores, axis=-1), memory.dtype)
        read = ops.matmul(weights, memory)
        return self.dropout_layer(self.output_map(ops.concatenate([hidden, read], axis=-1)))

    def start(self, memory, memory_mask, length):
        read = {"memory": memory, "keys": self.key(memory), "mask": memory_mask}
        return read, self.first_state(masked_mean(memory, memory_mask))

    def step(self, x, position, read, state):
        hidden, _ = self.gru.cell(x, [state])
        result = self._look_back(hidden[:, None], read["memory"], read["keys"], read["mask"])
        return result[:, 0], hidden

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout}

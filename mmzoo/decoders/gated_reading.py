"""Attention to what was read, through gates that start closed."""

import keras
from keras import ops

from mmzoo.layers import CompositeLayer, attend_by_heads


@keras.saving.register_keras_serializable(package="mmzoo")
class GatedReading(CompositeLayer):
    """Stands before a block of a language model, which it leaves as it is at the start.

    `x <- x + tanh(a) attention(x, memory)`, `x <- x + tanh(b) feedforward(x)`, with `a = b = 0` at
    the start. In a row with nothing to read it changes nothing, ever.

    Args:
        num_heads: number of attention heads; divides the width of `x`.
        hidden_dim: width of the feed-forward network; `None`: four times that of `x`.

    Call arguments:
        x: `(B, L, D)` float.
        memory: `(B, S, E)` float.
        memory_mask: `(B, S)` bool, `True` where there is something to read.

    Returns:
        `(B, L, D)`.

    Raises:
        ValueError: when `num_heads` does not divide the width.

    Example:

    >>> import numpy as np
    >>> x, memory = np.ones((2, 5, 8), "float32"), np.ones((2, 3, 6), "float32")
    >>> read = GatedReading(num_heads=2)(x, memory, np.ones((2, 3), bool))
    >>> bool((keras.ops.convert_to_numpy(read) == x).all())
    True

    Reference: Alayrac et al. 2022, arXiv 2204.14198 (Flamingo), section 2.2.
    """

    def __init__(self, num_heads=4, hidden_dim=None, **kwargs):
        super().__init__(**kwargs)
        # Layers; those whose width is that of the tokens are made in `build`
        self.norm, self.memory_norm, self.feedforward_norm = (
            keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy, name=name)
            for name in ("norm", "memory_norm", "feedforward_norm")
        )
        # Config
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim

    def build(self, x_shape):
        dim = x_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f"`num_heads` must divide the width of the language model; received num_heads="
                f"{self.num_heads}, a width of {dim}."
            )

        def dense(name, units=dim, **options):
            return keras.layers.Dense(units, dtype=self.dtype_policy, name=name, **options)

        self.query, self.key, self.value = dense("query"), dense("key"), dense("value")
        self.output_map = dense("output_map")
        self.hidden = dense("feedforward_hidden", self.hidden_dim or 4 * dim, activation="gelu")
        self.feedforward_output = dense("feedforward_output")
        self.attention_gate = self.add_weight((), initializer="zeros", name="attention_gate")
        self.feedforward_gate = self.add_weight((), initializer="zeros", name="feedforward_gate")

    def call(self, x, memory, memory_mask):
        return self.with_read(x, self.read(memory), memory_mask)

    def read(self, memory):
        """Keys and values of the memory, which are the same at every step: `(B, S, D)` twice."""
        memory = self.memory_norm(memory)
        return self.key(memory), self.value(memory)

    def with_read(self, x, read, memory_mask):
        """As the call, with what `read` returned in place of the memory."""
        anything = ops.any(memory_mask, axis=1, keepdims=True)
        # A softmax over nothing would be NaN; what comes of it is multiplied by 0.
        mask = memory_mask | ~anything
        anything = ops.cast(anything, x.dtype)[..., None]
        query = self.query(self.norm(x))
        attended = attend_by_heads(query, *read, mask[:, None, None, :], self.num_heads)
        attended = self.output_map(attended)
        gates = (self.attention_gate, self.feedforward_gate)
        attention_gate, feedforward_gate = (
            anything * ops.cast(ops.tanh(gate), x.dtype) for gate in gates
        )
        x = x + attention_gate * ops.cast(attended, x.dtype)
        hidden = self.feedforward_output(self.hidden(self.feedforward_norm(x)))
        return x + feedforward_gate * ops.cast(hidden, x.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
        }

"""The one transformer block that encoders and attention fusions share."""

import keras
from keras import ops

from mmzoo.layers.composite_layer import CompositeLayer
from mmzoo.layers.multi_head_attention import MultiHeadAttention


@keras.saving.register_keras_serializable(package="mmzoo")
class TransformerBlock(CompositeLayer):
    """Pre-norm attention and feed-forward network, each with a residual connection.

    Without `context` it is self-attention; with it, `tokens` attend to `context`.

    Args:
        dim: width of the tokens.
        num_heads: number of attention heads; divides `dim`.
        hidden_dim: width of the feed-forward network; `None` means `4 * dim`.
        dropout: rate after the attention and after the feed-forward network.
        cross_attention: whether the block will be called with `context` (which then has a
            normalisation of its own).
        gated: whether both residual branches are scaled by the tanh of a learned number that
            starts at zero, so that the block starts as the identity.

    Call arguments:
        tokens: `(B, T, dim)` float.
        padding_mask: `(B, S)` bool, `True` where a token that may be attended to is valid: those
            of `context` if it is given, else of `tokens`. `None`: all.
        context: `(B, S, dim)` float, or `None`.

    Returns:
        `(B, T, dim)`.

    Example:

    >>> import numpy as np
    >>> block = TransformerBlock(dim=8, num_heads=2)
    >>> tuple(block(np.ones((2, 5, 8), "float32")).shape)
    (2, 5, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762; pre-norm: Xiong et al. 2020, 2002.04745;
    gates: Alayrac et al. 2022, 2204.14198.
    """

    def __init__(
        self,
        dim,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        cross_attention=False,
        gated=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if dim % num_heads:
            raise ValueError(
                f"`num_heads` must divide `dim`; received dim={dim}, num_heads={num_heads}."
            )
        # Layers
        dtype = self.dtype_policy
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="attention_norm"
        )
        self.context_norm = (
            keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="context_norm")
            if cross_attention
            else None
        )
        self.attention = MultiHeadAttention(
            num_heads, key_dim=dim // num_heads, dtype=dtype, name="attention"
        )
        self.feedforward_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="feedforward_norm"
        )
        self.feedforward_hidden = keras.layers.Dense(
            hidden_dim or 4 * dim, activation="gelu", dtype=dtype, name="feedforward_hidden"
        )
        self.feedforward_output = keras.layers.Dense(dim, dtype=dtype, name="feedforward_output")
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        # Config
        self.dim = dim
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.cross_attention = cross_attention
        self.gated = gated

    def build(self, tokens_shape, **shapes):
        if self.gated:
            self.attention_gate = self.add_weight((), initializer="zeros", name="attention_gate")
            self.feedforward_gate = self.add_weight(
                (), initializer="zeros", name="feedforward_gate"
            )

    def call(self, tokens, padding_mask=None, context=None):
        attention_mask = None if padding_mask is None else padding_mask[:, None, :]
        if context is not None and not self.cross_attention:
            raise ValueError("A block to be called with `context` needs `cross_attention=True`.")
        query = self.attention_norm(tokens)
        value = query if context is None else self.context_norm(context)
        attended = self.attention(query, value, attention_mask=attention_mask)
        if context is not None and padding_mask is not None:
            # A softmax over nothing is uniform; where the context is empty, nothing is read.
            there = ops.any(padding_mask, axis=1)[:, None, None]
            attended = ops.where(there, attended, ops.zeros_like(attended))
        if self.gated:
            attended = attended * ops.cast(ops.tanh(self.attention_gate), attended.dtype)
        tokens = tokens + self.dropout_layer(attended)
        hidden = self.feedforward_hidden(self.feedforward_norm(tokens))
        output = self.feedforward_output(hidden)
        if self.gated:
            output = output * ops.cast(ops.tanh(self.feedforward_gate), output.dtype)
        return tokens + self.dropout_layer(output)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "cross_attention": self.cross_attention,
            "gated": self.gated,
        }

"""A transformer over a sequence of vectors."""

import keras
from keras import ops

from mmzoo.encoders.features_encoder import FeaturesEncoder
from mmzoo.layers import TransformerBlock, sinusoidal_positions


@keras.saving.register_keras_serializable(package="mmzoo")
class FeaturesTransformer(FeaturesEncoder):
    """A linear layer, sinusoidal positions, transformer blocks. Any length, no length stored.

    Args:
        embedding_dim: width of the tokens; even, divisible by `num_heads`.
        depth: number of transformer blocks.
        num_heads: attention heads a block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * embedding_dim`.
        dropout: dropout rate in the blocks.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, D)` float; or dict of `vectors`, `(B, T, D)`, and `mask`, `(B, T)` bool.

    Returns:
        `(tokens, mask)`: `(B, T, embedding_dim)` and `(B, T)`, where one vector is one token.

    Raises:
        ValueError: when `embedding_dim` is odd, or `num_heads` does not divide it.

    Example:

    >>> import numpy as np
    >>> x = {"vectors": np.ones((2, 3, 10), "float32"), "mask": np.ones((2, 3), bool)}
    >>> tokens, mask = FeaturesTransformer(embedding_dim=8, depth=1)(x)
    >>> tuple(tokens.shape)
    (2, 3, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762.
    """

    def __init__(
        self, embedding_dim=128, depth=2, num_heads=4, hidden_dim=None, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        if embedding_dim % 2:
            raise ValueError(f"`embedding_dim` must be even; received: {embedding_dim}.")
        # Layers
        dtype = self.dtype_policy
        self.linear = keras.layers.Dense(embedding_dim, dtype=dtype, name="linear")
        self.blocks = [
            TransformerBlock(
                embedding_dim, num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}"
            )
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        # Config
        self.embedding_dim = embedding_dim
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout

    def contextualize(self, tokens, mask):
        positions = sinusoidal_positions(ops.shape(tokens)[1], self.embedding_dim)
        tokens = self.linear(tokens)
        tokens = tokens + ops.cast(positions, tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, padding_mask=mask)
        return self.norm(tokens)

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }

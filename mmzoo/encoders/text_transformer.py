"""A transformer over the words of a text."""

import keras
from keras import ops

from mmzoo.encoders.text_encoder import TextEncoder
from mmzoo.layers import TransformerBlock, sinusoidal_positions


@keras.saving.register_keras_serializable(package="mmzoo")
class TextTransformer(TextEncoder):
    """Embeddings, sinusoidal positions, transformer blocks. Any length, no length stored.

    Args:
        vocabulary_size: number of ids. `None`: that of the modality.
        embedding_dim: width of the embeddings and of the tokens; even, divisible by `num_heads`.
        depth: number of transformer blocks.
        num_heads: attention heads a block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * embedding_dim`.
        dropout: dropout rate in the blocks.
        segments: number of segments, each with a vector that is added to the embeddings of its
            words. `None`: that of the modality, or none.
        **kwargs: `embeddings_initializer`, `word_dropout`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, T)` int32 token ids, 0 is padding; or a dict of these as `ids`, and of `segments`,
            `(B, T)` int32. Ids alone are all of segment 0.

    Returns:
        `(tokens, mask)`: `(B, T, embedding_dim)` and `(B, T)`.

    Example:

    >>> import numpy as np
    >>> encoder = TextTransformer(vocabulary_size=10, embedding_dim=8, depth=1)
    >>> tokens, mask = encoder(np.array([[2, 3, 0]]))
    >>> tuple(tokens.shape)
    (1, 3, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762; segments: Devlin et al. 2018, 1810.04805.
    """

    def __init__(
        self,
        vocabulary_size=None,
        embedding_dim=128,
        depth=2,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        segments=None,
        **kwargs,
    ):
        super().__init__(vocabulary_size, embedding_dim, **kwargs)
        if embedding_dim % 2:
            raise ValueError(f"`embedding_dim` must be even; received: {embedding_dim}.")
        # Layers
        dtype = self.dtype_policy
        self.segment_embedding = (
            keras.layers.Embedding(segments, embedding_dim, dtype=dtype, name="segment_embedding")
            if segments
            else None
        )
        self.blocks = [
            TransformerBlock(
                embedding_dim, num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}"
            )
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        # Config
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.segments = segments

    def embed(self, ids, x):
        tokens = super().embed(ids, x)
        if self.segment_embedding is None:
            return tokens
        segments = x.get("segments") if isinstance(x, dict) else None
        segments = ops.zeros_like(ids) if segments is None else segments
        return tokens + self.segment_embedding(segments)

    def contextualize(self, tokens, mask):
        # Embeddings start at a scale of 0.05: sqrt(dim) lifts them to that of the positions.
        positions = sinusoidal_positions(ops.shape(tokens)[1], self.embedding_dim)
        tokens = tokens * self.embedding_dim**0.5 + ops.cast(positions, tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, padding_mask=mask)
        return self.norm(tokens), mask

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "segments": self.segments,
        }

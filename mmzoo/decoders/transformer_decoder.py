"""A transformer that writes."""

import keras
from keras import ops

from mmzoo.decoders.decoder import Decoder
from mmzoo.decoders.decoder_block import DecoderBlock
from mmzoo.layers import sinusoidal_positions
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
class TransformerDecoder(Decoder):
    """Pre-norm blocks that attend to what stands so far, and to what was read.

    Args:
        depth: number of blocks.
        num_heads: number of attention heads; divides the width of the tokens, which is even.
        hidden_dim: width of the feed-forward networks; `None`: four times that of the tokens.
        dropout: rate in the blocks, and of the embedded tokens.

    Call arguments:
        x: `(B, L, D)` float, see `Decoder`.
        memory: `(B, S, D)` float.
        memory_mask: `(B, S)` bool.

    Returns:
        `(B, L, D)`.

    Raises:
        ValueError: for a depth that is not positive.

    Example:

    >>> import numpy as np
    >>> x, memory = np.ones((2, 5, 8), "float32"), np.ones((2, 3, 8), "float32")
    >>> tuple(TransformerDecoder(depth=1)(x, memory, np.ones((2, 3), bool)).shape)
    (2, 5, 8)

    Reference: Vaswani et al. 2017, arXiv 1706.03762; pre-norm: Xiong et al. 2020, 2002.04745.
    """

    def __init__(self, depth=2, num_heads=4, hidden_dim=None, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        check_positive_integers("depth", depth)
        # Layers
        dtype = self.dtype_policy
        self.blocks = [
            DecoderBlock(num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}")
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        # Config
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout

    def call(self, x, memory, memory_mask):
        x = self.dropout_layer(x + ops.cast(sinusoidal_positions(*x.shape[1:]), x.dtype))
        for block in self.blocks:
            x = block(x, memory, memory_mask)
        return self.norm(x)

    def start(self, memory, memory_mask, length):
        rows, dim = ops.shape(memory)[0], memory.shape[-1]

        def nothing():
            return ops.zeros((rows, length, dim), self.compute_dtype)

        read = {
            "blocks": [block.read(memory) for block in self.blocks],
            "mask": memory_mask,
        }
        return read, [(nothing(), nothing()) for _ in self.blocks]

    def step(self, x, position, read, state):
        positions = sinusoidal_positions(state[0][0].shape[1], x.shape[-1])
        x = x + ops.cast(ops.take(positions, position, axis=0), x.dtype)
        x, kept = x[:, None], []
        for block, of_block, before in zip(self.blocks, read["blocks"], state, strict=True):
            x, now = block.step(x, position, of_block, read["mask"], before)
            kept.append(now)
        return self.norm(x)[:, 0], kept

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }

"""A transformer that writes."""

import keras
from keras import ops

from mmzoo.decoders.decoder import Decoder
from mmzoo.decoders.decoder_block import DecoderBlock, attention_bias
from mmzoo.decoders.writer import taken_rows
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
        return self.start_texts(memory, memory_mask, length, texts=1)

    def start_texts(self, memory, memory_mask, length, texts):
        rows, dim = ops.shape(memory)[0], memory.shape[-1]
        shape = (rows, self.num_heads, length, texts, dim // self.num_heads)
        read = {
            "blocks": [block.read(memory) for block in self.blocks],
            "bias": attention_bias(memory_mask[:, None, None]),
        }
        state = {
            "kept": [
                tuple(ops.zeros(shape, self.compute_dtype) for _ in "kv") for _ in self.blocks
            ],
            # Which of the texts that a row had at a position each text has gone on from.
            "line": [ops.zeros((rows * texts, length), "int32")] if texts > 1 else [],
        }
        return read, state

    def step(self, x, position, read, state):
        kept, line = state["kept"], state["line"]
        rows, (heads, length, texts) = ops.shape(kept[0][0])[0], kept[0][0].shape[1:4]
        positions = sinusoidal_positions(length, x.shape[-1])
        x = x + ops.cast(ops.take(positions, position, axis=0), x.dtype)
        places = ops.arange(length, dtype="int32")
        written = places <= position
        mask = written[None, None, None]
        if line:
            own = ops.tile(ops.arange(texts, dtype="int32"), (rows,))
            line = [ops.where(places == position, own[:, None], line[0])]
            mask = line[0][..., None] == ops.arange(texts, dtype="int32")
            mask = ops.reshape(mask & written[:, None], (-1, 1, texts, length * texts))
        bias = attention_bias(mask)
        numbers = ops.arange(rows * heads, dtype="int32")
        here = ops.stack(
            [numbers // heads, numbers % heads, ops.zeros_like(numbers) + position], axis=1
        )
        after = []
        for block, of_block, before in zip(self.blocks, read["blocks"], kept, strict=True):
            x, now = block.step(x, here, bias, of_block, read["bias"], before)
            after.append(now)
        return self.norm(x), {"kept": after, "line": line}

    def reorder(self, state, parents):
        # Keys and values stay where they are, which for many positions is most of the work.
        return {**state, "line": taken_rows(state["line"], parents)}

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }

"""A transformer that writes."""

import keras
from keras import ops

from mmzoo.decoders.decoder import Decoder, taken_rows
from mmzoo.decoders.decoder_block import DecoderBlock, attention_bias
from mmzoo.layers import sinusoidal_positions
from mmzoo.utils.checks import check_positive_integers

#: Positions whose keys and values lie apart from those before, in generation.
RECENT = 16


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
        return self._room(memory, memory_mask, length, 1, length)

    def start_texts(self, memory, memory_mask, length, texts):
        return self._room(memory, memory_mask, length, texts, min(length, RECENT))

    def _room(self, memory, memory_mask, length, texts, recent):
        """Keys and values of the latest positions are written at every step, and go over to those
        of all positions when there are `recent` of them: tensors that change are copied."""
        rows, dim = ops.shape(memory)[0], memory.shape[-1]
        padded = -(-length // recent) * recent

        def nothing(positions):
            shape = (rows, self.num_heads, positions, texts, dim // self.num_heads)
            return [tuple(ops.zeros(shape, self.compute_dtype) for _ in "kv") for _ in self.blocks]

        read = {
            "blocks": [block.read(memory) for block in self.blocks],
            "bias": attention_bias(memory_mask[:, None, None]),
        }
        state = {
            "kept": nothing(recent),
            "earlier": nothing(padded) if recent < length else [],
            # Which of the texts that a row had at a position each text has gone on from.
            "line": [ops.zeros((rows * texts, padded), "int32")] if texts > 1 else [],
        }
        return read, state

    def step(self, x, position, read, state):
        kept, earlier, line = (state[name] for name in ("kept", "earlier", "line"))
        rows, (heads, recent, texts) = ops.shape(kept[0][0])[0], kept[0][0].shape[1:4]
        length = earlier[0][0].shape[2] if earlier else recent
        positions = sinusoidal_positions(length, x.shape[-1])
        x = x + ops.cast(ops.take(positions, position, axis=0), x.dtype)
        # What is attended to: the earlier positions, if any, and the recent ones.
        begin = position // recent * recent
        places = begin + ops.arange(recent, dtype="int32")
        written = places <= position
        if earlier:
            before = ops.arange(length, dtype="int32")
            places = ops.concatenate([before, places])
            written = ops.concatenate([before < begin, written])
        mask = written[None, None, None]
        if line:
            own = ops.tile(ops.arange(texts, dtype="int32"), (rows,))
            line = [ops.where(ops.arange(length) == position, own[:, None], line[0])]
            of_places = ops.take(line[0], places, axis=1)[..., None]
            mask = (of_places == ops.arange(texts, dtype="int32")) & written[:, None]
            mask = ops.reshape(mask, (-1, 1, texts, places.shape[0] * texts))
        bias = attention_bias(mask)
        here = _places(rows, heads, ops.reshape(position - begin, (1,)))
        after = []
        for number, block in enumerate(self.blocks):
            of_block = earlier[number] if earlier else None
            x, now = block.step(
                x, here, bias, read["blocks"][number], read["bias"], kept[number], of_block
            )
            after.append(now)
        if earlier:
            everywhere = _places(rows, heads, begin + ops.arange(recent, dtype="int32"))

            def with_latest(before, latest):
                latest = ops.reshape(latest, (-1, *latest.shape[3:]))
                return ops.scatter_update(before, everywhere, latest)

            earlier = ops.cond(
                position == begin + recent - 1,
                lambda: keras.tree.map_structure(with_latest, earlier, after),
                lambda: earlier,
            )
        return self.norm(x), {"kept": after, "earlier": earlier, "line": line}

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


def _places(rows, heads, positions):
    """`(rows * heads * P, 3)` int32: row, head and position of what is written, in this order."""
    count = positions.shape[0]
    numbers = ops.arange(rows * heads * count, dtype="int32")
    of_rows, of_heads = numbers // (heads * count), numbers // count % heads
    return ops.stack([of_rows, of_heads, ops.tile(positions, (rows * heads,))], axis=1)

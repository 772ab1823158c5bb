"""The multimodal transformer: attention from every modality to every other."""

import keras
from keras import ops

from mmzoo.fusion.attention_fusion import AttentionFusion
from mmzoo.fusion.fusion import pooled
from mmzoo.fusion.reading import Reading, ReadingOrder, Stage
from mmzoo.layers import TransformerBlock


@keras.saving.register_keras_serializable(package="mmzoo")
class PairwiseAttention(AttentionFusion):
    """A stack of cross-attention blocks for every ordered pair of modalities (MulT).

    The tokens of a modality read those of one other, as these came in, through `depth` blocks. The
    results of all others stand side by side, feature by feature, and go through a transformer
    block; the mean tokens of the modalities are joined by a dense layer. One modality alone reads
    itself.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of blocks a pair.
        num_heads: attention heads a transformer block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`. Tokens of `contextualized` are `dim` times the number of others wide.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(PairwiseAttention(dim=8)(tokens, mask).shape)
    (2, 8)

    Formula: y_mn = attend^depth(x_m, x_n); y_m = block([y_mn for n != m]); h = W [y_1; ...; y_M]
    Reference: Tsai et al. 2019, arXiv 1906.00295 (MulT); their last time step is a mean here.
    Choose when: few modalities that run in time, aligned or not.
    """

    def build(self, tokens_shape):
        super().build(tokens_shape)
        names = sorted(tokens_shape)
        self.sources = {name: [o for o in names if o != name] or [name] for name in names}
        self.pair_blocks = [
            [
                [
                    self.make_block(f"{name}_reads_{source}_{i}", cross_attention=True)
                    for i in range(self.depth)
                ]
                for source in self.sources[name]
            ]
            for name in names
        ]
        self.own_blocks = [
            TransformerBlock(
                self.dim * len(self.sources[name]),
                self.num_heads,
                self.hidden_dim,
                self.dropout,
                dtype=self.dtype_policy,
                name=f"{name}_block",
            )
            for name in names
        ]
        self.norms = [self.make_norm(f"{name}_norm") for name in names]
        self.joint = self.make_dense(self.dim, "joint")

    def fuse_tokens(self, tokens, mask):
        tokens = self.normalized(tokens)
        streams = {}
        for m, name in enumerate(tokens):
            read = []
            for source, blocks in zip(self.sources[name], self.pair_blocks[m], strict=True):
                stream = tokens[name]
                for block in blocks:
                    stream = block(stream, padding_mask=mask[source], context=tokens[source])
                read.append(stream)
            stream = self.own_blocks[m](ops.concatenate(read, axis=-1), padding_mask=mask[name])
            streams[name] = self.norms[m](stream)
        return self.joint(ops.concatenate(pooled(streams, mask), axis=-1)), streams

    def reading_order(self, names):
        sources = {name: [o for o in names if o != name] or [name] for name in names}
        streams = {name: tuple(f"{name} from {s}" for s in sources[name]) for name in names}
        stages = [Stage(copies={copy: name for name in names for copy in streams[name]})]
        for i in range(self.depth):
            readings = [
                Reading(f"{name}_reads_{source}_{i}", (f"{name} from {source}",), (source,))
                for name in names
                for source in sources[name]
            ]
            stages.append(Stage(tuple(readings)))
        # What stands side by side counts alike.
        stages.append(Stage(means=streams))
        own = [Reading(f"{name}_block", (name,), (name,)) for name in names]
        return ReadingOrder([*stages, Stage(tuple(own))], tuple(names))

"""Co-attention: every modality reads the others, token by token."""

import keras
from keras import ops

from mmzoo.fusion.attention_fusion import AttentionFusion
from mmzoo.fusion.fusion import pooled
from mmzoo.fusion.reading import Reading, ReadingOrder, Stage


@keras.saving.register_keras_serializable(package="mmzoo")
class CrossAttention(AttentionFusion):
    """Co-attention in both directions, with a stream of tokens a modality.

    In each layer every modality's tokens attend to the valid tokens of all the others, as these
    were before the layer; the mean tokens of the streams are then joined by a dense layer. Where
    the paper follows each co-attention with self-attention in the stream, that is the encoders'
    business here. With one modality alone the tokens attend to themselves.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of co-attention layers.
        num_heads: attention heads a layer.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(CrossAttention(dim=8)(tokens, mask).shape)
    (2, 8)

    Formula: x_m <- attend(x_m, [x_n for n != m]) for each m; h = W [x_1; ...; x_M]
    Reference: Lu et al. 2019, arXiv 1908.02265 (ViLBERT).
    Choose when: words should find their places in a picture, and the other way round.
    """

    def build(self, tokens_shape):
        super().build(tokens_shape)
        names = sorted(tokens_shape)
        self.blocks = [
            [self.make_block(f"{name}_block_{i}", cross_attention=True) for name in names]
            for i in range(self.depth)
        ]
        self.norms = [self.make_norm(f"{name}_norm") for name in names]
        self.joint = self.make_dense(self.dim, "joint")

    def fuse_tokens(self, tokens, mask):
        tokens = self.normalized(tokens)
        names = list(tokens)
        others = {name: [o for o in names if o != name] or [name] for name in names}
        for blocks in self.blocks:
            tokens = {
                name: block(
                    tokens[name],
                    context=ops.concatenate([tokens[o] for o in others[name]], axis=1),
                    padding_mask=ops.concatenate([mask[o] for o in others[name]], axis=1),
                )
                for name, block in zip(names, blocks, strict=True)
            }
        tokens = {name: norm(tokens[name]) for name, norm in zip(names, self.norms, strict=True)}
        return self.joint(ops.concatenate(pooled(tokens, mask), axis=-1)), tokens

    def reading_order(self, names):
        others = {name: tuple(o for o in names if o != name) or (name,) for name in names}
        stages = [
            Stage(tuple(Reading(f"{name}_block_{i}", (name,), others[name]) for name in names))
            for i in range(self.depth)
        ]
        return ReadingOrder(stages, tuple(names))

"""Co-attention: every modality reads the others, token by token."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled
from mmzoo.layers import TransformerBlock


@keras.saving.register_keras_serializable(package="mmzoo")
class CrossAttention(Fusion):
    """Co-attention in both directions, with a stream of tokens a modality.

    In each layer every modality's tokens attend to the valid tokens of all the others, as these
    were before the layer; the mean tokens of the streams are then joined by a dense layer. With
    one modality alone the tokens attend to themselves.

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

    Reference: Lu et al. 2019, arXiv 1908.02265 (ViLBERT).
    """

    projects = "if_needed"

    def __init__(self, dim=None, depth=2, num_heads=4, hidden_dim=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim

    def build(self, tokens_shape):
        # One stack of blocks a modality, in alphabetical order.
        self.blocks = [
            [
                TransformerBlock(
                    self.dim,
                    self.num_heads,
                    self.hidden_dim,
                    self.dropout,
                    cross_attention=True,
                    dtype=self.dtype_policy,
                    name=f"{name}_block_{i}",
                )
                for name in sorted(tokens_shape)
            ]
            for i in range(self.depth)
        ]
        self.norms = [
            keras.layers.LayerNormalization(
                epsilon=1e-6, dtype=self.dtype_policy, name=f"{name}_norm"
            )
            for name in sorted(tokens_shape)
        ]
        self.joint = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="joint")

    def fuse(self, tokens, mask, training=None):
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
        return self.joint(ops.concatenate(pooled(tokens, mask), axis=-1))

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
        }

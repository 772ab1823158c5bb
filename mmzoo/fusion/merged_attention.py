"""A single stream transformer over the tokens of all modalities."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion
from mmzoo.layers import TransformerBlock


@keras.saving.register_keras_serializable(package="mmzoo")
class MergedAttention(Fusion):
    """All tokens in one sequence, each with a learned vector for its modality.

    A learned class token stands first; after the transformer blocks it is the fused vector.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of transformer blocks.
        num_heads: attention heads a block.
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
    >>> tuple(MergedAttention(dim=8)(tokens, mask).shape)
    (2, 8)

    Reference: Kim et al. 2021, arXiv 2102.03334 (ViLT).
    """

    projects = "if_needed"

    def __init__(self, dim=None, depth=2, num_heads=4, hidden_dim=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim

    def build(self, tokens_shape):
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.class_token = self.add_weight(
            shape=(self.dim,), initializer=initializer, name="class_token"
        )
        self.modality_vectors = self.add_weight(
            shape=(len(tokens_shape), self.dim), initializer=initializer, name="modality_vectors"
        )
        self.blocks = [
            TransformerBlock(
                self.dim,
                self.num_heads,
                self.hidden_dim,
                self.dropout,
                dtype=self.dtype_policy,
                name=f"block_{i}",
            )
            for i in range(self.depth)
        ]
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name="norm"
        )

    def fuse(self, tokens, mask, training=None):
        streams = list(tokens.values())
        batch, dtype = ops.shape(streams[0])[0], streams[0].dtype
        vectors = ops.cast(self.modality_vectors, dtype)
        class_token = ops.broadcast_to(ops.cast(self.class_token, dtype), (batch, 1, self.dim))
        sequence = ops.concatenate(
            [class_token] + [stream + vectors[i] for i, stream in enumerate(streams)], axis=1
        )
        valid = ops.concatenate([ops.ones((batch, 1), dtype="bool"), *mask.values()], axis=1)
        for block in self.blocks:
            sequence = block(sequence, padding_mask=valid)
        return self.norm(sequence[:, 0])

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
        }

"""A single stream transformer over the tokens of all modalities."""

import keras
from keras import ops

from mmzoo.fusion.attention_fusion import AttentionFusion, concatenated_tokens, separated
from mmzoo.fusion.reading import ReadingOrder, stacked


@keras.saving.register_keras_serializable(package="mmzoo")
class MergedAttention(AttentionFusion):
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

    Formula: [c; x_1; ...; x_M] <- block([c; x_1; ...; x_M]); h = c
    Reference: Kim et al. 2021, arXiv 2102.03334 (ViLT).
    Choose when: the strongest mixing, while there are few tokens.
    """

    def build(self, tokens_shape):
        super().build(tokens_shape)
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.class_token = self.add_weight(
            shape=(self.dim,), initializer=initializer, name="class_token"
        )
        self.modality_vectors = self.add_weight(
            shape=(len(tokens_shape), self.dim), initializer=initializer, name="modality_vectors"
        )
        self.blocks = [self.make_block(f"block_{i}") for i in range(self.depth)]
        self.norm = self.make_norm()

    def fuse_tokens(self, tokens, mask):
        tokens = self.normalized(tokens)
        sequence, valid = concatenated_tokens(tokens, mask, self.modality_vectors)
        batch = ops.shape(sequence)[0]
        class_token = ops.cast(self.class_token, sequence.dtype)
        class_token = ops.broadcast_to(class_token, (batch, 1, self.dim))
        sequence = ops.concatenate([class_token, sequence], axis=1)
        valid = ops.concatenate([ops.ones((batch, 1), dtype="bool"), valid], axis=1)
        for block in self.blocks:
            sequence = block(sequence, padding_mask=valid)
        return self.norm(sequence[:, 0]), separated(self.norm(sequence[:, 1:]), tokens)

    def reading_order(self, names):
        sequence = ("class token", *names)
        readings = [(f"block_{i}", sequence, sequence) for i in range(self.depth)]
        return ReadingOrder(stacked(readings), ("class token",), {"class token": 1})

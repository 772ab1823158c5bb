"""A latent resampler."""

import keras
from keras import ops

from mmzoo.fusion.attention_fusion import AttentionFusion, concatenated_tokens
from mmzoo.fusion.reading import ReadingOrder, stacked


@keras.saving.register_keras_serializable(package="mmzoo")
class Perceiver(AttentionFusion):
    """A few learned latents read the tokens of all modalities, then each other (Perceiver).

    In each layer the latents attend to all tokens, each with a learned vector for its modality,
    and then to themselves. The fused vector is their mean. The cost grows linearly with the number
    of tokens.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of layers.
        num_heads: attention heads a transformer block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        num_latents: number of latents.
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
    >>> tuple(Perceiver(dim=8)(tokens, mask).shape)
    (2, 8)

    Formula: z <- attend(z, [x_1; ...; x_M]); z <- block(z); h = mean_t z_t
    Reference: Jaegle et al. 2021, arXiv 2103.03206 (Perceiver); as a resampler in Alayrac et al.
        2022, 2204.14198.
    Choose when: very many tokens, or very many modalities.
    """

    def __init__(self, dim=None, num_latents=16, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.num_latents = num_latents

    def build(self, tokens_shape):
        super().build(tokens_shape)
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.latents = self.add_weight(
            (self.num_latents, self.dim), initializer=initializer, name="latents"
        )
        self.modality_vectors = self.add_weight(
            (len(tokens_shape), self.dim), initializer=initializer, name="modality_vectors"
        )
        self.reading_blocks = [
            self.make_block(f"reading_block_{i}", cross_attention=True) for i in range(self.depth)
        ]
        self.latent_blocks = [self.make_block(f"latent_block_{i}") for i in range(self.depth)]
        self.norm = self.make_norm()

    def fuse_tokens(self, tokens, mask):
        tokens = self.normalized(tokens)
        sequence, valid = concatenated_tokens(tokens, mask, self.modality_vectors)
        shape = (ops.shape(sequence)[0], self.num_latents, self.dim)
        latents = ops.broadcast_to(ops.cast(self.latents, sequence.dtype)[None], shape)
        for read, think in zip(self.reading_blocks, self.latent_blocks, strict=True):
            latents = think(read(latents, padding_mask=valid, context=sequence))
        fused = ops.mean(self.norm(latents), axis=1)
        # Only the latents read. A token learns from them as in the other blocks: from their mean.
        return fused, {name: stream + fused[:, None] for name, stream in tokens.items()}

    def reading_order(self, names):
        latents, readings = ("latent tokens",), []
        for i in range(self.depth):
            readings.append((f"reading_block_{i}", latents, tuple(names)))
            readings.append((f"latent_block_{i}", latents, latents))
        return ReadingOrder(stacked(readings), latents, {latents[0]: self.num_latents})

    def get_config(self):
        return {**super().get_config(), "num_latents": self.num_latents}

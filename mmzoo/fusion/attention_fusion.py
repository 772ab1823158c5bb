"""The base class of the fusion blocks made of transformer blocks."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion
from mmzoo.layers import TransformerBlock


class AttentionFusion(Fusion):
    """A fusion block of transformer blocks; widths only have to agree.

    Tokens are layer-normalised as they come in. Residual streams add up what they read, so the
    scale of one modality's tokens would otherwise drown that of another's, and blocks learn late
    or never how the two go together.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of layers.
        num_heads: attention heads a transformer block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        **kwargs: those of `Fusion`.
    """

    projects = "if_needed"

    def __init__(self, dim=None, depth=2, num_heads=4, hidden_dim=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim

    def build(self, tokens_shape):
        self.input_norms = [self.make_norm(f"{name}_input_norm") for name in sorted(tokens_shape)]

    def normalized(self, tokens):
        """The tokens of every modality at one scale."""
        pairs = zip(tokens, self.input_norms, strict=True)
        return {name: norm(tokens[name]) for name, norm in pairs}

    def make_block(self, name, **options):
        """A transformer block of this width, as a sublayer called `name`."""
        return TransformerBlock(
            self.dim,
            self.num_heads,
            self.hidden_dim,
            self.dropout,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )

    def make_norm(self, name="norm"):
        """A layer normalisation, as a sublayer called `name`."""
        return keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy, name=name)

    def reading_order(self, names):
        """Who reads whom, so that `mmzoo.attention` can say what the weights mean.

        Args:
            names: names of the modalities, in alphabetical order.

        Returns:
            `mmzoo.fusion.reading.ReadingOrder`; `None` where the block does not say.
        """

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
        }


def concatenated_tokens(tokens, mask, modality_vectors):
    """The tokens of all modalities in one sequence, each with the vector of its modality.

    Args:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool.
        modality_vectors: `(M, dim)` float.

    Returns:
        `(sequence, valid)`: `(B, sum of T, dim)` and `(B, sum of T)` bool.
    """
    streams = [
        stream + ops.cast(modality_vectors[m], stream.dtype)
        for m, stream in enumerate(tokens.values())
    ]
    return ops.concatenate(streams, axis=1), ops.concatenate(list(mask.values()), axis=1)


def separated(sequence, tokens):
    """The sequence of `joined`, cut into the modalities' parts again.

    Args:
        sequence: `(B, sum of T, dim)`.
        tokens: dict from modality name to `(B, T, dim)`: how many belong to each.

    Returns:
        Dict from modality name to `(B, T, dim)`.
    """
    streams, start = {}, 0
    for name, stream in tokens.items():
        length = ops.shape(stream)[1]
        streams[name] = sequence[:, start : start + length]
        start = start + length
    return streams

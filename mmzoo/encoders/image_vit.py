"""A small vision transformer."""

import keras
from keras import ops

from mmzoo.encoders.image_encoder import ImageEncoder
from mmzoo.layers import Conv2D, PositionEmbedding, TransformerBlock, normalization_layer


@keras.saving.register_keras_serializable(package="mmzoo")
class ImageViT(ImageEncoder):
    """Patches as tokens, learned positions, transformer blocks.

    There is no class token: fusion works on patch tokens, and `pooling=` gives one.

    Args:
        patch_size: side of a patch in pixels; divides the picture's height and width.
        dim: width of the tokens.
        depth: number of transformer blocks.
        num_heads: attention heads a block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        dropout: dropout rate in the blocks.
        stem_filters: output channels of 3x3 convolutions of stride 2 before the patches; each
            halves the picture's sides, rounded up. `()`: the patches are cut from the picture.
        stem_normalization: `"batch"`, as in the paper, `"group"` or `None`.
        **kwargs: `coordinates`, `pooling`, `projection_units`, `projection_activation`, `name`,
            `dtype`.

    Call arguments:
        x: `(B, H, W, C)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, (H / patch_size) * (W / patch_size), dim)` and its mask, where `H`
        and `W` are the sides behind the stem.

    Raises:
        ValueError: when `patch_size` does not divide these sides.

    Example:

    >>> import numpy as np
    >>> tokens, mask = ImageViT(patch_size=8, dim=16, depth=1)(np.zeros((2, 32, 32, 3)))
    >>> tuple(tokens.shape)
    (2, 16, 16)

    Reference: Dosovitskiy et al. 2020, arXiv 2010.11929; stem: Xiao et al. 2021, 2106.14881.
    """

    def __init__(
        self,
        patch_size=8,
        dim=128,
        depth=4,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        stem_filters=(),
        stem_normalization="batch",
        **kwargs,
    ):
        super().__init__(**kwargs)
        # Layers
        dtype = self.dtype_policy
        self.stem = []
        for i, filters in enumerate(stem_filters):
            self.stem += [
                Conv2D(
                    filters,
                    3,
                    strides=2,
                    padding="same",
                    use_bias=stem_normalization is None,
                    dtype=dtype,
                    name=f"stem_{i}",
                ),
                normalization_layer(
                    stem_normalization, filters, dtype=dtype, name=f"stem_norm_{i}"
                ),
                keras.layers.ReLU(dtype=dtype, name=f"stem_activation_{i}"),
            ]
        self.patches = Conv2D(dim, patch_size, patch_size, dtype=dtype, name="patches")
        self.positions = PositionEmbedding(dtype=dtype, name="positions")
        self.blocks = [
            TransformerBlock(dim, num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}")
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        # Config
        self.patch_size = patch_size
        self.dim = dim
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.stem_filters = tuple(stem_filters)
        self.stem_normalization = stem_normalization

    def feature_map(self, x):
        for layer in self.stem:
            x = layer(x)
        if x.shape[1] % self.patch_size or x.shape[2] % self.patch_size:
            raise ValueError(
                f"`patch_size` must divide the picture's sides behind the stem; received "
                f"patch_size={self.patch_size} and {tuple(x.shape[1:3])}."
            )
        grid = self.patches(x)
        _, height, width, dim = grid.shape
        tokens = self.positions(ops.reshape(grid, (-1, height * width, dim)))
        for block in self.blocks:
            tokens = block(tokens)
        return ops.reshape(self.norm(tokens), (-1, height, width, dim))

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "dim": self.dim,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "stem_filters": list(self.stem_filters),
            "stem_normalization": self.stem_normalization,
        }

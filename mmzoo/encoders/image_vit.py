"""A small vision transformer."""

import keras
from keras import ops

from mmzoo.encoders.image_encoder import ImageEncoder
from mmzoo.layers import PositionEmbedding, TransformerBlock


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
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, H, W, C)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, (H / patch_size) * (W / patch_size), dim)` and its mask.

    Raises:
        ValueError: when `patch_size` does not divide the picture's sides.

    Example:

    >>> import numpy as np
    >>> tokens, mask = ImageViT(patch_size=8, dim=16, depth=1)(np.zeros((2, 32, 32, 3)))
    >>> tuple(tokens.shape)
    (2, 16, 16)

    Reference: Dosovitskiy et al. 2020, arXiv 2010.11929.
    """

    def __init__(
        self,
        patch_size=8,
        dim=128,
        depth=4,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        # Layers
        dtype = self.dtype_policy
        self.patches = keras.layers.Conv2D(dim, patch_size, patch_size, dtype=dtype, name="patches")
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

    def feature_map(self, x):
        if x.shape[1] % self.patch_size or x.shape[2] % self.patch_size:
            raise ValueError(
                f"`patch_size` must divide the picture's height and width; received "
                f"patch_size={self.patch_size} and pictures of {tuple(x.shape[1:3])}."
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
        }

"""A residual network."""

import keras

from mmzoo.encoders.image_encoder import ImageEncoder
from mmzoo.layers import Conv2D, ResidualBlock, normalization_layer


@keras.saving.register_keras_serializable(package="mmzoo")
class ImageResNet(ImageEncoder):
    """A convolutional stem and stages of residual blocks; each stage halves the picture.

    GroupNorm by default: unlike BatchNorm it does not depend on the batch, and its accuracy does
    not swing while the learning rate is high.

    Args:
        filters: output channels of each stage; the stem has those of the first.
        blocks: residual blocks a stage.
        normalization: `"group"`, `"batch"` or `None`.
        **kwargs: `coordinates`, `pooling`, `projection_units`, `projection_activation`, `name`,
            `dtype`.

    Call arguments:
        x: `(B, H, W, C)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, h * w, filters[-1])` and `(B, h * w)`.

    Example:

    >>> import numpy as np
    >>> tokens, mask = ImageResNet(filters=(8, 16), blocks=1)(np.zeros((2, 32, 32, 3)))
    >>> tuple(tokens.shape)
    (2, 64, 16)

    Reference: He et al. 2015, arXiv 1512.03385; GroupNorm: Wu and He 2018, 1803.08494.
    """

    def __init__(self, filters=(32, 64, 128), blocks=2, normalization="group", **kwargs):
        super().__init__(**kwargs)
        # Layers
        dtype = self.dtype_policy
        self.stem = Conv2D(
            filters[0],
            3,
            padding="same",
            use_bias=normalization is None,
            dtype=dtype,
            name="stem",
        )
        self.stem_norm = normalization_layer(
            normalization, filters[0], dtype=dtype, name="stem_norm"
        )
        self.residual_blocks = [
            ResidualBlock(
                width,
                strides=2 if block == 0 else 1,
                normalization=normalization,
                dtype=dtype,
                name=f"stage_{stage}_block_{block}",
            )
            for stage, width in enumerate(filters)
            for block in range(blocks)
        ]
        # Config
        self.filters = tuple(filters)
        self.blocks = blocks
        self.normalization = normalization

    def feature_map(self, x):
        x = keras.ops.relu(self.stem_norm(self.stem(x)))
        for block in self.residual_blocks:
            x = block(x)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "blocks": self.blocks,
            "normalization": self.normalization,
        }

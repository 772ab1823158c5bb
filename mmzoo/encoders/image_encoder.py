"""The base class of the image encoders that mmzoo trains from scratch."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.layers import append_coordinates


class ImageEncoder(Encoder):
    """Rescales pictures of 0-255 to [-1, 1] and turns a feature map into tokens.

    A subclass implements `feature_map(x)`: `(B, H, W, C)` in [-1, 1] -> `(B, h, w, D)`.

    Args:
        coordinates: whether to give every pixel its x and y, from -1 to 1, as two more channels
            (CoordConv, Liu et al. 2018, arXiv 1807.03247).
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: `(B, H, W, C)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, h * w, D)`, row by row from the top left, and `(B, h * w)`.
    """

    dimensions: ClassVar = {"x": ("batch", "height", "width", "channels")}

    def __init__(self, coordinates=False, **kwargs):
        super().__init__(**kwargs)
        self.coordinates = coordinates
        self.rescaling = keras.layers.Rescaling(
            1 / 127.5, offset=-1.0, dtype=self.dtype_policy, name="rescaling"
        )

    def feature_map(self, x):
        """Pictures in [-1, 1] -> feature map `(B, h, w, D)`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `feature_map`.")

    def encode(self, x, training=None):
        x = self.rescaling(x)
        if self.coordinates:
            _, height, width, channels = x.shape
            pixels = ops.reshape(x, (-1, height * width, channels))
            pixels = append_coordinates(pixels, (height, width))
            x = ops.reshape(pixels, (-1, height, width, channels + 2))
        return self.tokens_of_map(self.feature_map(x))

    def get_config(self):
        return {**super().get_config(), "coordinates": self.coordinates}

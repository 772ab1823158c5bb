"""The base class of the image encoders that mmzoo trains from scratch."""

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder


class ImageEncoder(Encoder):
    """Rescales pictures of 0-255 to [-1, 1] and turns a feature map into tokens.

    A subclass implements `feature_map(x)`: `(B, H, W, C)` in [-1, 1] -> `(B, h, w, D)`.

    Args:
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: `(B, H, W, C)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, h * w, D)`, row by row from the top left, and `(B, h * w)`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rescaling = keras.layers.Rescaling(
            1 / 127.5, offset=-1.0, dtype=self.dtype_policy, name="rescaling"
        )

    def feature_map(self, x):
        """Pictures in [-1, 1] -> feature map `(B, h, w, D)`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `feature_map`.")

    def encode(self, x, training=None):
        features = self.feature_map(self.rescaling(x))
        _, height, width, channels = features.shape
        tokens = ops.reshape(features, (-1, height * width, channels))
        return tokens, ops.ones(ops.shape(tokens)[:2], dtype="bool")

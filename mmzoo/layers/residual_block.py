"""The residual block of the image encoders."""

import keras

from mmzoo.layers.conv_2d import Conv2D

NORMALIZATIONS = (None, "group", "batch")


def normalization_layer(kind, channels, groups=8, **kwargs):
    """A normalisation layer by name.

    Args:
        kind: `"group"` (independent of the batch), `"batch"` or `None`.
        channels: number of channels that will be normalised.
        groups: for `"group"`: the largest number of groups; reduced until it divides `channels`.
        **kwargs: `name`, `dtype`.

    Returns:
        A `keras.layers.Layer`.

    Raises:
        ValueError: for any other `kind`.

    Example:

    >>> normalization_layer("group", channels=12).groups
    6
    """
    if kind is None:
        return keras.layers.Identity(**kwargs)
    if kind == "batch":
        return keras.layers.BatchNormalization(**kwargs)
    if kind == "group":
        groups = next(g for g in range(min(groups, channels), 0, -1) if channels % g == 0)
        return keras.layers.GroupNormalization(groups, **kwargs)
    raise ValueError(f"`normalization` must be one of {NORMALIZATIONS}; received: {kind!r}.")


@keras.saving.register_keras_serializable(package="mmzoo")
class ResidualBlock(keras.layers.Layer):
    """Two 3x3 convolutions and a shortcut, which is projected where the shape changes.

    Args:
        filters: number of output channels.
        strides: stride of the first convolution.
        normalization: `"group"`, `"batch"` or `None`.

    Call arguments:
        x: `(B, H, W, C)` float.

    Returns:
        `(B, ceil(H / strides), ceil(W / strides), filters)`.

    Example:

    >>> import numpy as np
    >>> tuple(ResidualBlock(8, strides=2)(np.ones((1, 7, 7, 4), "float32")).shape)
    (1, 4, 4, 8)

    Reference: He et al. 2015, arXiv 1512.03385; GroupNorm: Wu and He 2018, 1803.08494.
    """

    def __init__(self, filters, strides=1, normalization="group", **kwargs):
        super().__init__(**kwargs)
        # Layers
        dtype = self.dtype_policy
        convolution = {"padding": "same", "use_bias": normalization is None, "dtype": dtype}
        self.first_convolution = Conv2D(
            filters, 3, strides, name="first_convolution", **convolution
        )
        self.first_norm = normalization_layer(
            normalization, filters, name="first_norm", dtype=dtype
        )
        self.second_convolution = Conv2D(filters, 3, name="second_convolution", **convolution)
        self.second_norm = normalization_layer(
            normalization, filters, name="second_norm", dtype=dtype
        )
        self.shortcut = None
        # Config
        self.filters = filters
        self.strides = strides
        self.normalization = normalization

    def build(self, x_shape):
        if self.strides != 1 or x_shape[-1] != self.filters:
            self.shortcut = Conv2D(
                self.filters, 1, self.strides, dtype=self.dtype_policy, name="shortcut"
            )
            self.shortcut.build(x_shape)
        self.first_convolution.build(x_shape)
        hidden_shape = self.first_convolution.compute_output_shape(x_shape)
        self.first_norm.build(hidden_shape)
        self.second_convolution.build(hidden_shape)
        self.second_norm.build(hidden_shape)

    def call(self, x):
        hidden = self.first_norm(self.first_convolution(x))
        hidden = self.second_convolution(keras.ops.relu(hidden))
        hidden = self.second_norm(hidden)
        return keras.ops.relu(hidden + (x if self.shortcut is None else self.shortcut(x)))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "normalization": self.normalization,
        }

"""The residual block of FiLM."""

import keras
from keras import ops

from mmzoo.layers.composite_layer import CompositeLayer
from mmzoo.layers.conv_2d import Conv2D
from mmzoo.layers.coordinates import append_coordinates


@keras.saving.register_keras_serializable(package="mmzoo")
class FiLMBlock(CompositeLayer):
    """A 1x1 and a 3x3 convolution, modulated channel by channel, with a residual connection.

    `y = relu(conv_1x1([x; coordinates]))`, then `y + relu((1 + gamma) norm(conv_3x3(y)) + beta)`.

    Args:
        dim: number of channels.
        grid: `(height, width)` of the tokens; `None`: a line, and the 3x3 convolution has 3 taps.

    Call arguments:
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool; padding counts as zeros, as beyond the border.
        gamma: `(B, 1, dim)`, what is added to a scale of 1.
        beta: `(B, 1, dim)`, what is added.

    Returns:
        `(B, T, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens, mask = np.ones((2, 9, 4), "float32"), np.ones((2, 9), bool)
    >>> gamma = beta = np.zeros((2, 1, 8), "float32")
    >>> tuple(FiLMBlock(8, grid=(3, 3))(tokens, mask, gamma, beta).shape)
    (2, 9, 8)

    Reference: Perez et al. 2017, arXiv 1709.07871, figure 3.
    """

    def __init__(self, dim, grid=None, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.pointwise = keras.layers.Dense(dim, activation="relu", dtype=dtype, name="pointwise")
        convolution = keras.layers.Conv1D if grid is None else Conv2D
        self.convolution = convolution(
            dim,
            3,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            dtype=dtype,
            name="convolution",
        )
        # No scale and shift of its own: the query gives them.
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, center=False, scale=False, dtype=dtype, name="norm"
        )
        self.dim = dim
        self.grid = None if grid is None else tuple(grid)

    def call(self, tokens, mask, gamma, beta):
        tokens = self.pointwise(append_coordinates(tokens, self.grid))
        features = ops.where(mask[..., None], tokens, ops.zeros_like(tokens))
        if self.grid is None:
            features = self.convolution(features)
        else:
            features = self.convolution(ops.reshape(features, (-1, *self.grid, self.dim)))
            features = ops.reshape(features, (-1, self.grid[0] * self.grid[1], self.dim))
        return tokens + ops.relu((1 + gamma) * self.norm(features) + beta)

    def get_config(self):
        grid = None if self.grid is None else list(self.grid)
        return {**super().get_config(), "dim": self.dim, "grid": grid}

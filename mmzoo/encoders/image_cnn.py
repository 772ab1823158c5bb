"""A small convolutional network."""

import keras

from mmzoo.encoders.image_encoder import ImageEncoder
from mmzoo.layers import Conv2D, normalization_layer


def _per_stage(value, stages, argument):
    values = list(value) if isinstance(value, (list, tuple)) else [value] * stages
    if len(values) != stages:
        raise ValueError(
            f"`{argument}` needs one value or one for each of the {stages} stages of `filters`; "
            f"received: {value!r}."
        )
    return values


@keras.saving.register_keras_serializable(package="mmzoo")
class ImageCNN(ImageEncoder):
    """Convolutions, one a stage: convolution, normalisation, activation, max-pooling.

    Args:
        filters: output channels of each stage.
        kernel_size: side of the convolution windows, one for all or one a stage.
        strides: strides of the convolutions, one for all or one a stage.
        pool_size: side of a max-pooling window after each stage, one for all or one a stage;
            `None`: no pooling.
        padding: `"same"` or `"valid"`.
        normalization: `None`, `"group"` or `"batch"`.
        activation: activation of each stage.
        **kwargs: `coordinates`, `pooling`, `projection_units`, `projection_activation`, `name`,
            `dtype`.

    Call arguments:
        x: `(B, H, W, C)`, values 0-255.

    Returns:
        `(tokens, mask)`: `(B, h * w, filters[-1])` and `(B, h * w)`.

    Example:

    >>> import numpy as np
    >>> tokens, mask = ImageCNN(filters=(8, 16))(np.zeros((2, 32, 32, 3)))
    >>> tuple(tokens.shape), tuple(mask.shape)
    ((2, 64, 16), (2, 64))

    Reference: LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """

    def __init__(
        self,
        filters=(32, 64, 128),
        kernel_size=3,
        strides=2,
        pool_size=None,
        padding="same",
        normalization=None,
        activation="relu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        # Layers
        stages = len(filters)
        kernel_sizes = _per_stage(kernel_size, stages, "kernel_size")
        all_strides = _per_stage(strides, stages, "strides")
        pool_sizes = _per_stage(pool_size, stages, "pool_size")
        self.stages = []
        for i in range(stages):
            self.stages += [
                Conv2D(
                    filters[i],
                    kernel_sizes[i],
                    all_strides[i],
                    padding=padding,
                    use_bias=normalization is None,
                    dtype=self.dtype_policy,
                    name=f"convolution_{i}",
                ),
                normalization_layer(
                    normalization, filters[i], dtype=self.dtype_policy, name=f"norm_{i}"
                ),
                keras.layers.Activation(
                    activation, dtype=self.dtype_policy, name=f"activation_{i}"
                ),
            ]
            if pool_sizes[i]:
                self.stages.append(
                    keras.layers.MaxPooling2D(
                        pool_sizes[i],
                        data_format="channels_last",
                        dtype=self.dtype_policy,
                        name=f"pooling_{i}",
                    )
                )
        # Config
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.strides = strides
        self.pool_size = pool_size
        self.padding = padding
        self.normalization = normalization
        self.activation = activation

    def feature_map(self, x):
        for layer in self.stages:
            x = layer(x)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "pool_size": self.pool_size,
            "padding": self.padding,
            "normalization": self.normalization,
            "activation": self.activation,
        }

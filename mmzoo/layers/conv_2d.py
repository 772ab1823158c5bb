"""The convolution of the encoders of pictures and sounds."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class Conv2D(keras.layers.Conv2D):
    """Keras's `Conv2D`, whose weights and results it has, safe where TensorFlow's is not.

    With windows of one pixel and a stride it takes the pixels that count first, and convolves with
    stride 1. TensorFlow's own gradient of that writes past its memory on some processors: see
    "Known faults of others" in docs/design.md. And channels are last, whatever Keras's global
    configuration says: that is where mmzoo has them.

    The name is Keras's, because files name the weights of layers in a list by the class.

    Args:
        *args: as for `keras.layers.Conv2D`.
        **kwargs: likewise.

    Example:

    >>> import numpy as np
    >>> tuple(Conv2D(4, 1, strides=2)(np.ones((1, 7, 7, 3), "float32")).shape)
    (1, 4, 4, 4)
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"data_format": "channels_last", **kwargs})

    def convolution_op(self, inputs, kernel):
        last = self.data_format == "channels_last"
        if not last or tuple(self.kernel_size) != (1, 1) or tuple(self.strides) == (1, 1):
            return super().convolution_op(inputs, kernel)
        rows, columns = self.strides
        return ops.conv(inputs[:, ::rows, ::columns], kernel, data_format="channels_last")

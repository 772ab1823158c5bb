"""A convolutional network over the spectrogram of a sound."""

import keras
from keras import ops

from mmzoo.encoders.audio_encoder import AudioEncoder
from mmzoo.layers import Conv2D, masked_convolution


@keras.saving.register_keras_serializable(package="mmzoo")
class AudioCNN(AudioEncoder):
    """Convolutions over time and frequency; then all frequencies of a time become one token.

    Args:
        sample_rate: samples a second. `None`: that of the modality.
        augmentation: names out of `"noise"` and `"specaugment"`. `None`: those of the modality.
        filters: output channels of each convolution.
        kernel_size: side of the windows.
        strides: strides of the convolutions, in time and frequency alike.
        units: width of the tokens.
        dropout: dropout rate before the dense layer that makes them.
        **kwargs: `mel_bins`, `window_seconds`, `stride_seconds`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `"waveform"`, `(B, samples)`, and `"mask"`; or the waveform alone.

    Returns:
        `(tokens, mask)`: `(B, T, units)` and `(B, T)`; by default a token each 80 ms.

    Example:

    >>> import numpy as np
    >>> encoder = AudioCNN(sample_rate=8000, mel_bins=40, filters=(8, 16), units=32)
    >>> tokens, mask = encoder(np.zeros((2, 8000), "float32"))
    >>> tuple(tokens.shape)
    (2, 25, 32)

    Reference: Hershey et al. 2016, arXiv 1609.09430.
    """

    def __init__(
        self,
        sample_rate=None,
        augmentation=None,
        filters=(32, 64, 128),
        kernel_size=3,
        strides=2,
        units=128,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(sample_rate, augmentation, **kwargs)
        # Layers
        dtype = self.dtype_policy
        self.convolutions = [
            Conv2D(
                channels,
                kernel_size,
                strides,
                activation="relu",
                dtype=dtype,
                name=f"convolution_{i}",
            )
            for i, channels in enumerate(filters)
        ]
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        self.dense = keras.layers.Dense(units, activation="relu", dtype=dtype, name="dense")
        # Config
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.strides = strides
        self.units = units
        self.dropout = dropout

    def contextualize(self, frames, mask):
        x = frames[..., None]
        for convolution in self.convolutions:
            x, mask = masked_convolution(convolution, x, mask)
        _, steps, bands, channels = x.shape
        x = ops.reshape(x, (-1, steps, bands * channels))
        return self.dense(self.dropout_layer(x)), mask

    def get_config(self):
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "units": self.units,
            "dropout": self.dropout,
        }

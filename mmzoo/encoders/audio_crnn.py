"""Convolutions over the spectrogram of a sound, then a recurrent network in both directions."""

import keras
from keras import ops

from mmzoo.encoders.audio_encoder import AudioEncoder
from mmzoo.layers import Conv2D, masked_convolution


@keras.saving.register_keras_serializable(package="mmzoo")
class AudioCRNN(AudioEncoder):
    """What a recognizer of speech reads: short frames, each in the light of all others.

    Convolutions over time and frequency, each of which halves the frequencies; layer normalization;
    gated recurrent units that read from both ends. Padding leaves their states as they were.

    Args:
        sample_rate: samples a second. `None`: that of the modality.
        augmentation: names out of `"noise"` and `"specaugment"`. `None`: those of the modality.
        filters: output channels of each convolution.
        kernel_size: side of the windows.
        strides: stride of each convolution in time.
        units: width of the states in each direction.
        depth: number of recurrent layers.
        dropout: dropout rate before each of them.
        use_cudnn: `False` keeps XLA compilation of the train step possible; `"auto"` uses the
            cuDNN kernel on a GPU, and XLA is then off for the whole model.
        **kwargs: `mel_bins`, `window_seconds`, `stride_seconds`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `"waveform"`, `(B, samples)`, and `"mask"`; or the waveform alone.

    Returns:
        `(tokens, mask)`: `(B, T, 2 * units)` and `(B, T)`; by default a token each 20 ms.

    Raises:
        ValueError: for another number of strides than of filters.

    Example:

    >>> import numpy as np
    >>> encoder = AudioCRNN(sample_rate=8000, mel_bins=40, filters=(4, 8), units=6)
    >>> tokens, mask = encoder(np.zeros((2, 800), "float32"))
    >>> tuple(tokens.shape)
    (2, 5, 12)

    Reference: Amodei et al. 2015, arXiv 1512.02595 (Deep Speech 2).
    """

    def __init__(
        self,
        sample_rate=None,
        augmentation=None,
        filters=(32, 32),
        kernel_size=3,
        strides=(2, 1),
        units=128,
        depth=1,
        dropout=0.0,
        use_cudnn=False,
        **kwargs,
    ):
        super().__init__(sample_rate, augmentation, **kwargs)
        if len(strides) != len(filters):
            raise ValueError(
                f"`strides` must be one a convolution, {len(filters)}; received: {strides!r}."
            )
        # Layers
        dtype = self.dtype_policy
        self.convolutions = [
            Conv2D(
                channels,
                kernel_size,
                (step, 2),
                activation="relu",
                dtype=dtype,
                name=f"convolution_{i}",
            )
            for i, (channels, step) in enumerate(zip(filters, strides, strict=True))
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        self.recurrent_layers, self.dropouts = [], []
        for i in range(depth):
            self.dropouts.append(keras.layers.Dropout(dropout, dtype=dtype, name=f"dropout_{i}"))
            layer = keras.layers.GRU(
                units, return_sequences=True, use_cudnn=use_cudnn, dtype=dtype, name="recurrent"
            )
            self.recurrent_layers.append(
                keras.layers.Bidirectional(layer, dtype=dtype, name=f"bidirectional_{i}")
            )
        # Config
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.strides = tuple(strides)
        self.units = units
        self.depth = depth
        self.dropout = dropout
        self.use_cudnn = use_cudnn

    def contextualize(self, frames, mask):
        x = frames[..., None]
        for convolution in self.convolutions:
            x, mask = masked_convolution(convolution, x, mask)
        _, steps, bands, channels = x.shape
        x = self.norm(ops.reshape(x, (-1, steps, bands * channels)))
        for dropout, recurrent in zip(self.dropouts, self.recurrent_layers, strict=True):
            x = recurrent(dropout(x), mask=mask)
        return x, mask

    def get_config(self):
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "kernel_size": self.kernel_size,
            "strides": list(self.strides),
            "units": self.units,
            "depth": self.depth,
            "dropout": self.dropout,
            "use_cudnn": self.use_cudnn,
        }

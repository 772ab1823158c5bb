"""A gated recurrent unit network over the frames of a sound."""

import keras

from mmzoo.encoders.audio_encoder import AudioEncoder
from mmzoo.encoders.recurrent import recurrent_layer, recurrent_states


@keras.saving.register_keras_serializable(package="mmzoo")
class AudioGRU(AudioEncoder):
    """A gated recurrent unit network over the frames; padding leaves its state as it was.

    `pooling=None` gives the state after each frame, `pooling="last"` the final state.

    Args:
        sample_rate: samples a second. `None`: that of the modality.
        augmentation: names out of `"noise"` and `"specaugment"`. `None`: those of the modality.
        units: width of the state.
        bidirectional: whether a second layer reads from the end; the width doubles.
        use_cudnn: `False` keeps XLA compilation of the train step possible; `"auto"` uses the
            cuDNN kernel on a GPU, and XLA is then off for the whole model.
        **kwargs: `mel_bins`, `window_seconds`, `stride_seconds`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `"waveform"`, `(B, samples)`, and `"mask"`; or the waveform alone.

    Returns:
        `(tokens, mask)`: `(B, T, units)` and `(B, T)`.

    Example:

    >>> import numpy as np
    >>> encoder = AudioGRU(sample_rate=8000, mel_bins=40, units=6, pooling="last")
    >>> tokens, mask = encoder(np.zeros((2, 800), "float32"))
    >>> tuple(tokens.shape)
    (2, 1, 6)

    Reference: Cho et al. 2014, arXiv 1406.1078.
    """

    def __init__(
        self,
        sample_rate=None,
        augmentation=None,
        units=128,
        bidirectional=False,
        use_cudnn=False,
        **kwargs,
    ):
        super().__init__(sample_rate, augmentation, **kwargs)
        # Layers
        self.recurrent = recurrent_layer(
            keras.layers.GRU, units, bidirectional, use_cudnn, self.pooling, self.dtype_policy
        )
        # Config
        self.units = units
        self.bidirectional = bidirectional
        self.use_cudnn = use_cudnn

    def contextualize(self, frames, mask):
        return recurrent_states(self.recurrent, frames, mask, self.pooling)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "bidirectional": self.bidirectional,
            "use_cudnn": self.use_cudnn,
        }

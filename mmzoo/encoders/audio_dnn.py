"""Dense layers over the frames of a sound."""

import keras

from mmzoo.encoders.audio_encoder import AudioEncoder


@keras.saving.register_keras_serializable(package="mmzoo")
class AudioDNN(AudioEncoder):
    """Dense layers, the same for every frame, averaged over the clip. Order does not count.

    Args:
        sample_rate: samples a second. `None`: that of the modality.
        augmentation: names out of `"noise"` and `"specaugment"`. `None`: those of the modality.
        hidden_units: widths of the layers; the last is that of the tokens.
        activation: their activation.
        dropout: dropout rate after each of them.
        pooling: as everywhere; `"mean"` by default, `None` keeps one token a frame.
        **kwargs: `mel_bins`, `window_seconds`, `stride_seconds`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `"waveform"`, `(B, samples)`, and `"mask"`; or the waveform alone.

    Returns:
        `(tokens, mask)`: `(B, 1, hidden_units[-1])` and `(B, 1)`.

    Example:

    >>> import numpy as np
    >>> encoder = AudioDNN(sample_rate=8000, mel_bins=40, hidden_units=(32, 16))
    >>> tokens, mask = encoder(np.zeros((2, 8000), "float32"))
    >>> tuple(tokens.shape)
    (2, 1, 16)

    Reference: Hinton et al. 2012, "Deep Neural Networks for Acoustic Modeling in Speech
        Recognition".
    """

    def __init__(
        self,
        sample_rate=None,
        augmentation=None,
        hidden_units=(256, 256),
        activation="relu",
        dropout=0.0,
        pooling="mean",
        **kwargs,
    ):
        super().__init__(sample_rate, augmentation, pooling=pooling, **kwargs)
        # Layers
        self.hidden_layers = []
        for i, units in enumerate(hidden_units):
            self.hidden_layers += [
                keras.layers.Dense(
                    units, activation=activation, dtype=self.dtype_policy, name=f"hidden_{i}"
                ),
                keras.layers.Dropout(dropout, dtype=self.dtype_policy, name=f"dropout_{i}"),
            ]
        # Config
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.dropout = dropout

    def contextualize(self, frames, mask):
        for layer in self.hidden_layers:
            frames = layer(frames)
        return frames, mask

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
            "dropout": self.dropout,
        }

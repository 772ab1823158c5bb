"""The base class of the audio encoders that mmzoo trains from scratch."""

from typing import ClassVar

from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.layers import AdditiveNoise, LogMelSpectrogram, SpecAugment


class AudioEncoder(Encoder):
    """Turns sound into log-mel frames, and these into tokens.

    A subclass implements `contextualize(frames, mask)`: `(B, T, mel_bins)` -> tokens and mask.

    Args:
        sample_rate: samples a second. `None`: that of the modality.
        augmentation: what changes the sound in training: names out of `"noise"` and
            `"specaugment"`. `None`: those of the modality.
        mel_bins: number of mel bands.
        window_seconds: length of a frame.
        stride_seconds: time between frames.
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: dict of `"waveform"`, `(B, samples)` float, and `"mask"`, `(B, samples)` bool, as a
            `mmzoo.Audio` makes it; or the waveform alone, all of it valid.

    Returns:
        `(tokens, mask)`: `(B, T, D)` and `(B, T)`.
    """

    dimensions: ClassVar = dict.fromkeys(("x", "waveform", "mask"), ("batch", "samples"))

    def __init__(
        self,
        sample_rate=None,
        augmentation=None,
        mel_bins=64,
        window_seconds=0.025,
        stride_seconds=0.01,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # half precision would round the samples
        # Layers
        names, dtype = augmentation or (), self.dtype_policy
        self.noise = AdditiveNoise(dtype=dtype, name="noise") if "noise" in names else None
        self.log_mel = (
            LogMelSpectrogram(
                sample_rate, mel_bins, window_seconds, stride_seconds, dtype=dtype, name="log_mel"
            )
            if sample_rate
            else None
        )
        self.spec_augment = (
            SpecAugment(dtype=dtype, name="spec_augment") if "specaugment" in names else None
        )
        # Config
        self.sample_rate = sample_rate
        self.augmentation = None if augmentation is None else tuple(augmentation)
        self.mel_bins = mel_bins
        self.window_seconds = window_seconds
        self.stride_seconds = stride_seconds

    def contextualize(self, frames, mask):
        """Frames `(B, T, mel_bins)` and mask -> tokens and mask."""
        raise NotImplementedError(f"{type(self).__name__} must implement `contextualize`.")

    def encode(self, x, training=None):
        if self.log_mel is None:
            raise ValueError(
                f"{type(self).__name__} has no `sample_rate`. Give it one, or use the encoder in a "
                "`mmzoo.Audio`, which passes its own."
            )
        if isinstance(x, dict):
            waveform, mask = x["waveform"], x["mask"]
        else:
            waveform, mask = x, ops.ones(ops.shape(x), dtype="bool")
        if self.noise is not None:
            waveform = self.noise(waveform, mask, training=training)
        frames, mask = self.log_mel(waveform, mask)
        if self.spec_augment is not None:
            frames = self.spec_augment(frames, mask, training=training)
        return self.contextualize(frames, mask)

    def get_config(self):
        return {
            **super().get_config(),
            "sample_rate": self.sample_rate,
            "augmentation": None if self.augmentation is None else list(self.augmentation),
            "mel_bins": self.mel_bins,
            "window_seconds": self.window_seconds,
            "stride_seconds": self.stride_seconds,
        }

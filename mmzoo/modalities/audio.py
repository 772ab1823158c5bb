"""Sounds."""

import dataclasses
import math
import numbers
from typing import Any, ClassVar

import keras

from mmzoo.modalities.modality import Modality, augmentation_names
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
@dataclasses.dataclass(frozen=True)
class Audio(Modality):
    """A sound: the bytes or path of a WAV file, or an array of samples.

    WAV files hold integers of 8, 16, 24 or 32 bits or floats, at any sample rate, which is brought
    to `sample_rate`. With the extra `mmzoo[audio]` records may also name FLAC, Ogg and MP3 files.
    Arrays have `sample_rate` already, the shape `(n,)` or `(n, channels)`, and floats from -1 to 1
    or integers of the full range. Channels are averaged.

    Enters the model as `(samples,)` float32 from -1 to 1, cut or padded with zeros at its end, and
    `<name>_mask`, `(samples,)` bool, `True` up to the end of the sound. mmzoo's own encoders make
    log-mel frames of it.

    Args:
        sample_rate: samples a second that the model works with.
        seconds: length that sounds are cut or padded to.
        encoder: `"cnn"`, `"crnn"`, `"dnn"`, `"gru"`, `"transformer"`, a config dict, or any Keras
            layer or model. One that is not mmzoo's gets the waveform alone, unless it is a
            functional model with a dict of inputs.
        optional: whether the sound may be absent (raw value `b""`, an empty path, or
            NaN for an array).
        augmentation: what training changes, within mmzoo's own encoders: `None`, a name or a list
            of names out of `"noise"` and `"specaugment"`.

    Raises:
        ValueError: for an impossible rate or length, an unknown augmentation, or one beside an
            encoder that has none.

    Example:

    >>> Audio(sample_rate=8000, seconds=0.5).tensors()
    {'waveform': ((4000,), 'float32'), 'mask': ((4000,), 'bool')}
    """

    sample_rate: int = 16_000
    seconds: Any = None
    encoder: Any = "cnn"
    optional: bool = False
    augmentation: Any = None

    kind: ClassVar[str] = "audio"
    served: ClassVar[str] = "bytes of a WAV file"
    endings: ClassVar[tuple] = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")
    main_part: ClassVar[str] = "waveform"
    AUGMENTATIONS: ClassVar[tuple] = ("noise", "specaugment")

    def __post_init__(self):
        check_positive_integers("sample_rate", self.sample_rate)
        if self.seconds is None:
            raise ValueError(
                "`seconds` is missing: the length sounds are cut or padded to, such as 2.5."
            )
        if (
            not isinstance(self.seconds, numbers.Real)
            or not 1 <= self.seconds * self.sample_rate < math.inf
        ):
            raise ValueError(
                f"`seconds` must be a positive number, at least one sample; received: "
                f"{self.seconds!r}."
            )
        its_rate = getattr(self.encoder, "sample_rate", None)
        if its_rate not in (None, self.sample_rate):
            raise ValueError(
                f"The encoder works with {its_rate} samples a second, the modality with "
                f"{self.sample_rate}."
            )
        augmentation = augmentation_names(self.augmentation, self.AUGMENTATIONS)
        foreign = isinstance(self.encoder, keras.layers.Layer)
        foreign = foreign and not hasattr(self.encoder, "augmentation")
        if augmentation and foreign:
            raise ValueError(
                f"mmzoo's own audio encoders do the augmentation; {self.encoder.name!r} "
                f"({type(self.encoder).__name__}) is none of them."
            )
        object.__setattr__(self, "augmentation", augmentation)

    @property
    def samples(self):
        """Number of samples that enter the model."""
        return round(self.seconds * self.sample_rate)

    def tensor(self):
        return (self.samples,), "float32"

    def tensors(self):
        return {"waveform": self.tensor(), "mask": ((self.samples,), "bool")}

    def encoder_defaults(self):
        return {"sample_rate": self.sample_rate, "augmentation": self.augmentation}

    def preprocessing(self, name):
        from mmzoo.preprocessing.audio import AudioPreprocessing

        return AudioPreprocessing(self, name)

"""Sounds: WAV bytes, paths or arrays -> samples of one rate and one length."""

import dataclasses
import importlib.util
import io
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.codecs.resampling import REACH, resample
from mmzoo.preprocessing.codecs.wav import decode_wav, to_mono
from mmzoo.preprocessing.corruption import Corruption, noisy_numbers
from mmzoo.preprocessing.preprocessing import Preprocessing
from mmzoo.preprocessing.python_call import python_call
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.utils.optional_packages import require

#: Formats that `soundfile` reads: how their files are called, and how they begin.
COMPRESSED_ENDINGS = (".flac", ".mp3", ".oga", ".ogg", ".opus")
COMPRESSED_BEGINNINGS = (
    b"fLaC", b"OggS", b"ID3", *(bytes([0xFF, sync]) for sync in range(0xE0, 0x100)),
)  # fmt: skip
#: Ratios of signal to noise that are tried, in dB.
NOISE = (20, 10, 0)
#: Samples beyond that are not sound, 60 dB above full scale; their powers would overflow.
LOUDEST = 1000.0


class AudioPreprocessing(Preprocessing):
    """Decodes, averages channels, brings to `sample_rate`, and cuts or pads to `seconds`.

    Args:
        modality: a `mmzoo.Audio`.
        name: its key.
    """

    works_on_elements = True
    file_kind, formats = "sound", ("WAV", "FLAC", "Ogg", "MP3")

    def column(self, values, root):
        files = self.file_column(values, root)
        if files is None:
            return self._array_column(values)
        column, read = files
        files = [value for value in values if value is not None]
        stored = any(isinstance(value, StoredBytes) for value in files)
        # Looking into each stored sound would take as long as reading them all: `as_wav` looks.
        looked_at = files[:1] if stored else files
        if any(map(is_compressed, looked_at)) or (stored and importlib.util.find_spec("soundfile")):
            require("soundfile", "audio")
            return column, _ReadAsWav(read)
        return column, read

    def _array_column(self, values):
        # An absent sound is one NaN: arrays have no empty value.
        arrays = [
            np.full(1, np.nan, "float32") if value is None else self._array(np.asarray(value))
            for value in values
        ]
        lengths = [len(array) for array in arrays]
        return tf.RaggedTensor.from_row_lengths(np.concatenate(arrays), lengths), tf.identity

    def _array(self, array):
        """An array as `(n,)` float32, no longer than the model takes."""
        if array.ndim not in (1, 2) or array.dtype.name not in (
            "uint8", "int16", "int32", "float16", "float32", "float64",
        ):  # fmt: skip
            raise ValueError(
                f"Sounds of {self.name!r} must be bytes, paths, or arrays (n,) or (n, channels) of "
                "floats, int16, int32 or uint8; received an array of shape "
                f"{array.shape} and dtype {array.dtype}."
            )
        if array.ndim == 2 and array.shape[1] > array.shape[0]:
            raise ValueError(
                f"An array of {self.name!r} has the shape {array.shape}, more channels than "
                "samples: mmzoo takes (n, channels). Transpose it."
            )
        return to_mono(tf.constant(array[: self.modality.samples])).numpy()

    def sample(self):
        silence = tf.zeros((self.modality.samples, 1))
        return tf.audio.encode_wav(silence, self.modality.sample_rate)[None]

    def blank(self):
        return tf.zeros((self.modality.samples,)), 0

    def tensors(self, decoded):
        waveform, lengths = decoded
        return {"waveform": waveform, "mask": tf.sequence_mask(lengths, self.modality.samples)}

    def corruptions(self):
        def noisy(decoded, decibels, generator):
            waveform, length = decoded
            changed = np.zeros_like(waveform)
            changed[:length] = noisy_numbers(waveform[:length], decibels, generator)
            return changed, length

        return {"noise": Corruption(noisy, NOISE, "{:g} dB")}

    def suspicions(self, encoded, waveform):
        return [] if waveform.any() else [("silent", "All samples are 0.")]

    def decode_value(self, value):
        """Bytes of a WAV file or an array -> `(samples,)` float32, and how many are not padding."""
        samples, sample_rate = self.modality.samples, self.modality.sample_rate
        if value.dtype == tf.string:
            # What lies beyond the end is heard at the end, as far as the filter reaches.
            seconds = (samples + 2 * REACH) / sample_rate
            waveform, rate = decode_wav(value, seconds)
            waveform = resample(waveform, rate, sample_rate)
        else:
            waveform = to_mono(value)
        waveform = waveform[:samples]
        length = tf.size(waveform)
        good = (length > 0) & tf.reduce_all(tf.abs(waveform) <= LOUDEST)  # NaN is not, either
        with tf.control_dependencies([tf.debugging.Assert(good, ["No samples, or no numbers."])]):
            waveform = tf.pad(waveform, [[0, samples - length]])
        return tf.ensure_shape(waveform, (samples,)), length


def is_compressed(value):
    """Whether a raw value looks like a file that only `soundfile` can read.

    Args:
        value: bytes, a path, or `StoredBytes`, which are read.

    Example:

    >>> [is_compressed(value) for value in ("a.flac", "a.wav", b"OggS...", b"RIFF...")]
    [True, False, True, False]
    """
    if isinstance(value, StoredBytes):
        value = value.read()
    if isinstance(value, bytes):
        return value.startswith(COMPRESSED_BEGINNINGS)
    return os.fspath(value).lower().endswith(COMPRESSED_ENDINGS)


@dataclasses.dataclass(frozen=True)
class _ReadAsWav:
    read: Callable

    def __call__(self, value):
        return as_wav(self.read(value))


def as_wav(encoded):
    """The bytes of any file that `soundfile` reads -> those of a WAV file; WAV files as they are.

    Runs Python, so it can't be exported.

    Args:
        encoded: scalar string.

    Returns:
        Scalar string.
    """

    def converted(encoded):
        import soundfile

        samples, rate = soundfile.read(io.BytesIO(encoded.numpy()), dtype="float32", always_2d=True)
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
        return file.getvalue()

    return tf.cond(
        tf.reduce_any(tf.strings.substr(encoded, 0, 4) == ["", "RIFF", "RF64"]),
        lambda: encoded,
        lambda: tf.ensure_shape(python_call(converted, [encoded], tf.string), ()),
    )

"""Sound -> log-mel frames."""

import keras
import numpy as np
from keras import ops

#: How far below the loudest value of a clip its other values go, in powers of ten.
DYNAMIC_RANGE = 8.0
#: The power of silence.
LOWEST_POWER = 1e-10


@keras.saving.register_keras_serializable(package="mmzoo")
class LogMelSpectrogram(keras.layers.Layer):
    """Frames of sound as logarithmic powers in mel bands, standardised clip by clip.

    Frame `t` is centred on sample `t * stride` and valid where that sample is; silence surrounds
    the clip. The logarithm spans the 80 dB below the loudest value of the clip, and then has mean 0
    and variance 1 over all valid frames and bands together. So loudness does not count, but the
    spectrum does, also that of a steady sound; a silent clip is all zeros. Computes in float32
    under every precision policy.

    `keras.layers.MelSpectrogram` takes the loudest value of the whole batch, so that rows see their
    neighbours, and knows no mask.

    Args:
        sample_rate: samples a second.
        mel_bins: number of mel bands.
        window_seconds: length of the Hann window.
        stride_seconds: time between frames.
        lowest_frequency: lower edge of the lowest band, in Hz.
        highest_frequency: upper edge of the highest band, in Hz; `None`: half the sample rate.

    Call arguments:
        waveform: `(B, samples)` float, with static `samples`.
        mask: `(B, samples)` bool, `True` where a sample is valid. `None`: all are.

    Returns:
        `(frames, mask)`: `(B, T, mel_bins)` float, zeros where not valid, and `(B, T)` bool;
        `T = ceil(samples / stride)`.

    Raises:
        ValueError: for impossible frequencies or times, or more bands than the spectrum can tell
            apart.

    Example:

    >>> import numpy as np
    >>> waveform, mask = np.zeros((2, 8000), "float32"), np.ones((2, 8000), bool)
    >>> frames, mask = LogMelSpectrogram(sample_rate=8000, mel_bins=40)(waveform, mask)
    >>> tuple(frames.shape), tuple(mask.shape)
    ((2, 100, 40), (2, 100))

    Reference: mel scale and filters of HTK (Young et al. 2006, "The HTK Book"); range of 80 dB:
    Radford et al. 2022, arXiv 2212.04356 (Whisper).
    """

    def __init__(
        self,
        sample_rate,
        mel_bins=64,
        window_seconds=0.025,
        stride_seconds=0.01,
        lowest_frequency=20.0,
        highest_frequency=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # half precision would round the samples
        self.sample_rate = sample_rate
        self.mel_bins = mel_bins
        self.window_seconds = window_seconds
        self.stride_seconds = stride_seconds
        self.lowest_frequency = lowest_frequency
        self.highest_frequency = highest_frequency
        self.window = round(window_seconds * sample_rate)
        self.stride = round(stride_seconds * sample_rate)
        if not 1 <= self.stride <= self.window:
            raise ValueError(
                f"At {sample_rate} samples a second the window has {self.window} samples and the "
                f"stride {self.stride}; the stride must be from 1 to the window."
            )
        # Twice the window, so that the lowest bands are not narrower than a bin of the spectrum.
        self.fft_length = 2 ** (2 * self.window - 1).bit_length()
        self._filters = mel_filters(
            mel_bins, self.fft_length, sample_rate, lowest_frequency, highest_frequency
        )

    def call(self, waveform, mask=None):
        if mask is None:
            mask = ops.ones_like(waveform, dtype="bool")
        waveform = ops.where(mask, ops.cast(waveform, "float32"), 0.0)
        frames = -(-waveform.shape[1] // self.stride)
        before = self.fft_length // 2
        after = (frames - 1) * self.stride + self.fft_length - before - waveform.shape[1]
        waveform = ops.pad(waveform, [(0, 0), (before, max(after, 0))])
        real, imaginary = ops.stft(
            waveform, self.window, self.stride, self.fft_length, window="hann", center=False
        )
        power = (ops.square(real) + ops.square(imaginary))[:, :frames]
        power = ops.matmul(power, ops.convert_to_tensor(self._filters))
        mask = mask[:, :: self.stride]
        return ops.cast(self._standardised(power, mask), self.compute_dtype), mask

    def _standardised(self, power, mask):
        """The logarithm of the powers `(B, T, mel_bins)`, with mean 0 and variance 1."""
        valid = mask[..., None]
        power = ops.where(valid, ops.maximum(power, LOWEST_POWER), LOWEST_POWER)
        level = ops.log10(power)
        level = ops.maximum(level, ops.max(level, axis=(1, 2), keepdims=True) - DYNAMIC_RANGE)
        count = ops.sum(ops.cast(valid, "float32"), axis=1, keepdims=True) * self.mel_bins
        count = ops.maximum(count, 1.0)

        def mean(values):
            return ops.sum(ops.where(valid, values, 0.0), axis=(1, 2), keepdims=True) / count

        level = level - mean(level)
        return ops.where(valid, level / ops.sqrt(mean(ops.square(level)) + 1e-6), 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "sample_rate": self.sample_rate,
            "mel_bins": self.mel_bins,
            "window_seconds": self.window_seconds,
            "stride_seconds": self.stride_seconds,
            "lowest_frequency": self.lowest_frequency,
            "highest_frequency": self.highest_frequency,
        }


def mel_filters(mel_bins, fft_length, sample_rate, lowest_frequency=20.0, highest_frequency=None):
    """Triangles on the mel scale, each 1 at its centre and 0 at the centres of its neighbours.

    Args:
        mel_bins: number of bands.
        fft_length: samples of the Fourier transform.
        sample_rate: samples a second.
        lowest_frequency: lower edge of the lowest band, in Hz.
        highest_frequency: upper edge of the highest band, in Hz; `None`: half the sample rate.

    Returns:
        `(fft_length // 2 + 1, mel_bins)` float32 NumPy array, from powers to powers in bands.

    Raises:
        ValueError: for impossible frequencies, or a band that no frequency of the transform lies
            in.

    Example:

    >>> mel_filters(40, 512, sample_rate=8000).shape
    (257, 40)
    """
    highest = sample_rate / 2 if highest_frequency is None else highest_frequency
    if not 0 <= lowest_frequency < highest <= sample_rate / 2:
        raise ValueError(
            f"Bands must lie between 0 and half the sample rate, {sample_rate / 2:g} Hz; received: "
            f"{lowest_frequency:g} to {highest:g} Hz."
        )
    edges = np.linspace(_mel(lowest_frequency), _mel(highest), mel_bins + 2)
    frequencies = _mel(np.linspace(0, sample_rate / 2, fft_length // 2 + 1))[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    if not filters.any(axis=0).all():
        raise ValueError(
            f"{mel_bins} mel bands are too many for {sample_rate} samples a second and windows of "
            "that length: some would be empty. Give fewer `mel_bins`, or a longer window."
        )
    return filters.astype("float32")


def _mel(frequency):
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)

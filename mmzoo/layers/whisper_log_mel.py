"""Sound -> the log-mel frames that Whisper reads."""

from keras import ops


def whisper_log_mel(waveform, filters, fft_length, stride, samples):
    """What `keras_hub.layers.WhisperAudioConverter` computes, on every backend and under XLA.

    Args:
        waveform: `(B, n)` float from -1 to 1, with static `n`.
        filters: `(fft_length // 2 + 1, mel_bins)` float32, from powers to powers in mel bands.
        fft_length: samples of the Hann window and the Fourier transform.
        stride: samples between frames.
        samples: length that sounds are cut or padded with silence to.

    Returns:
        `(B, samples // stride, mel_bins)` float32.

    Example:

    >>> import numpy as np
    >>> filters = np.ones((201, 80), "float32") / 201
    >>> tuple(whisper_log_mel(np.zeros((2, 8000), "float32"), filters, 400, 160, 16000).shape)
    (2, 100, 80)

    Reference: Radford et al. 2022, arXiv 2212.04356 (Whisper).
    """
    waveform = ops.cast(waveform, "float32")[:, :samples]
    waveform = ops.pad(waveform, [(0, 0), (0, samples - waveform.shape[1])])
    waveform = ops.pad(waveform, [(0, 0), (fft_length // 2, fft_length // 2)], mode="reflect")
    real, imaginary = ops.stft(
        waveform, fft_length, stride, fft_length, window="hann", center=False
    )
    power = ops.square(real) + ops.square(imaginary)
    level = ops.log10(ops.maximum(ops.matmul(power[:, : samples // stride], filters), 1e-10))
    level = ops.maximum(level, ops.max(level, axis=(1, 2), keepdims=True) - 8.0)
    return (level + 4.0) / 4.0

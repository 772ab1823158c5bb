"""Samples as the bytes of a WAV file."""

import numbers
import struct

import numpy as np

#: The formats of WAV files: integers, floats.
PCM, IEEE_FLOAT = 1, 3


def wav_bytes(samples, sample_rate):
    """The bytes of a WAV file with these samples, which keeps their sample rate with them.

    Args:
        samples: `(n,)`, `(n, channels)` or, as PyTorch has it, `(channels, n)`: floats from -1 to
            1, or integers of the full range of 16 or 32 bits.
        sample_rate: samples a second.

    Returns:
        Bytes.

    Raises:
        ValueError: for an impossible rate, or an array that is no sound.

    Example:

    >>> encoded = wav_bytes(np.zeros(100, "int16"), 8000)
    >>> encoded[:4], len(encoded)
    (b'RIFF', 244)
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "if":
        raise ValueError(
            f"A sound must be an array (n,) or (n, channels) of floats or integers; received: "
            f"shape {samples.shape}, dtype {samples.dtype}"
        )
    if not isinstance(sample_rate, numbers.Real) or not 1 <= sample_rate < 2**32:
        raise ValueError(f"A sampling rate must be a positive number; received: {sample_rate!r}")
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        samples = samples.T  # more channels than samples would be no sound
    if samples.dtype.kind == "f":
        kind, samples = IEEE_FLOAT, samples.astype("<f4")
    else:
        fits = not samples.size or max(-int(samples.min()), int(samples.max()) + 1) <= 2**15
        kind, samples = PCM, samples.astype("<i2" if fits else "<i4")
    channels, width = 1 if samples.ndim == 1 else samples.shape[1], samples.dtype.itemsize
    rate = round(sample_rate)
    about = struct.pack(
        "<HHIIHH", kind, channels, rate, rate * channels * width, channels * width, 8 * width
    )
    chunks = b"WAVEfmt " + struct.pack("<I", len(about)) + about
    chunks += b"data" + struct.pack("<I", samples.nbytes) + samples.tobytes()
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks

"""Sound at one sample rate -> the same sound at another."""

import math

import tensorflow as tf

#: From which share of the lower of two Nyquist frequencies on resampling attenuates, down to
#: nothing at that frequency itself.
FLAT = 0.9
#: How far the filter of resampling reaches, in samples of the lower rate.
REACH = 128
#: Transforms are as long as a multiple of the one rate that is a multiple of the other, too. Where
#: there is none below, as of 999,983 samples a second, they are slow, and nearly one will do.
LONGEST_PERIOD = 100_000


def resample(waveform, rate, target):
    """Changes the sample rate of a sound.

    Its spectrum is cut, or continued with zeros, with the slope of a raised cosine over the last
    tenth below the lower Nyquist frequency. So what the new rate can't hold is taken out rather
    than folded back, and any two rates will do.

    Args:
        waveform: `(n,)` float32.
        rate: its samples a second, scalar int64.
        target: samples a second of the result.

    Returns:
        `(ceil(n * target / rate),)` float32; its first sample lies at the time of the first.

    Example:

    >>> resample(tf.zeros(441), tf.constant(44_100, tf.int64), 16_000).shape
    TensorShape([160])

    Reference: Oppenheim and Schafer, "Discrete-Time Signal Processing", section 4.6.
    """
    target = tf.constant(target, tf.int64)

    def changed():
        divisor, _ = tf.while_loop(
            lambda _, rest: rest > 0,
            lambda divisor, rest: (rest, divisor % rest),
            (target, rate),
        )
        up, down = target // divisor, rate // divisor
        count = tf.size(waveform, tf.int64)
        # Silence behind the sound keeps its end from its beginning: transforms are circular.
        silence = REACH * tf.maximum(rate // target, 1)
        blocks = (count + silence) // down + 1
        before, after = tf.cond(
            down <= LONGEST_PERIOD,
            lambda: (blocks * down, blocks * up),
            lambda: _quick_lengths(count + silence, rate, target),
        )
        kept = tf.minimum(before, after) // 2 + 1
        spectrum = tf.signal.rfft(waveform, tf.cast([before], tf.int32))[:kept]
        place = tf.cast(tf.range(kept) / (kept - 1), tf.float32)
        slope = tf.clip_by_value((place - FLAT) / (1 - FLAT), 0.0, 1.0)
        spectrum *= tf.cast(tf.cos(math.pi / 2 * slope) ** 2, spectrum.dtype)
        result = tf.signal.irfft(spectrum, tf.cast([after], tf.int32))
        return result[: -(-count * up // down)] * tf.cast(up / down, tf.float32)

    return tf.cond(rate == target, lambda: waveform, changed)


def _quick_lengths(count, rate, target):
    """Lengths of quick transforms that stand to each other almost as both rates do."""
    exponent = tf.math.floor(tf.math.log(tf.cast(count, tf.float64) / 64) / math.log(2))
    power = tf.cast(2.0 ** tf.maximum(exponent, 0.0), tf.int64)
    befores = (count // power + 1 + tf.range(32, dtype=tf.int64)) * power
    rests = befores * target % rate
    before = tf.gather(befores, tf.argmin(tf.minimum(rests, rate - rests)))
    return before, (2 * before * target // rate + 1) // 2

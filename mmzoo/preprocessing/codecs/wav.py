"""WAV files in TensorFlow ops: `tf.audio.decode_wav` reads integers of 16 bits only."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import bytes_at

#: What a format tag, times 16, and the bytes of a sample make of its bytes.
CODECS = {
    0x11: lambda raw: tf.io.decode_raw(raw, tf.uint8),
    0x12: lambda raw: tf.io.decode_raw(raw, tf.int16),
    0x13: lambda raw: _three_bytes(tf.io.decode_raw(raw, tf.uint8)),
    0x14: lambda raw: tf.io.decode_raw(raw, tf.int32),
    0x34: lambda raw: tf.io.decode_raw(raw, tf.float32),
    0x38: lambda raw: tf.io.decode_raw(raw, tf.float64),
}
#: Format tag of a file that names its format further behind.
EXTENSIBLE = 0xFFFE
#: From which size of the data on none is meant: what writes to a pipe says 0xFFFFFFFF, 0x80000000
#: or 0x7FFFF000, and no file that is held in memory as a whole has as much.
UNKNOWN_SIZE = 0x7FFF0000
#: How many bytes of the data may lack, at most an eighth of it: some count the header as well.
MISCOUNTED = 64
#: The highest sample rate, far above any there is: another number is no sample rate.
HIGHEST_RATE = 1_000_000
#: The most chunks before the sound; each takes a round of a loop.
MOST_CHUNKS = 1000


def decode_wav(encoded, seconds):
    """Reads the beginning of a WAV file.

    Integers of 8, 16, 24 or 32 bits, floats of 32 or 64, with any number of channels, which are
    averaged. Where what wrote the file did not know its length (a size that no file has; 0 with
    samples behind it) the sound goes to the end. Fails, in the graph, for any other format, and
    where data is missing.

    Args:
        encoded: scalar string, the bytes of the file.
        seconds: how much of the sound to read, at most.

    Returns:
        `(waveform, rate)`: `(n,)` float32, -1 to 1, and the samples a second, scalar int64.

    Example:

    >>> wav = tf.audio.encode_wav([[0.5, 0.0], [-1.0, -1.0]], sample_rate=8000)
    >>> waveform, rate = decode_wav(wav, seconds=1.0)
    >>> waveform.numpy().round(3).tolist(), int(rate)
    ([0.25, -1.0], 8000)

    Reference: Microsoft, "Multiple Channel Audio Data and WAVE Files", 2007.
    """
    content = tf.io.decode_raw(encoded, tf.uint8)
    size = tf.size(content, tf.int64)

    def integer(start, count):
        """The unsigned integer in `count` bytes from `start` on, the lowest first."""
        parts = tf.cast(content[start : start + count], tf.int64)
        return tf.reduce_sum(parts * 256 ** tf.range(tf.size(parts, tf.int64)))

    def next_chunk(position, form, data, data_size):
        name, chunk_size = tf.strings.substr(encoded, position, 4), integer(position + 4, 4)
        start = position + 8
        form = tf.where(name == "fmt ", start, form)
        data = tf.where(name == "data", start, data)
        data_size = tf.where(name == "data", chunk_size, data_size)
        return start + chunk_size + chunk_size % 2, form, data, data_size

    nowhere = tf.constant(0, tf.int64)
    _, form, data, data_size = tf.while_loop(
        lambda position, form, data, _: (data == nowhere) & (position + 8 <= size),
        next_chunk,
        (tf.constant(12, tf.int64), nowhere, nowhere, nowhere),
        maximum_iterations=MOST_CHUNKS,
    )
    tag, channels, rate = integer(form, 2), integer(form + 2, 2), integer(form + 4, 4)
    frame_size, bits = integer(form + 12, 2), integer(form + 14, 2)
    frame_size = tf.where(frame_size > 0, frame_size, channels * ((bits + 7) // 8))
    tag = tf.where(tag == EXTENSIBLE, integer(form + 24, 2), tag)
    sample_size = frame_size // tf.maximum(channels, 1)
    codec = tf.constant(list(CODECS), tf.int64) == 16 * tag + sample_size
    rest = size - data
    name = bytes_at(encoded, data, 4)
    is_chunk = tf.reduce_all((name >= 32) & (name < 127)) & (8 + integer(data + 4, 4) <= rest)
    is_unknown = (data_size >= UNKNOWN_SIZE) | ((data_size == 0) & ~is_chunk)
    is_miscounted = data_size - rest <= tf.minimum(data_size // 8, MISCOUNTED)
    data_size = tf.where(is_unknown, rest, data_size)
    data_size = tf.where(is_miscounted, tf.minimum(data_size, rest), data_size)
    good = {
        "no WAV file": tf.reduce_any(tf.strings.substr(encoded, 0, 4) == ["RIFF", "RF64"])
        & (tf.strings.substr(encoded, 8, 4) == "WAVE"),
        "no format or no data": (form > 0) & (data > form),
        "data is missing": data + data_size <= size,
        "an unknown format": tf.reduce_any(codec)
        & (channels * sample_size == frame_size)
        & ((bits + 7) // 8 == sample_size),
        "an impossible rate": (rate > 0) & (rate <= HIGHEST_RATE),
    }
    checks = [tf.debugging.Assert(value, [reason]) for reason, value in good.items()]
    with tf.control_dependencies([check for check in checks if check is not None]):
        frames = tf.cast(tf.math.ceil(seconds * tf.cast(rate, tf.float64)), tf.int64)
        frames = tf.minimum(data_size // tf.maximum(frame_size, 1), frames)
        raw = tf.strings.substr(encoded, data, frames * frame_size)

    def decoder(decode):
        return lambda: to_mono(tf.reshape(decode(raw), (-1, channels)))

    waveform = tf.switch_case(
        tf.argmax(codec, output_type=tf.int32), [decoder(decode) for decode in CODECS.values()]
    )
    return waveform, rate


def _three_bytes(content):
    """Integers of 24 bits, `(3 * n,)` uint8, as the higher bits of `(n,)` int32."""
    return tf.bitcast(tf.pad(tf.reshape(content, (-1, 3)), [[0, 0], [1, 0]]), tf.int32)


def to_mono(samples):
    """Integers or floats, of one or more channels, as floats of one.

    Args:
        samples: `(n,)` or `(n, channels)`; integers of the full range, or floats.

    Returns:
        `(n,)` float32; integers become -1 to 1.

    Example:

    >>> to_mono(tf.constant([[16384, 0], [-32768, -32768]], tf.int16)).numpy().tolist()
    [0.25, -1.0]
    """
    values = tf.cast(samples, tf.float32)
    if samples.dtype.is_integer:
        half = 2.0 ** (8 * samples.dtype.size - 1)
        values = values / half - (1.0 if samples.dtype.is_unsigned else 0.0)
    return values if values.shape.rank == 1 else tf.reduce_mean(values, axis=1)

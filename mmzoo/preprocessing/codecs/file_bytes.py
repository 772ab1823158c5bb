"""Numbers and chunks inside an encoded file, read in TensorFlow ops that never fail."""

import tensorflow as tf

#: How much of a chunk `find_chunk` shows: the longest chunk header, and what tells EXIF from XMP.
CHUNK_HEAD = 10
#: How many chunks `find_chunk` looks at.
MOST_CHUNKS = 256


def bytes_at(encoded, position, length):
    """Some bytes of a file; zeros where it has ended.

    Args:
        encoded: scalar string.
        position: scalar integer; below 0 or behind the end is at the end.
        length: Python int.

    Returns:
        `(length,)` int64, 0-255.

    Example:

    >>> bytes_at(tf.constant(b"GIF89a"), 4, 4).numpy().tolist()
    [57, 97, 0, 0]
    """
    end = tf.strings.length(encoded)
    position = tf.cast(position, tf.int64)
    outside = (position < 0) | (position > tf.cast(end, tf.int64))
    position = tf.where(outside, end, tf.cast(position, tf.int32))
    part = tf.strings.substr(encoded, position, length)
    return tf.cast(tf.io.decode_raw(part, tf.uint8, fixed_length=length), tf.int64)


def little(digits):
    """The unsigned number with these bytes, the least significant first.

    Args:
        digits: `(..., n)` int64, 0-255; `n` static and at most 4.

    Returns:
        `(...)` int64.

    Example:

    >>> int(little(tf.constant([1, 2], "int64")))
    513
    """
    return tf.reduce_sum(digits * [256**i for i in range(digits.shape[-1])], axis=-1)


def big(digits):
    """As `little`, the most significant byte first."""
    return little(digits[..., ::-1])


def find_chunk(encoded, start, read):
    """Goes from chunk to chunk of a file until one is wanted.

    Args:
        encoded: scalar string.
        start: position of the first chunk.
        read: function from the first `CHUNK_HEAD` bytes of a chunk to `(wanted, skip)`: whether it
            is the one, and by how many bytes to the next; none where there is no next.

    Returns:
        Position of the chunk, scalar int64; -1 if there is none.
    """
    end = tf.cast(tf.strings.length(encoded), tf.int64)

    def go_on(position, wanted):
        return ~wanted & (position < end)

    def step(position, _):
        wanted, skip = read(bytes_at(encoded, position, CHUNK_HEAD))
        following = tf.where(skip > 0, position + skip, end)
        return tf.where(wanted, position, following), wanted

    position, wanted = tf.while_loop(
        go_on,
        step,
        (tf.constant(start, tf.int64), tf.constant(False)),
        maximum_iterations=MOST_CHUNKS,
    )
    return tf.where(wanted, position, -1)

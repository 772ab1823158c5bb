"""Numbers and chunks inside an encoded file, read in TensorFlow ops, in bounded time."""

import tensorflow as tf

#: How much of a chunk `find_chunk` shows: the longest chunk header, and what tells EXIF from XMP.
CHUNK_HEAD = 10
#: The most chunks that a file may have in front of what is wanted of it. Each takes a step of a
#: loop, and no file that is meant to be read has nearly as many.
MOST_CHUNKS = 1000
#: The most blocks that `equal_blocks` goes over.
LONGEST_RUN = 256
TOO_MANY_CHUNKS = "The file is cut into more pieces than any picture or sound needs."


def checked(encoded, condition, message):
    """`encoded`, for ops that must not run unless a condition holds; fails, in the graph, if not.

    Args:
        encoded: a tensor.
        condition: scalar bool.
        message: what is wrong where it does not hold.
    """
    # `tf.debugging.Assert` would wrap the op in two conditional ones, each dearer than itself.
    check = tf.raw_ops.Assert(condition=condition, data=[message])
    with tf.control_dependencies([check] if check is not None else []):  # none in eager code
        return tf.identity(encoded)


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
        Position of the chunk, scalar int64; -1 if there is none. Fails, in the graph, if it is not
        among the first `MOST_CHUNKS`, and the file goes on.
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
    found = tf.where(wanted, position, -1)
    return checked(found, wanted | (position >= end), TOO_MANY_CHUNKS)


def equal_blocks(content, position, length, head):
    """How many blocks of a file, one behind the other, begin as the first of them does.

    So a loop over blocks, which mostly have one length, takes few steps.

    Args:
        content: `(size,)` uint8, the bytes of the file.
        position: where the first block begins, scalar int64.
        length: that of each block, scalar int64, at least 1.
        head: with how many bytes a block says its length, Python int.

    Returns:
        Scalar int64, at most `LONGEST_RUN`; 0 where the file ends within the first.

    Example:

    >>> content = tf.constant([2, 7, 7, 2, 8, 8, 1, 9, 0], tf.uint8)
    >>> int(equal_blocks(content, 0, 3, head=1))
    2
    """
    size = tf.size(content, tf.int64)
    starts = position + length * tf.range(LONGEST_RUN, dtype=tf.int64)
    places = starts[:, None] + tf.range(head, dtype=tf.int64)
    heads = tf.gather(content, tf.clip_by_value(places, 0, tf.maximum(size - 1, 0)))
    same = tf.reduce_all(heads == heads[:1], axis=1) & (starts + length <= size)
    return tf.argmin(tf.concat([tf.cast(same, tf.int32), [0]], axis=0))

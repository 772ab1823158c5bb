"""The first frame of a GIF, cut out of the file before anything is decoded."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import bytes_at, little

#: A second frame: one transparent pixel. It is decoded only if the first was whole.
SECOND_FRAME = (
    b"\x21\xf9\x04\x01\x00\x00\x00\x00"
    b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x80" + b"\xff" * 6 + b"\x02\x02\x44\x01\x00"
)
EXTENSION, FRAME = 0x21, 0x2C
GRAPHIC_CONTROL = 0xF9
FULL_BLOCK = 255
#: How many extensions, and how many runs of full blocks in a row, are looked at.
MOST_BLOCKS = 10_000


def first_frame(encoded):
    """Cuts a GIF down to its first frame; what is transparent becomes white.

    Args:
        encoded: scalar string, the bytes of a GIF file.

    Returns:
        `(frame, canvas, box)`: the bytes of a GIF whose first frame is that of `encoded` and whose
        second is a single pixel; `(2,)` int32, height and width of the canvas; `(4,)` int32, top,
        left, height and width of what the frame covers of it. A file that ends within the first
        frame gives something that can't be decoded.

    Reference: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
    """
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)
    size = tf.size(data, tf.int64)
    head = bytes_at(encoded, 0, 13)
    colors = _table_bytes(head[10])

    def go_on(position, _):
        return (position < size) & (bytes_at(encoded, position, 1)[0] == EXTENSION)

    def skip(position, transparent):
        block = bytes_at(encoded, position, 7)
        is_control = block[1] == GRAPHIC_CONTROL
        transparent = tf.where(is_control, tf.where(block[3] % 2 == 1, block[6], -1), transparent)
        return _behind_blocks(data, position + 2), transparent

    # The extensions are left out: the decoder would make black of what one says is transparent.
    position, transparent = tf.while_loop(
        go_on,
        skip,
        (13 + colors, tf.constant(-1, tf.int64)),
        maximum_iterations=MOST_BLOCKS,
    )
    frame = bytes_at(encoded, position, 10)
    local_colors = _table_bytes(frame[9])
    end = _behind_blocks(data, position + 10 + local_colors + 1)
    is_whole = (frame[0] == FRAME) & (end <= size)
    has_local_colors = local_colors > 0
    in_table = 3 * transparent < tf.where(has_local_colors, local_colors, colors)
    is_transparent = (transparent >= 0) & in_table
    end = tf.where(is_whole, end, position)
    header = tf.strings.substr(encoded, tf.constant(0, tf.int64), 13 + colors)
    image = tf.strings.substr(encoded, position, end - position)
    header = tf.cond(
        is_transparent & ~has_local_colors,
        lambda: _whitened(header, 13 + 3 * transparent),
        lambda: header,
    )
    image = tf.cond(
        is_transparent & has_local_colors,
        lambda: _whitened(image, 10 + 3 * transparent),
        lambda: image,
    )
    canvas = tf.stack([little(head[8:10]), little(head[6:8])])
    top, left = little(frame[3:5]), little(frame[1:3])
    height, width = little(frame[7:9]), little(frame[5:7])
    box = tf.stack([top, left, height, width])
    file = tf.strings.join([header, image, SECOND_FRAME, b";"])
    return file, tf.cast(canvas, tf.int32), tf.cast(box, tf.int32)


def _table_bytes(flags):
    """Length of the table of colours that these flags announce."""
    return tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)


def _whitened(part, position):
    """`part` of a file with a white colour at a position."""
    before = tf.strings.substr(part, tf.constant(0, tf.int64), position)
    end = tf.cast(tf.strings.length(part), tf.int64)
    after = tf.strings.substr(part, position + 3, end)
    return tf.strings.join([before, b"\xff\xff\xff", after])


def _behind_blocks(data, position):
    """Where a series of blocks, each led by its length, ends; behind the file if it does not."""
    size = tf.size(data, tf.int64)

    def go_on(position, ended):
        return ~ended & (position < size)

    def skip(position, _):
        lengths = data[position :: FULL_BLOCK + 1]
        full = tf.reduce_sum(tf.math.cumprod(tf.cast(lengths == FULL_BLOCK, tf.int64)))
        position += full * (FULL_BLOCK + 1)
        length = tf.cast(tf.gather(data, tf.minimum(position, size - 1)), tf.int64)
        length = tf.where(position < size, length, 1)
        return position + length + 1, length == 0

    position, ended = tf.while_loop(
        go_on, skip, (position, tf.constant(False)), maximum_iterations=MOST_BLOCKS
    )
    return tf.where(ended, position, size + 1)

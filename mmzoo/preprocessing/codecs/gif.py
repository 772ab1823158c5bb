"""The first frame of a GIF, cut out of the file before anything is decoded."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import bytes_at, checked, equal_blocks, little

#: A second frame: one transparent pixel. It is decoded only if the first was whole.
SECOND_FRAME = (
    b"\x21\xf9\x04\x01\x00\x00\x00\x00"
    b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x80" + b"\xff" * 6 + b"\x02\x02\x44\x01\x00"
)
EXTENSION, FRAME = 0x21, 0x2C
GRAPHIC_CONTROL = 0xF9
WHITE = b"\xff\xff\xff"
#: How many steps a file may need to the end of its first frame: one an extension, one a run of
#: blocks of one length. Of the largest pictures it is hundreds.
MOST_STEPS = 2000


def first_frame(encoded):
    """Cuts a GIF down to its first frame; what is transparent becomes white.

    Args:
        encoded: scalar string, the bytes of a GIF file.

    Returns:
        `(frame, canvas, box)`: the bytes of a GIF whose first frame is that of `encoded`, on a
        canvas of its own size, and whose second is a single pixel; `(2,)` int32, height and width
        of the canvas of `encoded`; `(4,)` int32, top, left, height and width of what the frame
        covers of it. Fails, in the graph, where the file ends within the first frame, or is cut
        into more blocks than any picture needs.

    Reference: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
    """
    content = tf.io.decode_raw(encoded, tf.uint8)
    size = tf.size(content, tf.int64)
    head = bytes_at(encoded, 0, 13)
    colors = _table_bytes(head[10])

    def go_on(position, _, steps):
        more = (position < size) & (steps < MOST_STEPS)
        return more & (bytes_at(encoded, position, 1)[0] == EXTENSION)

    def skip(position, transparent, steps):
        block = bytes_at(encoded, position, 7)
        is_control = block[1] == GRAPHIC_CONTROL
        transparent = tf.where(is_control, tf.where(block[3] % 2 == 1, block[6], -1), transparent)
        position, steps = _behind_blocks(content, position + 2, steps + 1)
        return position, transparent, steps

    # The extensions are left out: the decoder would make black of what one says is transparent.
    position, transparent, steps = tf.while_loop(
        go_on, skip, (13 + colors, tf.constant(-1, tf.int64), tf.constant(0))
    )
    frame = bytes_at(encoded, position, 10)
    local_colors = _table_bytes(frame[9])
    end, _ = _behind_blocks(content, position + 10 + local_colors + 1, steps)
    is_whole = (frame[0] == FRAME) & (end <= size)
    has_local_colors = local_colors > 0
    in_table = 3 * transparent < tf.where(has_local_colors, local_colors, colors)
    is_transparent = (transparent >= 0) & in_table
    encoded = checked(encoded, is_whole, "The picture breaks off, or has too many blocks.")
    header = tf.strings.substr(encoded, tf.constant(0, tf.int64), 13 + colors)
    image = tf.strings.substr(encoded, position, end - position)
    header = tf.cond(
        is_transparent & ~has_local_colors,
        lambda: _with(header, 13 + 3 * transparent, WHITE),
        lambda: header,
    )
    image = tf.cond(
        is_transparent & has_local_colors,
        lambda: _with(image, 10 + 3 * transparent, WHITE),
        lambda: image,
    )
    canvas = tf.stack([little(head[8:10]), little(head[6:8])])
    top, left = little(frame[3:5]), little(frame[1:3])
    height, width = little(frame[7:9]), little(frame[5:7])
    box = tf.stack([top, left, height, width])
    # What the frame leaves of its canvas needs no decoder: a tiny file may have a large canvas.
    header = _with(header, tf.constant(6, tf.int64), tf.strings.substr(image, 5, 4))
    image = _with(image, tf.constant(1, tf.int64), bytes(4))
    file = tf.strings.join([header, image, SECOND_FRAME, b";"])
    return file, tf.cast(canvas, tf.int32), tf.cast(box, tf.int32)


def _table_bytes(flags):
    """Length of the table of colours that these flags announce."""
    return tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)


def _with(part, position, new):
    """`part` of a file with other bytes at a position."""
    before = tf.strings.substr(part, tf.zeros_like(position), position)
    behind = position + tf.cast(tf.strings.length(new), tf.int64)
    end = tf.cast(tf.strings.length(part), tf.int64)
    return tf.strings.join([before, new, tf.strings.substr(part, behind, end)])


def _behind_blocks(content, position, steps):
    """Where a series of blocks, each led by its length, ends; behind the file if it does not.

    Args:
        content: `(size,)` uint8, the bytes of the file.
        position: of the first block, scalar int64.
        steps: that were made in this file so far, scalar int32.

    Returns:
        `(position, steps)` behind the last block, which is empty.
    """
    size = tf.size(content, tf.int64)

    def go_on(position, ended, steps):
        return ~ended & (position < size) & (steps < MOST_STEPS)

    def skip(position, _, steps):
        length = tf.cast(content[position], tf.int64)
        count = equal_blocks(content, position, length + 1, head=1)
        count = tf.where(length > 0, tf.maximum(count, 1), 1)
        return position + count * (length + 1), length == 0, steps + 1

    position, ended, steps = tf.while_loop(go_on, skip, (position, tf.constant(False), steps))
    return tf.where(ended, position, size + 1), steps

"""WebP files: which chunk is where, and the first frame of an animation as a file of its own."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import bytes_at, checked, find_chunk, little

#: What stands before the pixels of a frame: name, length, place, size, duration and flags.
FRAME_HEADER = 24
#: The first chunk of a file with alpha, up to the size of its canvas.
EXTENDED = b"VP8X" + bytes([10, 0, 0, 0, 0x10, 0, 0, 0])


def find_webp_chunk(encoded, name):
    """Position of the first chunk of that name, scalar int64; -1 if there is none."""

    def read(head):
        length = little(head[4:8])
        return tf.reduce_all(head[:4] == list(name)), 8 + length + length % 2

    return find_chunk(encoded, 12, read)


def first_frame(encoded):
    """Cuts an animation down to its first frame; the decoder would make its whole canvas, twice.

    Args:
        encoded: scalar string, the bytes of an animated WebP file.

    Returns:
        `(frame, box)`: the bytes of a WebP file that is not animated; and `(4,)` int32, top, left,
        height and width of what it covers of the canvas. Fails, in the graph, where the file ends
        within the frame.

    Reference: https://developers.google.com/speed/webp/docs/riff_container
    """
    frame = find_webp_chunk(encoded, b"ANMF")
    head = bytes_at(encoded, frame, FRAME_HEADER)
    end = frame + 8 + little(head[4:8])
    is_whole = end <= tf.cast(tf.strings.length(encoded), tf.int64)
    is_whole &= (frame > 0) & (end > frame + FRAME_HEADER)
    encoded = checked(encoded, is_whole, "The picture breaks off within its first frame.")
    size = tf.strings.substr(encoded, frame + 14, tf.constant(6, tf.int64))
    start = frame + FRAME_HEADER
    content = tf.strings.join(
        [b"WEBP", EXTENDED, size, tf.strings.substr(encoded, start, end - start)]
    )
    length = _four_bytes(tf.strings.length(content))
    box = [
        2 * little(head[11:14]),
        2 * little(head[8:11]),
        1 + little(head[17:20]),
        1 + little(head[14:17]),
    ]
    return tf.strings.join([b"RIFF", length, content]), tf.cast(tf.stack(box), tf.int32)


def _four_bytes(number):
    """A number as a string, the least significant byte first."""
    digits = number // [1, 2**8, 2**16, 2**24] % 256
    return tf.strings.reduce_join(tf.gather([bytes([digit]) for digit in range(256)], digits))

"""What a PNG file needs to be decoded, cut out of it before anything is."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import (
    LONGEST_RUN,
    MOST_CHUNKS,
    big,
    bytes_at,
    checked,
    equal_blocks,
)

#: The signature, and the first chunk with what is around it.
HEADER = 33
#: What stands around the data of a chunk: its length, its name and a checksum.
FRAME = 12
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
PALETTE, TRANSPARENCY, EXIF, PIXELS = b"PLTE", b"tRNS", b"eXIf", b"IDAT"
#: The most runs of chunks of one length that the pixels may be in. Of the largest pictures it is
#: hundreds.
MOST_RUNS = 4000
#: How many of these a run counts for that is shorter than can be looked at in one step: nothing but
#: the last ones of a picture has to be.
SHORT_RUN = 5


def necessary_chunks(encoded):
    """Cuts a PNG down to its header, its palette, what of it is transparent, and its pixels.

    The decoder would unpack all other chunks, too: texts and profiles of a thousand times their
    size.

    Args:
        encoded: scalar string, the bytes of a PNG file.

    Returns:
        `(file, has_transparency, exif)`: the bytes of a PNG; whether a chunk says what is
        transparent, scalar bool; and where in `encoded` a chunk of EXIF data in front of the pixels
        begins, scalar int64, -1 without. Fails, in the graph, where the file ends within the
        pixels, or is cut into more chunks than any picture needs.

    Reference: https://www.w3.org/TR/png-3/
    """
    content = tf.io.decode_raw(encoded, tf.uint8)
    size = tf.size(content, tf.int64)
    zero, nowhere = tf.constant(0, tf.int64), tf.constant(-1, tf.int64)

    def chunk(position):
        head = bytes_at(encoded, position, 8)
        return FRAME + big(head[:4]), big(head[4:])

    def go_on(position, in_front, steps, *_):
        return in_front & (position + FRAME <= size) & (steps < MOST_CHUNKS)

    def step(position, _, steps, palette, transparency, exif):
        length, name = chunk(position)
        found = [
            tf.where((name == _number(wanted)) & (place < 0), position, place)
            for wanted, place in ((PALETTE, palette), (TRANSPARENCY, transparency), (EXIF, exif))
        ]
        in_front = name != _number(PIXELS)
        return tf.where(in_front, position + length, position), in_front, steps + 1, *found

    start, in_front, _, palette, transparency, exif = tf.while_loop(
        go_on,
        step,
        (zero + HEADER, tf.constant(True), tf.constant(0), nowhere, nowhere, nowhere),
    )

    def go_on_pixels(position, ended, steps):
        return ~ended & (position + FRAME <= size) & (steps < MOST_RUNS)

    def step_pixels(position, _, steps):
        length, name = chunk(position)
        count = equal_blocks(content, position, length, head=8)
        count = tf.where(name == _number(PIXELS), count, 0)
        taken = tf.where(count == LONGEST_RUN, 1, SHORT_RUN)
        return position + count * length, count == 0, steps + taken

    end, ended, _ = tf.while_loop(go_on_pixels, step_pixels, (start, in_front, tf.constant(0)))
    is_whole = ended & (end > start) & (chunk(end)[1] != _number(PIXELS))
    encoded = checked(encoded, is_whole, "The picture breaks off, or has too many chunks.")

    def cut(position):
        length = tf.where(position >= 0, chunk(position)[0], 0)
        return tf.strings.substr(encoded, tf.maximum(position, 0), length)

    header = tf.strings.substr(encoded, 0, HEADER)
    pixels = tf.strings.substr(encoded, start, end - start)
    file = tf.strings.join([header, cut(palette), cut(transparency), pixels, END])
    return file, transparency >= 0, exif


def _number(name):
    return int.from_bytes(name, "big")

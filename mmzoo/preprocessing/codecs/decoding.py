"""Encoded pictures -> pixels. The header comes first: it says what is safe, and what is enough."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.exif import exif_orientation, lies_on_its_side
from mmzoo.preprocessing.codecs.file_bytes import big, bytes_at, find_chunk, little
from mmzoo.preprocessing.codecs.gif import first_frame
from mmzoo.preprocessing.codecs.resizing import scale_factors

UPRIGHT = 1


@tf.function(autograph=False)  # traced once, not in every place that decodes
def decode_picture(encoded, size, policy, max_pixels):
    """Decodes a picture of any format. Fails, in the graph, if it can't be.

    JPEG (gray, RGB, CMYK, progressive), PNG, GIF and WebP (their first frame), BMP (8, 24 and 32
    bits, not compressed). Transparent pictures are laid on white. A JPEG is decoded at 1/2, 1/4 or
    1/8 of its size where that is enough.

    Args:
        encoded: scalar string, the bytes of the file.
        size: `(2,)` int32, height and width that the picture will be brought to.
        policy: how, see `mmzoo.preprocessing.resizing.resize`.
        max_pixels: scalar int64, the most pixels to decode; more, by the header, is an error.

    Returns:
        `(pixels, orientation)`: `(H, W, 3)` uint8 as stored, and how to turn them, see
        `mmzoo.preprocessing.orientation.upright`.

    Example:

    >>> gray = tf.io.encode_png(tf.zeros((2, 3, 1), "uint8"))
    >>> pixels, _ = decode_picture(gray, tf.constant([4, 4]), "stretch", max_pixels=100)
    >>> pixels.shape
    TensorShape([2, 3, 3])
    """
    head = bytes_at(encoded, 0, 16)

    def starts(magic, position=0):
        return tf.reduce_all(head[position : position + len(magic)] == list(magic))

    matches = tf.stack(
        [
            starts(b"\xff\xd8\xff"),
            starts(b"\x89PNG\r\n\x1a\n"),
            starts(b"GIF8"),
            starts(b"BM"),
            starts(b"RIFF") & starts(b"WEBP", 8),
            tf.constant(True),
        ]
    )
    branches = [
        lambda: _decode_jpeg(encoded, size, policy, max_pixels),
        lambda: _decode_png(encoded, max_pixels),
        lambda: _decode_gif(encoded, max_pixels),
        lambda: _decode_bmp(encoded, max_pixels),
        lambda: _decode_webp(encoded, max_pixels),
        lambda: _unknown(encoded),
    ]
    pixels, orientation = tf.switch_case(tf.argmax(matches, output_type=tf.int32), branches)
    return tf.ensure_shape(pixels, (None, None, 3)), orientation


def onto_white(image):
    """Lays a picture with an alpha channel on white.

    Args:
        image: `(H, W, C + 1)`, 0-255; the last channel is 255 where it is opaque.

    Returns:
        `(H, W, C)`, of the dtype that came in.
    """
    color, alpha = tf.cast(image[..., :-1], tf.float32), tf.cast(image[..., -1:], tf.float32)
    return tf.cast(tf.round(255.0 - (255.0 - color) * (alpha / 255.0)), image.dtype)


def _checked(encoded, condition, message):
    """`encoded`, for ops that must not run unless the condition holds."""
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(encoded)


def _of_bearable_size(encoded, height, width, max_pixels):
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    bearable = (height > 0) & (width > 0) & (height * width <= max_pixels)
    return _checked(encoded, bearable, "The picture has no pixels, or more than `max_pixels`.")


def _unknown(encoded):
    encoded = _checked(encoded, False, "The picture is not a JPEG, PNG, GIF, BMP or WebP file.")
    return tf.io.decode_image(encoded, channels=3, expand_animations=False), _upright()


def _upright():
    return tf.constant(UPRIGHT, tf.int64)


# JPEG


def _decode_jpeg(encoded, size, policy, max_pixels):
    shape = tf.image.extract_jpeg_shape(encoded)[:2]
    encoded = _of_bearable_size(encoded, shape[0], shape[1], max_pixels)
    block = find_chunk(encoded, 2, _read_segment)
    orientation = exif_orientation(encoded, tf.where(block < 0, block, block + 10))
    size = tf.cast(size, tf.float32)
    size = tf.where(lies_on_its_side(orientation), size[::-1], size)
    growth = tf.reduce_max(scale_factors(tf.cast(shape, tf.float32), size, policy))

    def decode(ratio):
        return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    enough = tf.reduce_sum(tf.cast(growth * [2.0, 4.0, 8.0] <= 1.0, tf.int32))
    pixels = tf.switch_case(enough, [lambda r=ratio: decode(r) for ratio in (1, 2, 4, 8)])
    return pixels, orientation


def _read_segment(head):
    """For `find_chunk`: the segment APP1 with EXIF data, among the APPn and comments in front."""
    marker = head[1]
    in_front = (head[0] == 0xFF) & ((marker >= 0xE0) & (marker <= 0xEF) | (marker == 0xFE))
    wanted = (marker == 0xE1) & tf.reduce_all(head[4:10] == list(b"Exif\0\0"))
    return in_front & wanted, tf.where(in_front, 2 + big(head[2:4]), 0)


# PNG


def _decode_png(encoded, max_pixels):
    head = bytes_at(encoded, 16, 10)
    encoded = _of_bearable_size(encoded, big(head[:4]), big(head[4:8]), max_pixels)
    has_alpha = (head[9] & 4 > 0) | (find_chunk(encoded, 8, _png_chunk(b"tRNS")) > 0)
    pixels = tf.cond(
        has_alpha,
        lambda: onto_white(tf.io.decode_png(encoded, channels=4)),
        lambda: tf.io.decode_png(encoded, channels=3),
    )
    block = find_chunk(encoded, 8, _png_chunk(b"eXIf"))
    return pixels, exif_orientation(encoded, tf.where(block < 0, block, block + 8))


def _png_chunk(name):
    """For `find_chunk`: a chunk in front of the pixels."""

    def read(head):
        is_data = tf.reduce_all(head[4:8] == list(b"IDAT"))
        wanted = tf.reduce_all(head[4:8] == list(name))
        return wanted, tf.where(~is_data, 12 + big(head[:4]), 0)

    return read


# GIF


def _decode_gif(encoded, max_pixels):
    frame, canvas, box = first_frame(encoded)
    top, left, height, width = tf.unstack(box)
    frame = _of_bearable_size(frame, canvas[0], canvas[1], max_pixels)
    frame = _of_bearable_size(frame, height, width, max_pixels)
    frames = tf.io.decode_gif(frame)
    # Of a frame that breaks off the decoder returns what it has, but not what follows.
    whole = tf.shape(frames)[0] == 2
    with tf.control_dependencies([tf.debugging.Assert(whole, ["The picture is damaged."])]):
        pixels = frames[0]
    rows, columns = tf.range(canvas[0])[:, None], tf.range(canvas[1])[None]
    drawn = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    return tf.where(drawn[..., None], pixels, 255), _upright()


# BMP


def _decode_bmp(encoded, max_pixels):
    head = bytes_at(encoded, 0, 70)
    bits, compression = little(head[28:30]), little(head[30:34])
    masks = tf.reduce_all(head[54:66] == [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0])
    plain = (compression == 0) & ((bits == 8) | (bits == 24) | (bits == 32))
    readable = plain | ((compression == 3) & (bits == 32) & masks)
    readable &= little(head[14:18]) >= 40
    encoded = _checked(encoded, readable, "The picture is a BMP of a kind that can't be read.")
    height = little(head[22:26])
    height = tf.minimum(height, 2**32 - height)  # the negative number says from top to bottom
    encoded = _of_bearable_size(encoded, height, little(head[18:22]), max_pixels)
    has_alpha = (compression == 3) & (little(head[66:70]) == 0xFF000000)

    def with_palette():
        start, count = 14 + little(head[14:18]), little(head[46:50])
        count = tf.where(count > 0, tf.minimum(count, 256), 256)
        palette = tf.strings.substr(encoded, start, 4 * count)
        palette = tf.reshape(tf.io.decode_raw(palette, tf.uint8), (-1, 4))
        indices = tf.io.decode_bmp(encoded)[..., 0]
        return tf.gather(palette[:, 2::-1], tf.cast(indices, tf.int32))

    def without_palette():
        pixels = tf.io.decode_bmp(encoded)
        return tf.cond(has_alpha, lambda: onto_white(pixels), lambda: pixels[..., :3])

    return tf.cond(bits == 8, with_palette, without_palette), _upright()


# WebP


def _decode_webp(encoded, max_pixels):
    head = bytes_at(encoded, 0, 30)
    lossy, lossless, extended = (
        tf.reduce_all(head[12:16] == list(kind)) for kind in (b"VP8 ", b"VP8L", b"VP8X")
    )
    encoded = _checked(encoded, lossy | lossless | extended, "The picture is a damaged WebP file.")
    bits = little(head[21:25])  # of a lossless one: 14 for width - 1, 14 for height - 1
    width = tf.where(lossy, little(head[26:28]) % 2**14, 1 + bits % 2**14)
    height = tf.where(lossy, little(head[28:30]) % 2**14, 1 + bits // 2**14 % 2**14)
    width = tf.where(extended, 1 + little(head[24:27]), width)
    height = tf.where(extended, 1 + little(head[27:30]), height)
    encoded = _of_bearable_size(encoded, height, width, max_pixels)

    def with_alpha():
        """An animation without alpha is decoded with it, into memory without (TensorFlow 2.21)."""
        flags = tf.io.decode_raw(tf.strings.substr(encoded, 20, 1), tf.uint8)
        flags = tf.gather(
            [bytes([flag | 0x10]) for flag in range(256)], tf.cast(flags[0], tf.int32)
        )
        rest = tf.strings.substr(encoded, 21, tf.strings.length(encoded))
        return tf.strings.join([tf.strings.substr(encoded, 0, 20), flags, rest])

    encoded = tf.cond(extended & (head[20] & 2 > 0), with_alpha, lambda: encoded)
    pixels = tf.io.decode_image(encoded, expand_animations=False)
    pixels = tf.ensure_shape(pixels, (None, None, None))
    pixels = tf.cond(tf.shape(pixels)[-1] == 4, lambda: onto_white(pixels), lambda: pixels)
    block = tf.cond(
        extended & (head[20] & 8 > 0),
        lambda: find_chunk(encoded, 12, _read_webp_chunk),
        lambda: tf.constant(-1, tf.int64),
    )
    prefix = tf.reduce_all(bytes_at(encoded, block + 8, 6) == list(b"Exif\0\0"))
    start = block + 8 + 6 * tf.cast(prefix, tf.int64)
    return pixels, exif_orientation(encoded, tf.where(block < 0, block, start))


def _read_webp_chunk(head):
    """For `find_chunk`: the chunk with EXIF data."""
    length = little(head[4:8])
    return tf.reduce_all(head[:4] == list(b"EXIF")), 8 + length + length % 2

"""Encoded pictures -> pixels. The header comes first: it says what is safe, and what is enough."""

import tensorflow as tf

from mmzoo.preprocessing.codecs import gif, webp
from mmzoo.preprocessing.codecs.exif import exif_orientation, lies_on_its_side
from mmzoo.preprocessing.codecs.file_bytes import big, bytes_at, checked, find_chunk, little
from mmzoo.preprocessing.codecs.jpeg import has_bearable_scans
from mmzoo.preprocessing.codecs.png import necessary_chunks
from mmzoo.preprocessing.codecs.resizing import scale_factors

UPRIGHT = 1
#: How much of a transparent picture is laid on white at once.
PIXELS_AT_ONCE = 2**20
#: From here on, four bytes are a pixel that hides all behind it.
OPAQUE = 0xFF000000


@tf.function(autograph=False)  # traced once, not in every place that decodes
def decode_picture(encoded, size, policy, max_pixels):
    """Decodes a picture of any format. Fails, in the graph, if it can't be.

    JPEG (gray, RGB, CMYK, progressive), PNG, GIF and WebP (their first frame), BMP (8, 24 and 32
    bits, not compressed). Transparent pictures are laid on white. A JPEG is decoded at 1/2, 1/4 or
    1/8 of its size where that is enough.

    Args:
        encoded: scalar string, the bytes of the file.
        size: `(2,)` int32, height and width that the picture will be brought to.
        policy: how, see `mmzoo.preprocessing.codecs.resizing.resize`.
        max_pixels: scalar int64, the most pixels to decode; more, by the header, is an error. Some
            count more than once, see `mmzoo.raw.file_heads.pixel_weight`.

    Returns:
        `(pixels, orientation)`: `(H, W, 3)` uint8 as stored, and how to turn them, see
        `mmzoo.preprocessing.codecs.exif.upright`.

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


def _onto_white_by_rows(image):
    """As `onto_white`, of `(H, W, 4)` uint8: four numbers at once, and a few rows at a time.

    Floats would take four times the memory, and as much longer.
    """
    height, width = tf.unstack(tf.shape(image)[:2])
    rows = tf.maximum(PIXELS_AT_ONCE // tf.maximum(width, 1), 1)
    parts = -(-height // rows)

    def part(number):
        pixels = image[number * rows : (number + 1) * rows]
        packed = tf.bitcast(pixels, tf.uint32)  # the first number is the least significant
        return tf.cond(
            tf.reduce_all(packed >= OPAQUE),
            lambda: pixels[..., :3],
            lambda: tf.bitcast(_packed_onto_white(packed), tf.uint8)[..., :3],
        )

    written = tf.TensorArray(image.dtype, parts, infer_shape=False)
    _, written = tf.while_loop(
        lambda number, _: number < parts,
        lambda number, written: (number + 1, written.write(number, part(number))),
        (0, written),
        parallel_iterations=1,
    )
    return tf.ensure_shape(written.concat(), (None, None, None))


def _packed_onto_white(packed):
    """Lays pixels of four bytes, the last of them alpha, on white; what becomes of it is no matter.

    Of two numbers at once: two bytes hold a product of two bytes.
    """
    alpha, two = _shifted(packed, 24), tf.constant(0xFF00FF, tf.uint32)

    def ink(numbers):
        """Both products with alpha, divided by 255 and rounded."""
        product = numbers * alpha + tf.constant(0x800080, tf.uint32)
        product += _shifted(product, 8) & two
        return _shifted(product, 8) & two

    missing = tf.bitwise.invert(packed)
    first_and_third = ink(missing & two)
    second = ink(_shifted(missing, 8) & tf.constant(0xFF, tf.uint32))
    return tf.bitwise.invert(first_and_third + second * 256)


def _shifted(numbers, bits):
    return tf.bitwise.right_shift(numbers, tf.constant(bits, tf.uint32))


def _of_bearable_size(encoded, height, width, max_pixels, weight=1):
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    bearable = (height > 0) & (width > 0) & (height * width * weight <= max_pixels)
    return checked(encoded, bearable, "The picture has no pixels, or more than `max_pixels`.")


def _unknown(encoded):
    encoded = checked(encoded, False, "The picture is not a JPEG, PNG, GIF, BMP or WebP file.")
    return tf.io.decode_image(encoded, channels=3, expand_animations=False), _upright()


def _weight(*factors):
    """How many times a pixel counts: the product of those factors whose condition holds."""
    conditions = tf.stack([condition for condition, _ in factors])
    numbers = tf.constant([factor for _, factor in factors], tf.int64)
    return tf.reduce_prod(tf.where(conditions, numbers, 1))


def _upright():
    return tf.constant(UPRIGHT, tf.int64)


# JPEG


def _decode_jpeg(encoded, size, policy, max_pixels):
    shape = tf.image.extract_jpeg_shape(encoded)[:2]
    encoded = _of_bearable_size(encoded, shape[0], shape[1], max_pixels)
    pixels = tf.reduce_prod(tf.cast(shape, tf.int64))
    few_scans = has_bearable_scans(encoded, pixels, max_pixels)
    encoded = checked(encoded, few_scans, "The picture has too many scans.")
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
    head = bytes_at(encoded, 16, 13)
    file, has_transparency, block = necessary_chunks(encoded)
    has_transparency |= head[9] & 4 > 0
    weight = _weight((has_transparency, 3), (head[8] == 16, 2), (head[12] > 0, 2))
    file = _of_bearable_size(file, big(head[:4]), big(head[4:8]), max_pixels, weight)
    pixels = tf.cond(
        has_transparency,
        lambda: _onto_white_by_rows(tf.io.decode_png(file, channels=4)),
        lambda: tf.io.decode_png(file, channels=3),
    )
    return pixels, exif_orientation(encoded, tf.where(block < 0, block, block + 8))


# GIF


def _decode_gif(encoded, max_pixels):
    frame, canvas, box = gif.first_frame(encoded)
    frame = _of_bearable_size(frame, canvas[0], canvas[1], max_pixels, 2)
    frame = _of_bearable_size(frame, box[2], box[3], max_pixels, 2)
    frames = tf.io.decode_gif(frame)
    # Of a frame that breaks off the decoder returns what it has, but not what follows.
    whole = tf.shape(frames)[0] == 2
    with tf.control_dependencies([tf.debugging.Assert(whole, ["The picture is damaged."])]):
        pixels = frames[0]

    return _on_canvas(pixels, box, canvas), _upright()


def _on_canvas(pixels, box, canvas):
    """What covers a box (top, left, height, width) of a white canvas, without what lies beside."""

    def drawn():
        room = tf.maximum(canvas - box[:2], 0)
        inside = pixels[: room[0], : room[1]]
        before = tf.minimum(box[:2], canvas)
        behind = canvas - before - tf.shape(inside)[:2]
        paddings = tf.concat([tf.stack([before, behind], axis=1), [[0, 0]]], axis=0)
        return tf.pad(inside, paddings, constant_values=255)

    covered = tf.reduce_all(tf.concat([box[:2] == 0, box[2:] == canvas], axis=0))
    return tf.cond(covered, lambda: pixels, drawn)


# BMP


def _decode_bmp(encoded, max_pixels):
    head = bytes_at(encoded, 0, 70)
    bits, compression = little(head[28:30]), little(head[30:34])
    masks = tf.reduce_all(head[54:66] == [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0])
    plain = (compression == 0) & ((bits == 8) | (bits == 24) | (bits == 32))
    readable = plain | ((compression == 3) & (bits == 32) & masks)
    readable &= little(head[14:18]) >= 40
    encoded = checked(encoded, readable, "The picture is a BMP of a kind that can't be read.")
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
        return tf.cond(has_alpha, lambda: _onto_white_by_rows(pixels), lambda: pixels[..., :3])

    return tf.cond(bits == 8, with_palette, without_palette), _upright()


# WebP


def _decode_webp(encoded, max_pixels):
    head = bytes_at(encoded, 0, 30)
    lossy, lossless, extended = (
        tf.reduce_all(head[12:16] == list(kind)) for kind in (b"VP8 ", b"VP8L", b"VP8X")
    )
    encoded = checked(encoded, lossy | lossless | extended, "The picture is a damaged WebP file.")
    bits = little(head[21:25])  # of a lossless one: 14 for width - 1, 14 for height - 1
    width = tf.where(lossy, little(head[26:28]) % 2**14, 1 + bits % 2**14)
    height = tf.where(lossy, little(head[28:30]) % 2**14, 1 + bits // 2**14 % 2**14)
    width = tf.where(extended, 1 + little(head[24:27]), width)
    height = tf.where(extended, 1 + little(head[27:30]), height)
    weight = _weight((~lossy, 3))
    encoded = _of_bearable_size(encoded, height, width, max_pixels, weight)

    is_animated = extended & (head[20] & 2 > 0)
    canvas = tf.cast(tf.stack([height, width]), tf.int32)
    whole = tf.concat([[0, 0], canvas], axis=0)
    frame, box = tf.cond(is_animated, lambda: webp.first_frame(encoded), lambda: (encoded, whole))
    frame = _of_bearable_size(frame, box[2], box[3], max_pixels, weight)
    pixels = tf.io.decode_image(frame, expand_animations=False)
    pixels = tf.ensure_shape(pixels, (None, None, None))
    has_alpha = tf.shape(pixels)[-1] == 4
    pixels = tf.cond(has_alpha, lambda: _onto_white_by_rows(pixels), lambda: pixels)
    pixels = _on_canvas(pixels, box, canvas)
    block = tf.cond(
        extended & (head[20] & 8 > 0),
        lambda: webp.find_webp_chunk(encoded, b"EXIF"),
        lambda: tf.constant(-1, tf.int64),
    )
    prefix = tf.reduce_all(bytes_at(encoded, block + 8, 6) == list(b"Exif\0\0"))
    start = block + 8 + 6 * tf.cast(prefix, tf.int64)
    return pixels, exif_orientation(encoded, tf.where(block < 0, block, start))

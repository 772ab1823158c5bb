"""How many scans a JPEG file has: its decoder goes over all of the picture for each."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import big, bytes_at

#: The most scans that are decoded; a progressive file has about ten.
MOST_SCANS = 50
#: Of large pictures fewer: all together as many pixels as so many scans of the largest have.
SCANS_OF_THE_LARGEST = 8
#: The most segments that are looked at.
MOST_SEGMENTS = 1000
SCAN = b"\xff\xda"
SCAN_MARKER, END_MARKER = 0xDA, 0xD9
#: Markers that no length follows; and behind 0xFF what is no marker, or one within a scan.
ALONE = (0x01, *range(0xD0, 0xD9))
WITHIN_A_SCAN = (0x00, *range(0xD0, 0xD8), 0xFF)


def has_bearable_scans(encoded, pixels, max_pixels):
    """Whether a JPEG has few enough scans to be decoded.

    Args:
        encoded: scalar string, the bytes of a JPEG file.
        pixels: how many the picture has, scalar int64.
        max_pixels: the most that one may have, scalar int64.

    Returns:
        Scalar bool.

    Example:

    >>> jpeg = tf.io.encode_jpeg(tf.zeros((8, 8, 1), tf.uint8))
    >>> bool(has_bearable_scans(jpeg, tf.constant(64, tf.int64), tf.constant(100, tf.int64)))
    True

    Reference: ITU-T T.81, annex B; https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
    """
    most = SCANS_OF_THE_LARGEST * max_pixels // tf.maximum(pixels, 1)
    most = tf.cast(tf.minimum(most, MOST_SCANS), tf.int32)
    # What looks like scans are not more than that, almost always: this is quick.
    # `tf.strings.split` would make ragged rows of the pieces, which takes as long again.
    file = tf.reshape(encoded, (1,))  # `[encoded]` would copy it
    pieces = tf.raw_ops.StringSplitV2(input=file, sep=SCAN, maxsplit=MOST_SCANS + 1).values
    few = tf.size(pieces) - 1 <= most
    return tf.cond(few, lambda: tf.constant(True), lambda: _scans(encoded) <= most)


def _scans(encoded):
    """The number of scans, from marker to marker; too many where there are too many segments."""
    content = tf.io.decode_raw(encoded, tf.uint8)
    size = tf.size(content, tf.int64)
    following = tf.cast(content[1:], tf.int32)
    is_marker = tf.gather([code not in WITHIN_A_SCAN for code in range(256)], following)
    places = tf.where((content[:-1] == 0xFF) & is_marker)[:, 0]
    places = tf.concat([places, size[None]], axis=0)

    def go_on(position, scans, segments):
        return (position < size) & (scans <= MOST_SCANS)

    def step(position, scans, segments):
        head = bytes_at(encoded, position, 4)
        alone = tf.reduce_any(head[1] == tf.constant(ALONE, tf.int64))
        behind = position + 2 + tf.where(alone, tf.zeros_like(position), big(head[2:]))
        index = tf.searchsorted(places, tf.minimum(behind, size)[None])[0]
        scans += tf.cast(head[1] == SCAN_MARKER, tf.int32)
        scans = tf.where(segments < MOST_SEGMENTS, scans, MOST_SCANS + 1)
        following = tf.where(head[1] == END_MARKER, size, tf.gather(places, index))
        return following, scans, segments + 1

    start = tf.constant(2, tf.int64)
    _, scans, _ = tf.while_loop(go_on, step, (start, tf.constant(0), tf.constant(0)))
    return scans

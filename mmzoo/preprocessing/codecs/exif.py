"""Which way up a picture is: the orientation in EXIF data."""

import tensorflow as tf

from mmzoo.preprocessing.codecs.file_bytes import big, bytes_at, little

ORIENTATION_TAG = 0x0112
SHORT = 3
#: Tags are sorted, and few come before that of the orientation.
MOST_TAGS = 64


def exif_orientation(encoded, position):
    """The orientation in a block of EXIF data.

    Args:
        encoded: scalar string, the bytes of a file.
        position: where the block starts (`II*` or `MM*`), scalar int64; -1: there is none.

    Returns:
        Scalar int64, 1-8; 1, upright, where the block does not say or is damaged.

    Example:

    >>> entry = b"\\x01\\x12" + b"\\x00\\x03" + b"\\x00\\x00\\x00\\x01" + b"\\x00\\x06\\x00\\x00"
    >>> block = b"MM\\x00*" + b"\\x00\\x00\\x00\\x08" + b"\\x00\\x01" + entry
    >>> int(exif_orientation(tf.constant(block), 0))
    6

    Reference: Exif 2.32, section 4.6.4; https://cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf
    """
    return tf.cond(
        tf.less(position, 0),
        lambda: tf.constant(1, tf.int64),
        lambda: _orientation(encoded, position),
    )


def _orientation(encoded, position):
    head = bytes_at(encoded, position, 8)
    is_little = tf.reduce_all(head[:4] == list(b"II*\0"))
    is_big = tf.reduce_all(head[:4] == list(b"MM\0*"))

    def number(digits):
        return tf.where(is_little, little(digits), big(digits))

    table = bytes_at(encoded, position + number(head[4:]), 2 + 12 * MOST_TAGS)
    entries = tf.reshape(table[2:], (MOST_TAGS, 12))
    value = number(entries[:, 8:10])
    found = (
        (is_little | is_big)
        & (tf.range(MOST_TAGS, dtype=tf.int64) < number(table[:2]))
        & (number(entries[:, :2]) == ORIENTATION_TAG)
        & (number(entries[:, 2:4]) == SHORT)
        & (value >= 1)
        & (value <= 8)
    )
    return tf.reduce_max(tf.where(found, value, 1))


def lies_on_its_side(orientation):
    """Whether height and width of a picture that is stored so are to be exchanged."""
    return orientation >= 5


def upright(image, orientation):
    """Turns a picture as its orientation says.

    Args:
        image: `(H, W, C)`.
        orientation: scalar integer, 1-8.

    Returns:
        `(H, W, C)`, or `(W, H, C)` where it lay on its side.

    Example:

    >>> upright(tf.constant([[[1], [2]]]), 6).numpy().tolist()
    [[[1]], [[2]]]
    """

    def one_of(*orientations):
        return tf.reduce_any(orientation == tf.constant(orientations, orientation.dtype))

    orientation = tf.convert_to_tensor(orientation)
    image = tf.transpose(image, tf.where(lies_on_its_side(orientation), [1, 0, 2], [0, 1, 2]))
    rows = tf.where(one_of(3, 4, 7, 8), -1, 1)
    columns = tf.where(one_of(2, 3, 6, 7), -1, 1)
    return image[::rows, ::columns]

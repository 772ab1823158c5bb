"""Where a place of a picture as it was sent lies in the picture that a model sees, and back.

Places are in pixels from the upper left corner, x to the right and y downwards: the first pixel
reaches from 0 to 1. A picture as it was sent is what its file holds, before an EXIF orientation
turns it.
"""

import tensorflow as tf

from mmzoo.preprocessing.codecs.exif import lies_on_its_side
from mmzoo.preprocessing.codecs.resizing import margins, rectangle

#: Numbers of a placement: height and width of the picture as sent, and the matrix.
NUMBERS = 8


def placement(shape, decoded_shape, orientation, size, policy):
    """How decoding, resizing, turning upright and padding map places.

    Args:
        shape: `(2,)` integers, height and width of the picture as sent.
        decoded_shape: `(2,)` integers, height and width that it was decoded to: the same, or those
            of a JPEG that was decoded at 1/2, 1/4 or 1/8, rounded up.
        orientation: scalar integer, 1-8; see `mmzoo.preprocessing.codecs.exif.upright`.
        size: `(2,)` int32, height and width of the model's picture.
        policy: see `mmzoo.preprocessing.codecs.resizing.resize`.

    Returns:
        `(8,)` float64: height and width as sent, and the two rows of the `(2, 3)` matrix that takes
        `(x, y, 1)` there to `(x, y)` in the model's picture.

    Example:

    >>> turned = placement([10, 20], [10, 20], 6, tf.constant([40, 20]), "stretch")
    >>> map_boxes(turned, [0.0, 0.0, 1.0, 2.0]).numpy().tolist()  # upper left to upper right
    [16.0, 0.0, 20.0, 2.0]
    """
    shape, decoded_shape = tf.cast(shape, tf.float64), tf.cast(decoded_shape, tf.float32)
    on_its_side = lies_on_its_side(orientation)
    stored_size = tf.where(on_its_side, size[::-1], size)
    result, scale, translation = rectangle(decoded_shape, tf.cast(stored_size, tf.float32), policy)
    # libjpeg rounds up: the last pixel of a reduced picture may stand for fewer than all others.
    ratios = tf.constant([1.0, 2.0, 4.0, 8.0], tf.float64)
    reduced = tf.math.ceil(shape / ratios[:, None])
    fits = tf.reduce_all(reduced == tf.cast(decoded_shape, tf.float64), axis=1)
    scale = tf.cast(scale, tf.float64) / ratios[tf.argmax(tf.cast(fits, tf.int32))]
    translation = tf.cast(translation, tf.float64)
    zero = tf.zeros((), tf.float64)
    across = tf.stack([scale[1], zero, translation[1]])
    down = tf.stack([zero, scale[0], translation[0]])
    x, y = tf.where(on_its_side, down, across), tf.where(on_its_side, across, down)
    result = tf.cast(tf.where(on_its_side, result[::-1], result), tf.float64)
    x = tf.where(_is_one_of(orientation, 2, 3, 6, 7), result[1] * [0.0, 0.0, 1.0] - x, x)
    y = tf.where(_is_one_of(orientation, 3, 4, 7, 8), result[0] * [0.0, 0.0, 1.0] - y, y)
    before = tf.cast(margins(tf.cast(size, tf.float64) - result), tf.float64)
    x, y = x + before[1] * [0.0, 0.0, 1.0], y + before[0] * [0.0, 0.0, 1.0]
    return tf.concat([shape, x, y], axis=0)


def _is_one_of(orientation, *orientations):
    return tf.reduce_any(tf.cast(orientation, tf.int64) == tf.constant(orientations, tf.int64))


def matrix_of(placements):
    """`(..., 2, 3)`: the matrices of `(..., 8)` placements."""
    return tf.reshape(placements[..., 2:], tf.concat([tf.shape(placements)[:-1], [2, 3]], axis=0))


def inverted(placements):
    """The way back: placements whose matrix leads from the model's picture to the one sent.

    Args:
        placements: `(..., 8)` float64.

    Returns:
        `(..., 8)` float64; NaN for a blank placement, of a picture that is absent.
    """
    matrix = matrix_of(placements)
    turn, shift = matrix[..., :2], matrix[..., 2]
    determinant = turn[..., 0, 0] * turn[..., 1, 1] - turn[..., 0, 1] * turn[..., 1, 0]
    back = tf.stack(
        [
            tf.stack([turn[..., 1, 1], -turn[..., 0, 1]], axis=-1),
            tf.stack([-turn[..., 1, 0], turn[..., 0, 0]], axis=-1),
        ],
        axis=-2,
    )
    back = back / determinant[..., None, None]
    shift = -tf.reduce_sum(back * shift[..., None, :], axis=-1)
    rows = tf.concat([back, shift[..., None]], axis=-1)
    rows = tf.reshape(rows, tf.concat([tf.shape(placements)[:-1], [6]], axis=0))
    return tf.concat([placements[..., :2], rows], axis=-1)


def map_boxes(placements, boxes):
    """Boxes, mapped.

    Args:
        placements: `(..., 8)` float64.
        boxes: `(..., 4)` float: `x0, y0, x1, y1`, with `x0 <= x1` and `y0 <= y1`.

    Returns:
        `(..., 4)` float64, in the same order.
    """
    boxes, matrix = tf.cast(boxes, tf.float64), matrix_of(placements)
    corners = [
        tf.reduce_sum(matrix[..., :2] * corner[..., None, :], axis=-1) + matrix[..., 2]
        for corner in (boxes[..., :2], boxes[..., 2:])
    ]
    return tf.concat([tf.minimum(*corners), tf.maximum(*corners)], axis=-1)


def place_mask(placement, mask, size, outside):
    """A mask of the picture as sent, as one of the model's picture: the nearest pixel of each.

    Args:
        placement: `(8,)` float64.
        mask: `(H, W)`, of the picture as sent.
        size: height and width of the model's picture.
        outside: the value where the picture as sent does not reach.

    Returns:
        `size`, of the dtype that came in.
    """
    height, width = size
    x, y = tf.meshgrid(tf.range(width, dtype=tf.float64), tf.range(height, dtype=tf.float64))
    places = tf.stack([x + 0.5, y + 0.5, tf.ones_like(x)], axis=-1)
    places = tf.einsum("hwi,ji->hwj", places, matrix_of(inverted(placement)))
    # What rounding errors bring across the border of a pixel would else be another pixel.
    places = tf.cast(tf.floor(tf.round(places * 2**20) / 2**20), tf.int32)
    places = tf.reverse(places, [-1])
    shape = tf.shape(mask)
    inside = tf.reduce_all((places >= 0) & (places < shape), axis=-1)
    nearest = tf.gather_nd(mask, tf.clip_by_value(places, 0, shape - 1))
    return tf.where(inside, nearest, tf.cast(outside, mask.dtype))


def undo_mask(placement, values, outside):
    """A map over the model's picture, as one over the picture as sent, bilinearly.

    Args:
        placement: `(8,)` float64.
        values: `(h, w, C)` float32, over the model's picture.
        outside: `(C,)`, the values where the model did not see.

    Returns:
        `(H, W, C)` float32.
    """
    height, width = tf.unstack(tf.cast(placement[:2], tf.int32))
    matrix = matrix_of(placement)
    # Height and width exchanged, where the picture lies on its side.
    on_its_side = tf.equal(matrix[0, 0], 0.0)
    values = tf.cond(on_its_side, lambda: tf.transpose(values, (1, 0, 2)), lambda: values)
    across, down = tf.unstack(tf.where(on_its_side, tf.reverse(matrix, [0]), matrix))
    rows, inside_rows = _sampled(values, height, down[1], down[2])
    columns, inside_columns = _sampled(tf.transpose(rows, (1, 0, 2)), width, across[0], across[2])
    inside = inside_rows[:, None] & inside_columns[None]
    return tf.where(inside[..., None], tf.transpose(columns, (1, 0, 2)), outside)


def _sampled(values, count, scale, translation):
    """Rows of `values` at `count` places, linearly, and which of them lie inside."""
    places = (tf.range(tf.cast(count, tf.float64), dtype=tf.float64) + 0.5) * scale + translation
    length = tf.shape(values)[0]
    inside = (places >= 0) & (places <= tf.cast(length, tf.float64))
    places = tf.clip_by_value(places - 0.5, 0.0, tf.cast(length - 1, tf.float64))
    before = tf.cast(tf.floor(places), tf.int32)
    share = tf.cast(places - tf.floor(places), values.dtype)[:, None, None]
    after = tf.minimum(before + 1, length - 1)
    return tf.gather(values, before) * (1 - share) + tf.gather(values, after) * share, inside

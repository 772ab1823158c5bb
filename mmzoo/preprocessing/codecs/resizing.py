"""How pictures of any size are brought to one: stretched, fitted or cropped."""

import tensorflow as tf

#: What surrounds a picture that was fitted, as what is behind a transparent one.
WHITE = 255
#: How many times as large what is between both steps of scaling may be as by the other order.
MOST_BETWEEN = 4


def scale_factors(shape, size, policy):
    """By how much both sides of a picture grow.

    Args:
        shape: `(2,)` float32, height and width of the picture.
        size: `(2,)` float32, height and width wanted.
        policy: `"stretch"`, `"fit"` or `"crop"`.

    Returns:
        `(2,)` float32.

    Example:

    >>> scale_factors(tf.constant([10.0, 40.0]), tf.constant([20.0, 20.0]), "fit").numpy().tolist()
    [0.5, 0.5]
    """
    factors = size / shape
    if policy == "stretch":
        return factors
    both = tf.reduce_min(factors) if policy == "fit" else tf.reduce_max(factors)
    return tf.stack([both, both])


def rectangle(shape, size, policy):
    """Where `resize` puts a picture.

    Args:
        shape: `(2,)` float32, height and width of the picture.
        size: `(2,)` float32, height and width wanted.
        policy: as for `resize`.

    Returns:
        `(result, scale, translation)`, each `(2,)` float32: height and width of what results, and
        how places are mapped: a place `p` comes to `scale * p + translation`, both in pixels from
        the corner.

    Example:

    >>> result, scale, _ = rectangle(tf.constant([10.0, 40.0]), tf.constant([9.0, 9.0]), "fit")
    >>> result.numpy().tolist(), scale.numpy().tolist()
    ([2.0, 9.0], [0.20000000298023224, 0.22499999403953552])
    """
    scale = scale_factors(shape, size, policy)
    if policy == "fit":
        result = tf.clip_by_value(tf.round(shape * scale), 1.0, size)
        return result, result / shape, tf.zeros(2)
    translation = (size - shape * scale) / 2.0 if policy == "crop" else tf.zeros(2)
    return size, scale, translation


def resize(image, size, policy):
    """Scales a picture, bilinearly, with antialiasing when it shrinks.

    Args:
        image: `(H, W, C)` uint8 or float.
        size: `(2,)` int32, height and width wanted.
        policy: `"stretch"`: exactly to `size`; `"fit"`: the whole picture, to as much of `size` as
            its proportions allow; `"crop"`: to `size`, without what its centre leaves over.

    Returns:
        `(h, w, C)` float32: of that size, or smaller by `"fit"`.

    Example:

    >>> resize(tf.zeros((10, 40, 3)), tf.constant([20, 20]), "fit").shape
    TensorShape([5, 20, 3])
    """
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    wanted, scale, translation = rectangle(shape, tf.cast(size, tf.float32), policy)

    def rows_of(image, axis):
        return _scale_rows(image, wanted[axis], scale[axis], translation[axis])

    def rows_first():
        columns = rows_of(tf.transpose(rows_of(image, 0), (1, 0, 2)), 1)
        return tf.transpose(columns, (1, 0, 2))

    def columns_first():
        columns = rows_of(tf.transpose(image, (1, 0, 2)), 1)
        return rows_of(tf.transpose(columns, (1, 0, 2)), 0)

    same = tf.reduce_all(shape == tf.cast(size, tf.float32))
    # Of a picture of one row and a million columns, rows first would be many rows of a million.
    is_costly = wanted[0] * shape[1] > MOST_BETWEEN * shape[0] * wanted[1]
    way = tf.where(same, 0, tf.where(is_costly, 1, 2))
    ways = [lambda: tf.cast(image, tf.float32), columns_first, rows_first]
    return tf.switch_case(way, ways)


def _scale_rows(image, size, scale, translation):
    """Scales `(H, W, C)` to `(size, W, C)`.

    The op is fast along rows: for TensorFlow a row is one pixel of very many channels here.
    """
    rows = tf.raw_ops.ScaleAndTranslate(
        images=tf.reshape(image, (1, tf.shape(image)[0], 1, -1)),
        size=tf.stack([tf.cast(size, tf.int32), 1]),
        scale=tf.stack([scale, 1.0]),
        translation=tf.stack([translation, 0.0]),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.reshape(rows, tf.concat([tf.shape(rows)[1:2], tf.shape(image)[1:]], axis=0))


def margins(missing):
    """How much of what is missing to a size goes before the picture, in each direction: a half."""
    return tf.round(tf.cast(missing, tf.float32) / 2.0)


def pad(image, size):
    """Puts a picture in the middle of white.

    Args:
        image: `(h, w, C)`, not larger than `size`.
        size: height and width wanted.

    Returns:
        `(*size, C)`.

    Example:

    >>> pad(tf.zeros((1, 1, 1)), (3, 2))[..., 0].numpy().tolist()
    [[255.0, 255.0], [0.0, 255.0], [255.0, 255.0]]
    """
    missing = size - tf.shape(image)[:2]
    before = tf.cast(margins(missing), tf.int32)
    paddings = tf.stack([before, missing - before], axis=1)
    return tf.pad(image, tf.concat([paddings, [[0, 0]]], axis=0), constant_values=WHITE)

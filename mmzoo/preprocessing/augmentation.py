"""Image augmentations whose randomness comes from an explicit seed alone.

Each augmentation is a function `(image, seed) -> image` of one uint8 picture, written with
stateless operations: the same seed gives the same picture, however many calls `tf.data` runs at a
time.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# The random crop.
CROP_SMALLEST_AREA = 0.6  # of the picture's area
CROP_LARGEST_STRETCH = 4 / 3  # the smallest is its inverse, 3/4

# The colour jitter: each factor is drawn from 1 - strength to 1 + strength.
SATURATION_STRENGTH = 0.2
CONTRAST_STRENGTH = 0.2
BRIGHTNESS_STRENGTH = 0.2
HUE_STRENGTH = 0.02  # of the colour circle to either side: 7 degrees, so red stays red

# RandAugment.
OPERATIONS_PER_IMAGE = 2
MAGNITUDE = 9 / 30
EMPTY = 128.0  # the gray that fills what a geometric operation leaves empty


def augment(image, names, seed):
    """Changes one picture at random, by each of the named augmentations in turn.

    * `"flip"`: mirrors left and right, with probability 1/2.
    * `"crop"`: cuts out a box of 60-100 % of the area and resizes it to the whole.
    * `"color"`: saturation, contrast and brightness by up to 20 %, hue by up to 7 degrees.
    * `"randaugment"`: two random operations of RandAugment, at magnitude 9 of 30.

    Args:
        image: `(H, W, C)` uint8 of static shape, 0-255; `C` is 1 or 3, `H` and `W` at least 3.
        names: sequence of keys of `AUGMENTATIONS`, applied in the order given; may be empty.
        seed: `(2,)` int32 or int64, the only source of randomness.

    Returns:
        `(H, W, C)` uint8, 0-255.

    Raises:
        ValueError: for an unknown name, or an image that is not uint8 of a known shape.

    Example:

    >>> image = tf.zeros((32, 48, 3), "uint8")
    >>> augment(image, ["flip", "crop"], seed=[1, 2]).shape
    TensorShape([32, 48, 3])
    """
    unknown = [name for name in names if name not in AUGMENTATIONS]
    if unknown:
        raise ValueError(f"Unknown augmentation: {unknown}. Known: {', '.join(AUGMENTATIONS)}.")
    if image.dtype != tf.uint8 or not image.shape.is_fully_defined() or image.shape.rank != 3:
        raise ValueError(
            "`image` must be (height, width, channels) uint8 of static shape; received: "
            f"{image.dtype.name} of shape {image.shape}."
        )
    for i, name in enumerate(names):
        image = AUGMENTATIONS[name](image, tf.random.fold_in(seed, i))
    return image


# Augmentations


def random_flip(image, seed):
    """Mirrors a picture left and right with probability 1/2.

    Args:
        image: `(H, W, C)` uint8.
        seed: `(2,)` int32 or int64.

    Returns:
        `(H, W, C)` uint8.

    Example:

    >>> random_flip(tf.zeros((4, 6, 1), "uint8"), seed=[1, 2]).shape
    TensorShape([4, 6, 1])
    """
    return tf.image.stateless_random_flip_left_right(image, seed)


def random_crop(image, seed):
    """Cuts out a random box and resizes it, bilinearly, to the size of the picture.

    The box has 60-100 % of the area, uniformly. Its aspect ratio is 3/4 to 4/3 times the picture's
    own, log-uniformly, where that fits in; so a box of the full area is the picture itself.

    Args:
        image: `(H, W, C)` uint8 of static shape.
        seed: `(2,)` int32 or int64.

    Returns:
        `(H, W, C)` uint8.

    Example:

    >>> random_crop(tf.zeros((4, 6, 1), "uint8"), seed=[1, 2]).shape
    TensorShape([4, 6, 1])

    Reference:

    - Szegedy et al. 2015, "Going Deeper with Convolutions", arXiv 1409.4842, section 6
    """
    area, stretch, top, left = tf.unstack(tf.random.stateless_uniform([4], seed))
    area = CROP_SMALLEST_AREA + (1.0 - CROP_SMALLEST_AREA) * area
    # Neither side is longer than the picture's while the stretch is from `area` to `1 / area`.
    largest = tf.minimum(math.log(CROP_LARGEST_STRETCH), -tf.math.log(area))
    stretch = tf.exp((2.0 * stretch - 1.0) * largest)
    height, width = tf.sqrt(area / stretch), tf.sqrt(area * stretch)
    top, left = top * (1.0 - height), left * (1.0 - width)
    box = tf.stack([top, left, top + height, left + width])  # in fractions of the picture
    box = tf.clip_by_value(box, 0.0, 1.0)  # what lies outside by rounding would turn black
    cropped = tf.image.crop_and_resize(image[None], box[None], [0], image.shape[:2])
    return _to_uint8(cropped[0])


def random_color(image, seed):
    """Changes saturation, hue, contrast and brightness a little.

    Saturation, contrast and brightness by factors of 0.8-1.2, hue by up to 0.02 of the colour
    circle, all uniformly. A gray picture only changes in contrast and brightness.

    Args:
        image: `(H, W, C)` uint8.
        seed: `(2,)` int32 or int64.

    Returns:
        `(H, W, C)` uint8.

    Example:

    >>> random_color(tf.zeros((4, 6, 3), "uint8"), seed=[1, 2]).shape
    TensorShape([4, 6, 3])

    Reference:

    - Howard 2013, "Some Improvements on Deep Convolutional Neural Network Based Image
      Classification", arXiv 1312.5402, section 2.2
    """
    strengths = tf.unstack(tf.random.stateless_uniform([4], seed, minval=-1.0, maxval=1.0))
    if image.shape[-1] == 3:
        image = color(image, SATURATION_STRENGTH * strengths[0])
        image = tf.image.adjust_hue(image, HUE_STRENGTH * strengths[1])
    image = contrast(image, CONTRAST_STRENGTH * strengths[2])
    return brightness(image, BRIGHTNESS_STRENGTH * strengths[3])


def randaugment(image, seed):
    """Applies two random operations out of `RANDAUGMENT_OPERATIONS`, at magnitude 9 of 30.

    The two are drawn with replacement. At this magnitude:

    * color, contrast, brightness, sharpness: by a factor of 0.73 or 1.27
    * rotate: 9 degrees either way
    * shear_x, shear_y: 0.09 either way
    * translate_x, translate_y: 13.5 % of the width or height either way
    * solarize: values from 180 on
    * posterize: the lowest bit
    * identity, autocontrast, equalize: have no strength

    Args:
        image: `(H, W, C)` uint8 of static shape.
        seed: `(2,)` int32 or int64.

    Returns:
        `(H, W, C)` uint8.

    Example:

    >>> randaugment(tf.zeros((4, 6, 3), "uint8"), seed=[1, 2]).shape
    TensorShape([4, 6, 3])

    Reference:

    - Cubuk et al. 2019, "RandAugment: Practical automated data augmentation with a reduced search
      space", arXiv 1909.13719
    """
    draws = tf.random.stateless_uniform(
        [OPERATIONS_PER_IMAGE], seed, maxval=2 * len(RANDAUGMENT_OPERATIONS), dtype="int32"
    )
    for draw in tf.unstack(draws):
        sign = tf.cast(2 * (draw % 2) - 1, "float32")
        image = tf.switch_case(
            draw // 2,
            [_branch(operation, image, sign) for operation in RANDAUGMENT_OPERATIONS.values()],
        )
    return image


def _branch(operation, image, sign):
    strength = MAGNITUDE * operation.strength
    return lambda: operation.function(image, sign * strength if operation.signed else strength)


# RandAugment's operations: values
#
# Functions `(image, strength) -> image` of a picture `(H, W, C)` uint8. At strength 0 all but
# `autocontrast` and `equalize`, which know no strength, are the identity.


def identity(image, strength):
    """The picture as it is."""
    return image


def autocontrast(image, strength):
    """Stretches each channel to the full range 0-255; a constant channel stays."""
    lowest = tf.cast(tf.reduce_min(image, axis=[0, 1]), "float32")
    highest = tf.cast(tf.reduce_max(image, axis=[0, 1]), "float32")
    constant = lowest == highest
    offset = tf.where(constant, 0.0, lowest)
    scale = tf.where(constant, 1.0, 255.0 / tf.maximum(highest - lowest, 1.0))
    return _to_uint8(scale * (tf.cast(image, "float32") - offset))


def equalize(image, strength):
    """Flattens each channel's histogram; a constant channel stays."""
    channels = image.shape[-1]
    # One histogram for all: the values of channel `c` are counted from `256 * c` on.
    bins = tf.cast(image, "int32") + 256 * tf.range(channels)
    histogram = tf.math.bincount(tf.reshape(bins, [-1]), minlength=256 * channels)
    brightest = tf.gather(histogram, tf.reduce_max(bins, axis=[0, 1]))
    step = (image.shape[0] * image.shape[1] - brightest)[:, None] // 255
    below = tf.cumsum(tf.reshape(histogram, [channels, 256]), axis=1, exclusive=True)
    equalized = tf.minimum((below + step // 2) // tf.maximum(step, 1), 255)
    table = tf.cast(tf.where(step > 0, equalized, tf.range(256)), "uint8")
    return tf.gather(tf.reshape(table, [-1]), bins)


def solarize(image, strength):
    """Inverts the pixels whose value is `256 - strength` or more."""
    return tf.where(tf.cast(image, "float32") < 256.0 - strength, image, 255 - image)


def posterize(image, strength):
    """Clears the lowest `round(strength)` bits; `strength` is a Python number."""
    step = 2 ** round(strength)
    return image // step * step


def color(image, strength):
    """Saturation times `1 + strength`; a gray picture stays."""
    if image.shape[-1] == 1:
        return image
    return _depart(image, tf.image.rgb_to_grayscale(image), strength)


def contrast(image, strength):
    """Contrast times `1 + strength`, about the mean gray."""
    gray = image if image.shape[-1] == 1 else tf.image.rgb_to_grayscale(image)
    return _depart(image, tf.round(tf.reduce_mean(tf.cast(gray, "float32"))), strength)


def brightness(image, strength):
    """Brightness times `1 + strength`."""
    return _depart(image, 0.0, strength)


def sharpness(image, strength):
    """Sharpness times `1 + strength`; the outermost pixels stay."""
    values = tf.cast(image, "float32")
    center = values[1:-1, 1:-1]
    mean = tf.nn.avg_pool2d(values[None], ksize=3, strides=1, padding="VALID")[0]
    smooth = (9.0 * mean + 4.0 * center) / 13.0  # weights 1, and 5 in the middle
    return _depart(image, values - tf.pad(center - smooth, [[1, 1], [1, 1], [0, 0]]), strength)


# RandAugment's operations: geometry


def rotate(image, strength):
    """Turns the picture about its centre, by `strength` degrees clockwise."""
    angle = tf.cast(strength, "float32") * (math.pi / 180.0)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return _transform(image, [[cosine, sine], [-sine, cosine]])


def shear_x(image, strength):
    """Moves each row by `strength` times its distance above the middle, to the right."""
    return _transform(image, [[1.0, strength], [0.0, 1.0]])


def shear_y(image, strength):
    """Moves each column by `strength` times its distance left of the middle, downwards."""
    return _transform(image, [[1.0, 0.0], [strength, 1.0]])


def translate_x(image, strength):
    """Moves the picture by `strength` times its width, to the right."""
    return _transform(image, [[1.0, 0.0], [0.0, 1.0]], shift=(strength * image.shape[1], 0.0))


def translate_y(image, strength):
    """Moves the picture by `strength` times its height, downwards."""
    return _transform(image, [[1.0, 0.0], [0.0, 1.0]], shift=(0.0, strength * image.shape[0]))


# Helpers


def _to_uint8(values):
    return tf.saturate_cast(tf.round(values), "uint8")


def _depart(image, base, strength):
    """The picture moved away from `base` by `strength` of its distance; 0 leaves it as it is."""
    values = tf.cast(image, "float32")
    return _to_uint8(values + strength * (values - tf.cast(base, "float32")))


def _transform(image, matrix, shift=(0.0, 0.0)):
    """An affine transformation about the picture's centre, interpolated bilinearly.

    Args:
        image: `(H, W, C)` uint8 of static shape.
        matrix: `[[xx, xy], [yx, yy]]`, from a place in the result, `(x, y)` from the centre, to
            the place in `image` that is seen there.
        shift: `(x, y)` in pixels that the picture moves to the right and down.

    Returns:
        `(H, W, C)` uint8.
    """
    height, width, _ = image.shape
    (xx, xy), (yx, yy) = matrix
    x, y = (width - 1) / 2, (height - 1) / 2
    x_offset = x - (xx * x + xy * y) - shift[0]
    y_offset = y - (yx * x + yy * y) - shift[1]
    transformed = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, "float32")[None],
        transforms=tf.stack([[xx, xy, x_offset, yx, yy, y_offset, 0.0, 0.0]]),
        output_shape=[height, width],
        fill_value=EMPTY,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return _to_uint8(transformed[0])


class Operation(NamedTuple):
    """One of RandAugment's operations.

    Args:
        function: `(image, strength) -> image`.
        strength: the strength at magnitude 30.
        signed: whether the strength's sign is random.
    """

    function: Callable
    strength: float
    signed: bool


AUGMENTATIONS = {
    "flip": random_flip,
    "crop": random_crop,
    "color": random_color,
    "randaugment": randaugment,
}

RANDAUGMENT_OPERATIONS = {
    "identity": Operation(identity, 0.0, signed=False),
    "autocontrast": Operation(autocontrast, 0.0, signed=False),
    "equalize": Operation(equalize, 0.0, signed=False),
    "rotate": Operation(rotate, 30.0, signed=True),
    "solarize": Operation(solarize, 256.0, signed=False),
    "color": Operation(color, 0.9, signed=True),
    "posterize": Operation(posterize, 4.0, signed=False),
    "contrast": Operation(contrast, 0.9, signed=True),
    "brightness": Operation(brightness, 0.9, signed=True),
    "sharpness": Operation(sharpness, 0.9, signed=True),
    "shear_x": Operation(shear_x, 0.3, signed=True),
    "shear_y": Operation(shear_y, 0.3, signed=True),
    "translate_x": Operation(translate_x, 0.45, signed=True),
    "translate_y": Operation(translate_y, 0.45, signed=True),
}

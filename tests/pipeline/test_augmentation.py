import collections

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from mmzoo.modalities import Image as ImageModality
from mmzoo.preprocessing import augmentation
from mmzoo.preprocessing.augmentation import AUGMENTATIONS, RANDAUGMENT_OPERATIONS, augment

HEIGHT, WIDTH = 24, 32
GEOMETRY = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


@pytest.fixture(params=[1, 3], ids=["gray", "colored"])
def image(request):
    """A smooth picture with some noise, its values 20-219."""
    x, y = np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT)[:, None]
    channels = np.stack([x + 0 * y, y + 0 * x, (1 - x) * y], axis=-1)[..., : request.param]
    noise = np.random.default_rng(0).uniform(0, 20, (HEIGHT, WIDTH, request.param))
    return tf.constant((20 + 180 * channels + noise).astype("uint8"))


def pillow(image):
    return Image.fromarray(np.squeeze(image.numpy()))


def difference(image, other):
    """The largest difference of two pictures, in gray levels."""
    other = np.asarray(other, "int32").reshape(image.shape)
    return np.abs(image.numpy().astype("int32") - other).max()


def hue(image):
    """As a fraction of the color circle."""
    return tf.image.rgb_to_hsv(tf.cast(image, "float32"))[..., 0].numpy()


def apply(name, image, magnitude=0.3):
    operation = RANDAUGMENT_OPERATIONS[name]
    return operation.function(image, magnitude * operation.strength)


def test_names_are_those_of_the_modality():
    assert tuple(AUGMENTATIONS) == ImageModality.AUGMENTATIONS


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_seed_alone_decides(name, image):
    function = tf.function(lambda seed: augment(image, [name], seed))
    seeds = [tf.constant([seed, 7], "int64") for seed in range(20)]
    pictures = [function(seed) for seed in seeds]
    for seed, picture in zip(seeds, pictures, strict=True):
        np.testing.assert_array_equal(picture, function(seed))
    assert picture.dtype == tf.uint8 and picture.shape == image.shape
    assert len({picture.numpy().tobytes() for picture in pictures}) > 1


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_both_seed_dtypes(dtype, image):
    assert augment(image, list(AUGMENTATIONS), tf.constant([1, 2], dtype)).shape == image.shape


def test_no_names_change_nothing(image):
    np.testing.assert_array_equal(augment(image, (), [1, 2]), image)


def test_a_repeated_name_draws_anew(image):
    once = augment(image, ["crop"], [1, 2])
    twice = augment(image, ["crop", "crop"], [1, 2])
    assert difference(once, twice) > 0


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"'mirror'.*flip, crop, color, randaugment"):
        augment(tf.zeros((8, 8, 3), "uint8"), ["flip", "mirror"], [1, 2])


def test_floats_are_refused():
    with pytest.raises(ValueError, match="float32 of shape"):
        augment(tf.zeros((8, 8, 3)), ["flip"], [1, 2])


def test_parallel_calls_change_nothing(image):
    def pictures(parallel_calls, threads_of_a_call):
        options = tf.data.Options()
        options.threading.max_intra_op_parallelism = threads_of_a_call
        dataset = tf.data.Dataset.range(32).map(
            lambda i: augment(image, tuple(AUGMENTATIONS), tf.stack([i, 3])),
            num_parallel_calls=parallel_calls,
        )
        assert dataset.element_spec == tf.TensorSpec(image.shape, "uint8")
        return np.stack(list(dataset.with_options(options).as_numpy_iterator()))

    np.testing.assert_array_equal(pictures(1, 1), pictures(tf.data.AUTOTUNE, 0))


def test_flip_mirrors_half_of_the_pictures(image):
    mirror = image[:, ::-1]
    mirrored = 0
    for seed in range(40):
        picture = augment(image, ["flip"], [seed, 0])
        if difference(picture, image):
            np.testing.assert_array_equal(picture, mirror)
            mirrored += 1
    assert 10 <= mirrored <= 30


def test_crop_shows_a_large_box():
    # A picture whose values are its coordinates: what the corners show is where the box lies.
    x, y = np.meshgrid(range(200), range(100))
    coordinates = tf.constant(np.stack([x, y, y], axis=-1), "uint8")
    areas, stretches = [], []
    for seed in range(50):
        picture = augment(coordinates, ["crop"], [seed, 0]).numpy()
        width, height = (picture[-1, -1].astype("float32") - picture[0, 0])[:2] / (199, 99)
        areas.append(width * height)
        stretches.append(width / height)
    assert 0.58 <= min(areas) < 0.66 and 0.94 < max(areas) <= 1.0  # 0.6-1.0, within a pixel
    assert 0.72 <= min(stretches) < 0.85 and 1.18 < max(stretches) <= 1.36  # 3/4-4/3


def test_crop_of_everything_is_the_identity(image, monkeypatch):
    monkeypatch.setattr(augmentation, "CROP_SMALLEST_AREA", 1.0)
    np.testing.assert_array_equal(augment(image, ["crop"], [1, 2]), image)


def test_color_changes_brightness_by_a_fifth_at_most():
    image = tf.fill((8, 8, 3), tf.constant(100, "uint8"))  # no contrast, no saturation, no hue
    values = [augment(image, ["color"], [seed, 0]).numpy()[0, 0, 0] for seed in range(50)]
    assert 80 <= min(values) < 85 and 115 < max(values) <= 120


def test_color_keeps_the_name_of_a_color():
    image = tf.random.stateless_uniform((16, 16, 3), [0, 0], maxval=0.05)
    image = tf.image.hsv_to_rgb(tf.add(image, [0.0, 0.6, 0.6]))  # reds and oranges
    image = tf.cast(255 * image, "uint8")
    for seed in range(50):
        moved = hue(augment(image, ["color"], [seed, 0])) - hue(image)
        assert np.abs((moved + 0.5) % 1 - 0.5).max() < 0.03  # 0.02 of the circle, and rounding


@pytest.mark.parametrize("name", RANDAUGMENT_OPERATIONS)
def test_operation_changes_the_picture(name, image):
    picture = apply(name, image)
    assert picture.dtype == tf.uint8 and picture.shape == image.shape
    unchanged = name == "identity" or (name == "color" and image.shape[-1] == 1)
    assert (difference(picture, image) == 0) == unchanged


@pytest.mark.parametrize(
    "name", [name for name in RANDAUGMENT_OPERATIONS if name not in ("autocontrast", "equalize")]
)
def test_operation_of_no_magnitude_is_the_identity(name, image):
    np.testing.assert_array_equal(apply(name, image, magnitude=0), image)


def test_randaugment_draws_operations_and_signs_evenly(monkeypatch):
    drawn = collections.Counter()

    def recorder(name):
        def record(image, strength):
            drawn[name, float(np.sign(strength))] += 1
            return image

        return record

    expected = set()
    for name, operation in RANDAUGMENT_OPERATIONS.items():
        monkeypatch.setitem(
            RANDAUGMENT_OPERATIONS, name, operation._replace(function=recorder(name))
        )
        signs = (-1.0, 1.0) if operation.signed else (float(operation.strength > 0),)
        expected.update((name, sign) for sign in signs)
    for seed in range(280):  # 560 draws: 40 an operation, 20 a sign
        augment(tf.zeros((8, 8, 1), "uint8"), ["randaugment"], [seed, 0])
    assert set(drawn) == expected
    assert min(drawn.values()) > 5 and max(drawn.values()) < 70


# PIL cuts off the fraction where we round, and its gray has other rounding: 1 level of 255.
@pytest.mark.parametrize(
    ("name", "strength", "reference", "tolerance"),
    [
        ("equalize", 0, ImageOps.equalize, 0),
        ("autocontrast", 0, ImageOps.autocontrast, 1),
        ("posterize", 1, lambda picture: ImageOps.posterize(picture, 7), 0),
        ("posterize", 4, lambda picture: ImageOps.posterize(picture, 4), 0),
        ("solarize", 76, lambda picture: ImageOps.solarize(picture, 180), 0),
        ("sharpness", 0.27, lambda picture: ImageEnhance.Sharpness(picture).enhance(1.27), 1),
        ("sharpness", -0.27, lambda picture: ImageEnhance.Sharpness(picture).enhance(0.73), 1),
        ("color", 0.27, lambda picture: ImageEnhance.Color(picture).enhance(1.27), 1),
        ("contrast", -0.27, lambda picture: ImageEnhance.Contrast(picture).enhance(0.73), 1),
        ("brightness", 0.27, lambda picture: ImageEnhance.Brightness(picture).enhance(1.27), 1),
    ],
)
def test_operation_agrees_with_pillow(name, strength, reference, tolerance, image):
    picture = RANDAUGMENT_OPERATIONS[name].function(image, strength)
    assert difference(picture, reference(pillow(image))) <= tolerance


@pytest.mark.parametrize("name", ["autocontrast", "equalize"])
@pytest.mark.parametrize("value", [0, 100, 255])
def test_constant_picture_stays(name, value):
    image = tf.fill((300, 30, 3), tf.constant(value, "uint8"))
    np.testing.assert_array_equal(apply(name, image), image)


@pytest.mark.parametrize(
    ("name", "strength", "place"),
    [
        ("rotate", 90, (5, 7)),  # clockwise: from above the center to the right of it
        ("shear_x", 1, (3, 7)),
        ("shear_y", 1, (3, 5)),
        ("translate_x", 1 / 11, (3, 6)),
        ("translate_y", 1 / 11, (4, 5)),
    ],
)
def test_geometry_moves_a_point(name, strength, place):
    image = np.full((11, 11, 1), 128, "uint8")
    image[3, 5] = 255
    moved = np.full((11, 11, 1), 128, "uint8")
    moved[place] = 255
    picture = RANDAUGMENT_OPERATIONS[name].function(tf.constant(image), strength)
    assert difference(picture, moved) <= 1


@pytest.mark.parametrize("name", GEOMETRY)
def test_geometry_fills_with_gray(name):
    picture = apply(name, tf.zeros((40, 40, 3), "uint8")).numpy()
    assert picture[20, 20].max() == 0
    assert picture.max() == 128

"""Pictures: decoding and resizing, against PIL."""

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import mmzoo
from tests.pipeline.raw import encoded

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype="uint8")
SMOOTH = np.linspace(0, 255, 12 * 16 * 3).reshape(12, 16, 3).astype("uint8")


def decoded(value, size=(12, 16), channels=3):
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=size, channels=channels)})
    return preprocessor.element({"photo": value})["photo"].numpy()


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "WEBP"])
def test_lossless_formats_are_exact(format):
    pixels = PIXELS // 64 * 64 if format == "GIF" else PIXELS  # GIF has 256 colours
    options = {"lossless": True} if format == "WEBP" else {}
    value = encoded(pixels, format, **options)
    expected = np.asarray(PIL.Image.open(__import__("io").BytesIO(value)).convert("RGB"))
    np.testing.assert_array_equal(decoded(value), expected)


def test_jpeg_equals_pil():
    value = encoded(SMOOTH, "JPEG", quality=95)
    expected = np.asarray(PIL.Image.open(__import__("io").BytesIO(value)))
    np.testing.assert_allclose(decoded(value).astype(int), expected.astype(int), atol=1)


def test_gray_becomes_colour_and_colour_gray():
    gray = PIXELS[..., 0]
    np.testing.assert_array_equal(decoded(encoded(gray)), np.repeat(gray[..., None], 3, axis=-1))
    assert decoded(encoded(PIXELS), channels=1).shape == (12, 16, 1)
    np.testing.assert_array_equal(decoded(encoded(gray), channels=1)[..., 0], gray)


def test_transparency_is_laid_on_white():
    alpha = np.zeros((12, 16, 1), "uint8")
    alpha[:6] = 255
    image = decoded(encoded(np.concatenate([PIXELS, alpha], axis=-1)))
    np.testing.assert_array_equal(image[:6], PIXELS[:6])
    assert (image[6:] == 255).all()


def test_resize_is_near_pil():
    large = np.asarray(PIL.Image.fromarray(PIXELS).resize((64, 48), PIL.Image.BICUBIC))
    expected = PIL.Image.fromarray(large).resize((16, 12), PIL.Image.BILINEAR)
    difference = decoded(encoded(large)).astype(int) - np.asarray(expected).astype(int)
    assert np.abs(difference).max() <= 2


@pytest.mark.end_to_end
def test_arrays_and_paths_are_the_same_as_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(PIXELS))
    inputs = {"photo": mmzoo.Image(size=(6, 8))}
    preprocessor = mmzoo.Preprocessor(inputs)
    results = []
    for column in ([encoded(PIXELS)], ["a.png"], [PIXELS], PIXELS[None], PIXELS[None] * 1.0):
        records = mmzoo.data.from_arrays({"photo": column}, root=tmp_path)
        results.append(next(iter(records.to_dataset(preprocessor)))["photo"].numpy())
    for result in results:
        assert result.dtype == "uint8" and result.shape == (1, 6, 8, 3)
        np.testing.assert_array_equal(result, results[0])


def test_arrays_of_different_sizes():
    records = mmzoo.data.from_arrays({"photo": [PIXELS, PIXELS[:6], PIXELS[..., :1]]})
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=(12, 16))})
    batch = next(iter(records.to_dataset(preprocessor)))["photo"].numpy()
    np.testing.assert_array_equal(batch[0], PIXELS)
    np.testing.assert_array_equal(batch[2], np.repeat(PIXELS[..., :1], 3, axis=-1))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([np.random.default_rng(0).random((4, 4, 3))], "Multiply them by 255"),
        ([np.full((4, 4), 300, "int32")], "from 300 to 300"),
        ([np.full((4, 4), -2.0)], "from -2 to -2"),
        ([np.array([[1.0, np.nan]])], "finite"),
        ([np.zeros(7)], "shape"),
        ([np.zeros((4, 4), bool)], "dtype"),
    ],
)
def test_arrays_that_are_no_pictures(column, message):
    records = mmzoo.data.from_arrays({"photo": column})
    with pytest.raises(ValueError, match=message):
        records.to_dataset(mmzoo.Preprocessor({"photo": mmzoo.Image(size=(4, 4))}))


@pytest.mark.end_to_end
def test_neighbours_of_a_broken_picture_are_untouched():
    good = [encoded(PIXELS), encoded(SMOOTH)]
    bad = [b"", b"junk", good[0][: len(good[0]) // 2]]
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=(12, 16), optional=True)})
    batch = tf.constant([good[0], *bad, good[1]])
    tensors, ok = preprocessor.checked_call({"photo": batch})
    assert tensors["photo_present"].numpy().tolist() == [True, False, False, False, True]
    assert ok["photo"].numpy().tolist() == [True, True, False, False, True]
    np.testing.assert_array_equal(tensors["photo"][0], PIXELS)
    np.testing.assert_array_equal(tensors["photo"][4], SMOOTH)

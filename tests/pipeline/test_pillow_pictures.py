"""Pictures of Pillow are what the same files are, in all modes, alone and as frames."""

import io

import numpy as np
import PIL.Image
import pytest

import mmzoo
from mmzoo.raw.picture_array import picture_array
from tests.pipeline.test_pictures import FILES, HEIGHT, PALETTE, RGB, RGBA, WIDTH

MODES = {
    "P": PALETTE,
    "CMYK": RGB.convert("CMYK"),
    "HSV": RGB.convert("HSV"),
    "YCbCr": RGB.convert("YCbCr"),
    "RGBX": RGB.convert("RGBX"),
    "1": RGB.convert("1"),
    "L": RGB.convert("L"),
    "LA": RGBA.convert("LA"),
    "RGBA": RGBA,
    "RGBa": RGBA.convert("RGBa"),
    "PA": RGBA.convert("PA"),
}


def batch(modality, values):
    records = mmzoo.data.from_arrays({"photo": values})
    return next(iter(records.to_dataset(mmzoo.Preprocessor({"photo": modality}), 99)))[
        "photo"
    ].numpy()


@pytest.mark.end_to_end
def test_a_picture_is_what_its_file_is():
    names = [name for name in FILES if name not in ("one-pixel",)]
    modality = mmzoo.Image(size=(HEIGHT, WIDTH))
    pictures = [PIL.Image.open(io.BytesIO(FILES[name])) for name in names]
    result = batch(modality, pictures)
    for name, image, expected in zip(
        names, result, batch(modality, [FILES[name] for name in names]), strict=True
    ):
        # Where pixels are turned before they are scaled, rounding may differ.
        np.testing.assert_allclose(image.astype(int), expected, atol=1, err_msg=name)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode(mode):
    picture = MODES[mode]
    assert picture.mode == mode
    rgb = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("RGB")
    np.testing.assert_array_equal(np.asarray(rgb.convert("RGBA")), expected_rgba(picture))


def expected_rgba(picture):
    array = picture_array(picture)
    return np.asarray(PIL.Image.fromarray(array).convert("RGBA"))


@pytest.mark.end_to_end
def test_frames_bits_and_what_is_broken():
    values = [FILES["png-orientation"]] * 2
    frames = [PIL.Image.open(io.BytesIO(value)) for value in values]
    video = mmzoo.Video(frames=2, size=(WIDTH, HEIGHT))
    expected = batch(video, [values]).astype(int)
    np.testing.assert_allclose(batch(video, [frames]), expected, atol=1)
    sixteen = PIL.Image.fromarray(np.array([[0, 256, 65_535]], "uint16"))
    assert picture_array(sixteen).tolist() == [[0, 1, 255]]
    broken = PIL.Image.open(io.BytesIO(FILES["png"][:200]))
    with pytest.raises(ValueError, match="row 1: 'photo': a picture of Pillow that can't be read"):
        mmzoo.data.from_arrays({"photo": [RGB, broken]})

"""Pictures as they are: every format, orientation and transparency, against Pillow."""

import io
import struct

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tensorflow as tf

import mmzoo

HEIGHT, WIDTH = 24, 36
RGBA = PIL.Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (6, 9, 4), dtype="uint8")
).resize((WIDTH, HEIGHT), PIL.Image.Resampling.BICUBIC)
RGB, GRAY, CMYK = (RGBA.convert(mode) for mode in ("RGB", "L", "CMYK"))
PALETTE = RGB.quantize(8)
BILINEAR = PIL.Image.Resampling.BILINEAR


def encode(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def exif(orientation, endian="<"):
    data = PIL.Image.Exif()
    data.endian = endian
    data[0x0112] = orientation
    return data


def animation(image):
    return {"save_all": True, "append_images": [image.rotate(180)] * 3}


FILES = {
    "jpeg": encode(RGB, "JPEG", quality=95),
    "jpeg-gray": encode(GRAY, "JPEG"),
    "jpeg-cmyk": encode(CMYK, "JPEG"),  # inverted, as Adobe's
    "jpeg-cmyk-progressive": encode(CMYK, "JPEG", progressive=True),
    "jpeg-progressive": encode(RGB, "JPEG", progressive=True),
    "jpeg-comment": encode(RGB, "JPEG", comment=b"Exif\0\0", exif=exif(6)),
    "jpeg-icc": encode(RGB, "JPEG", icc_profile=bytes(100_000), exif=exif(8)),
    **{
        f"jpeg-orientation-{orientation}{endian}": encode(
            RGB, "JPEG", exif=exif(orientation, endian)
        )
        for orientation in range(1, 9)
        for endian in "<>"
    },
    "png": encode(RGB, "PNG"),
    "png-gray": encode(GRAY, "PNG"),
    "png-gray-alpha": encode(RGBA.convert("LA"), "PNG"),
    "png-gray-transparent": encode(GRAY, "PNG", transparency=GRAY.getpixel((3, 3))),
    "png-rgb-transparent": encode(RGB, "PNG", transparency=RGB.getpixel((3, 3))),
    "png-alpha": encode(RGBA, "PNG"),
    "png-1-bit": encode(RGB.convert("1"), "PNG"),
    "png-2-bit-palette": encode(RGB.quantize(4), "PNG", bits=2),
    "png-palette": encode(PALETTE, "PNG"),
    "png-palette-alpha": encode(PALETTE, "PNG", transparency=bytes([0, 128, 255])),
    "png-orientation": encode(RGB, "PNG", exif=exif(6)),
    "gif": encode(PALETTE, "GIF"),
    "gif-interlaced": encode(PALETTE, "GIF", interlace=True),
    "gif-transparent": encode(PALETTE, "GIF", transparency=0, comment=b"long" * 200),
    "gif-animated": encode(RGB, "GIF", **animation(RGB)),
    "bmp": encode(RGB, "BMP"),
    "bmp-32-bit": encode(RGBA, "BMP"),
    "bmp-palette": encode(PALETTE, "BMP"),
    "bmp-gray": encode(GRAY, "BMP"),
    "webp": encode(RGB, "WEBP"),
    "webp-lossless": encode(RGB, "WEBP", lossless=True),
    "webp-alpha": encode(RGBA, "WEBP"),
    "webp-animated": encode(RGB, "WEBP", **animation(RGB)),
    "webp-animated-alpha": encode(RGBA, "WEBP", lossless=True, **animation(RGBA)),
    "webp-orientation": encode(RGB, "WEBP", lossless=True, exif=exif(6)),
    "one-pixel": encode(RGB.crop((0, 0, 1, 1)), "PNG"),
}


def by_pillow(value):
    """Upright, on white, RGB: as Pillow does it."""
    image = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(value)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = PIL.Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


def pixels(values, **options):
    """`(pixels, ok)` of a batch, as an exported graph has them."""
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(**options)})
    tensors, good = preprocessor.checked_call({"photo": tf.constant(values)})
    return tensors["photo"].numpy().astype(int), good["photo"].numpy().tolist()


@pytest.mark.end_to_end
def test_every_format_equals_pillow():
    expected = {name: by_pillow(value) for name, value in FILES.items()}
    for size in {image.size[::-1] for image in expected.values()}:
        names = [name for name, image in expected.items() if image.size[::-1] == size]
        result, good = pixels([FILES[name] for name in names], size=size)
        assert all(good)
        for name, image in zip(names, result, strict=True):
            np.testing.assert_array_equal(image, np.asarray(expected[name]), err_msg=name)


def test_16_bits_by_value_range():
    values = np.random.default_rng(0).integers(0, 2**16, (4, 5)).astype("uint16")
    result, _ = pixels([encode(PIL.Image.fromarray(values), "PNG")], size=(4, 5), channels=1)
    np.testing.assert_array_equal(result[0, ..., 0], values >> 8)  # Pillow clips


@pytest.mark.parametrize(
    ("resize", "by_pillow_too"),
    [
        ("stretch", lambda image, size: image.resize(size, BILINEAR)),
        ("fit", lambda image, size: PIL.ImageOps.pad(image, size, BILINEAR, "white")),
        ("crop", lambda image, size: PIL.ImageOps.fit(image, size, BILINEAR)),
    ],
)
@pytest.mark.end_to_end
def test_resize_policies_equal_pillow(resize, by_pillow_too):
    # A JPEG that is decoded at half its size is another test's.
    names = [name for name in FILES if not (name.startswith("jpeg") and resize == "fit")]
    result, good = pixels([FILES[name] for name in names], size=(17, 20), resize=resize)
    assert all(good)
    for name, image in zip(names, result, strict=True):
        expected = by_pillow_too(by_pillow(FILES[name]), (20, 17))
        np.testing.assert_allclose(image, np.asarray(expected), atol=2, err_msg=name)
    arrays = mmzoo.data.from_arrays({"photo": [np.asarray(RGB)]})
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=(17, 20), resize=resize)})
    batch = next(iter(arrays.to_dataset(preprocessor)))["photo"].numpy()
    np.testing.assert_array_equal(batch[0], result[names.index("png")])


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("size", "ratio"), [(140, 1), (70, 2), (33, 4), (16, 8)])
@pytest.mark.end_to_end
def test_jpeg_is_decoded_at_the_smallest_size_that_is_enough(orientation, size, ratio):
    photo = RGB.resize((320, 141), PIL.Image.Resampling.BICUBIC)
    value = encode(photo, "JPEG", exif=exif(orientation))
    small = tf.io.decode_jpeg(value, ratio=ratio, dct_method="INTEGER_ACCURATE").numpy()
    small = PIL.Image.fromarray(small)
    small = small if orientation == 1 else small.transpose(PIL.Image.Transpose.ROTATE_270)
    expected = np.asarray(small.resize((size, size), BILINEAR)).astype(int)
    result, _ = pixels([value], size=size)
    np.testing.assert_allclose(result[0], expected, atol=2)
    whole = np.asarray(by_pillow(value).resize((size, size), BILINEAR)).astype(int)
    assert np.abs(result[0] - whole).mean() < 6


def test_damaged_exif_is_upright():
    value = FILES["jpeg-orientation-6<"]
    start = value.index(b"Exif\0\0") + 6
    tag = value.index(struct.pack("<HHI", 0x0112, 3, 1), start)
    damages = {
        start: b"XX",  # no byte order
        start + 4: b"\xff\xff\xff\x7f",  # its table is behind the end
        start + 8: b"\x00\x00",  # of no entries
        tag + 2: b"\x07",  # not a number
        tag + 8: b"\x09",  # no such orientation
        start - 4: b"J",  # not EXIF
    }
    values = [value[:at] + new + value[at + len(new) :] for at, new in damages.items()]
    result, good = pixels(values, size=(HEIGHT, WIDTH))
    assert all(good)
    for image in result:
        np.testing.assert_array_equal(image, np.asarray(by_pillow(FILES["jpeg-orientation-1<"])))


def with_size(value, format, side=50_000):
    """A file whose header announces `side` by `side` pixels."""
    at, code = {
        "jpeg": (value.find(b"\xff\xc0") + 5, ">HH"),
        "png": (16, ">II"),
        "gif": (6, "<HH"),
        "bmp": (18, "<II"),
        "webp": (26, "<HH"),
    }[format]
    side = side % 2**14 if format == "webp" else side
    new = struct.pack(code, side, side)
    return value[:at] + new + value[at + len(new) :]


@pytest.mark.end_to_end
def test_a_gigapixel_header_is_a_bad_value():
    names = ["jpeg", "png", "gif", "bmp", "webp"]
    frame = FILES["gif"].index(b"\x2c\0\0\0\0", 13) + 5
    values = [with_size(FILES[name], name) for name in names]
    values.append(FILES["gif"][:frame] + b"\xff" * 4 + FILES["gif"][frame + 4 :])
    values.append(FILES["png"])
    _, good = pixels(values, size=(HEIGHT, WIDTH), max_pixels=1_000_000)
    assert good == [False] * 6 + [True]
    for limit, ok in ((HEIGHT * WIDTH, True), (HEIGHT * WIDTH - 1, False)):
        for names, weight in ((["jpeg", "png", "bmp", "webp"], 1), (["gif"], 2)):
            values = [FILES[name] for name in names]
            _, good = pixels(values, size=8, max_pixels=limit * weight)
            assert good == [ok] * len(names)


@pytest.mark.end_to_end
def test_kinds_that_would_be_read_wrongly_are_bad_values():
    bmp = encode(PALETTE, "BMP")
    values = [
        bmp[:30] + b"\x01" + bmp[31:],  # run lengths
        encode(RGB.convert("1"), "BMP"),
        encode(RGB, "TIFF"),
        FILES["png"][:8] + FILES["jpeg"],
        b"RIFF\x10\0\0\0WEBPVP9 " + bytes(20),
    ]
    assert pixels(values, size=8)[1] == [False] * 5


def test_impossible_options():
    with pytest.raises(ValueError, match="stretch, fit, crop; received: 'pad'"):
        mmzoo.Image(size=8, resize="pad")
    with pytest.raises(ValueError, match="max_pixels"):
        mmzoo.Image(size=8, max_pixels=0)

"""Files made to cost: work and memory are bounded by what a picture or a sound may need."""

import os
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.codecs.decoding import decode_picture
from mmzoo.raw.file_heads import picture_size, pixel_weight
from tests.pipeline.test_audio import riff
from tests.pipeline.test_pictures import FILES, RGB, by_pillow, encode, pixels

LARGE = 10_000_000


def many(part, size):
    return part * (size // len(part))


def png_chunk(name, data=b""):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_part(value, at, part):
    return value[:at] + part + value[at:]


GIF, PNG, JPEG, WEBP = (FILES[name] for name in ("gif", "png", "jpeg", "webp"))
PALETTE_END = 13 + 3 * 2 ** (GIF[10] % 8 + 1)
IDAT, IEND = PNG.index(b"IDAT") - 4, PNG.index(b"IEND") - 4


def gif_with(part):
    return with_part(GIF, PALETTE_END, part)


def webp_with(part):
    """A file with those chunks between what announces EXIF data and the picture."""
    size = b"".join((side - 1).to_bytes(3, "little") for side in RGB.size)
    chunks = b"VP8X" + struct.pack("<II", 10, 8) + size + part + WEBP[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def scans(size):
    """A progressive JPEG that repeats its last scan."""
    value = encode(RGB, "JPEG", progressive=True)
    last = value[value.rindex(b"\xff\xda") : -2]
    return value[:-2] + many(last, size) + value[-2:]


def bomb(size):
    return zlib.compress(bytes(size), 9)


#: Kind of file -> function from a size to one of about so many bytes.
PICTURES = {
    "extensions": lambda size: gif_with(many(b"\x21\xfe\0", size)),
    "extensions of a byte": lambda size: gif_with(many(b"\x21\xfe\1a\0", size)),
    "extensions that say what is transparent": lambda size: gif_with(
        many(b"\x21\xf9\4\0\0\0\0\0", size)
    ),
    "blocks of a byte": lambda size: gif_with(b"\x21\xfe" + many(b"\1a\2ab", size) + b"\0"),
    "blocks of other lengths": lambda size: gif_with(
        b"\x21\xfe" + many(b"\x80" + b"a" * 128 + b"\x7f" + b"a" * 127, size) + b"\0"
    ),
    "pixels in blocks of a byte": lambda size: GIF[:-2] + many(b"\1a\2ab", size) + b"\0;",
    "PNG chunks": lambda size: with_part(PNG, IDAT, many(png_chunk(b"abCd"), size)),
    "PNG texts": lambda size: with_part(PNG, IDAT, many(png_chunk(b"tEXt", b"a\0b"), size)),
    "PNG pixels in chunks of other lengths": lambda size: with_part(
        PNG, IDAT, many(png_chunk(b"IDAT") + png_chunk(b"IDAT", b"a"), size)
    ),
    "JPEG comments": lambda size: with_part(JPEG, 2, many(b"\xff\xfe\0\2", size)),
    "JPEG application segments": lambda size: with_part(JPEG, 2, many(b"\xff\xe1\0\2", size)),
    "JPEG scans": scans,
    "WebP chunks": lambda size: webp_with(many(b"abcd\0\0\0\0", size)),
}
#: Such as can be read all the same.
HARMLESS = {
    "PNG texts that unpack": lambda size: with_part(
        PNG, IDAT, many(png_chunk(b"zTXt", b"a\0\0" + bomb(1_000_000)), min(size, 900_000))
    ),
    "PNG texts behind": lambda size: with_part(
        PNG, IEND, many(png_chunk(b"zTXt", b"a\0\0" + bomb(1_000_000)), size)
    ),
    "PNG pixels in chunks of nothing": lambda size: with_part(
        PNG, IDAT, many(png_chunk(b"IDAT"), size)
    ),
    "GIF frames": lambda size: GIF[:-1] + many(GIF[PALETTE_END:-1], size) + b";",
    "a long GIF comment": lambda size: gif_with(
        b"\x21\xfe" + many(b"\xff" + b"a" * 255, size) + b"\0"
    ),
}
SOUNDS = {
    "chunks": lambda size: with_part(riff(bytes(100)), 12, many(b"LIST\0\0\0\0", size)),
    "a prime rate": lambda size: riff(bytes(range(256)) * (size // 256), bits=8, rate=999_983),
}


def costs(preprocessor, values, whole):
    """`(ok, seconds of all processors)` of each, as served, after some that are whole."""
    (name,) = preprocessor.inputs
    specs = [preprocessor.raw_specs()]
    serve = tf.function(preprocessor.checked_call, input_signature=specs, autograph=False)
    for value in whole:  # what is done once
        serve({name: tf.constant([value])})
    result = {}
    for key, value in values.items():
        before = time.process_time()
        ok = serve({name: tf.constant([value])})[1][name].numpy().tolist()
        result[key] = ok, time.process_time() - before
    return result


@pytest.mark.parametrize("size", [LARGE // 20, pytest.param(LARGE, marks=pytest.mark.slow)])
@pytest.mark.end_to_end
def test_no_picture_costs_more_than_a_second(size):
    values = {key: make(size) for key, make in {**PICTURES, **HARMLESS}.items()}
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=RGB.size[::-1])})
    result = costs(preprocessor, values, [GIF, PNG, JPEG, WEBP, scans(1000), b"junk"])
    assert {key: ok for key, (ok, _) in result.items() if ok == [True]}.keys() == HARMLESS.keys()
    assert {key: cost for key, (_, cost) in result.items() if cost > 1} == {}


@pytest.mark.parametrize("size", [LARGE // 20, pytest.param(LARGE, marks=pytest.mark.slow)])
def test_no_sound_costs_more_than_a_second(size):
    values = {key: make(size) for key, make in SOUNDS.items()}
    preprocessor = mmzoo.Preprocessor({"voice": mmzoo.Audio(sample_rate=16_000, seconds=10)})
    result = costs(preprocessor, values, [riff(bytes(1000), rate=rate) for rate in (8000, 16_000)])
    assert {key: cost for key, (_, cost) in result.items() if cost > 1} == {}


def test_what_is_left_out_changes_nothing():
    values = [make(10_000) for make in HARMLESS.values()]
    result, good = pixels(values, size=RGB.size[::-1])
    assert all(good)
    for value, image in zip(values, result, strict=True):
        kind = "gif" if value.startswith(b"GIF") else "png"
        np.testing.assert_array_equal(image, np.asarray(by_pillow(FILES[kind])))


def test_as_many_scans_and_segments_as_files_have():
    motion_photo = JPEG + b"\xff\xda.." * 250  # what follows is no part of the picture
    thumbnail = with_part(
        JPEG, 2, b"\xff\xe1" + struct.pack(">H", 1002) + many(b"\xff\xda..", 1000)
    )
    segments = with_part(JPEG, 2, b"\xff\xe2\0\2" * 500)
    values = [motion_photo, thumbnail, segments, scans(300)]
    result, good = pixels(values, size=RGB.size[::-1])
    assert good == [True] * 4
    for image in result[:3]:
        np.testing.assert_array_equal(image, np.asarray(by_pillow(JPEG)))


@pytest.mark.parametrize("canvas", [(60, 50), (20, 10)])
def test_a_frame_on_its_canvas(canvas):
    """The canvas is white where the frame is not, and ends where it ends."""
    at = GIF.index(b"\x2c\0\0\0\0", 13) + 1
    head, tail = GIF[:6] + struct.pack("<HH", *canvas) + GIF[10:at], GIF[at + 4 :]
    places = [(0, 0), (4, 6), (30, 40), (70, 70)]
    values = [head + struct.pack("<HH", *place) + tail for place in places]
    result, good = pixels(values, size=canvas[::-1])
    assert all(good)
    for place, image in zip(places, result, strict=True):
        expected = PIL.Image.new("RGB", canvas, "white")
        expected.paste(by_pillow(GIF), place)
        np.testing.assert_array_equal(image, np.asarray(expected))


def test_a_frame_of_an_animated_webp():
    corner = RGB.crop((0, 0, 10, 8))
    first = PIL.Image.new("RGBA", RGB.size)
    first.paste(corner, (6, 4))
    expected = PIL.Image.new("RGB", RGB.size, "white")
    expected.paste(corner, (6, 4))
    files = [
        encode(first, "WEBP", save_all=True, append_images=[RGB] * 2, lossless=lossless)
        for lossless in (True, False)
    ]
    result, good = pixels([*files, files[0][:80]], size=RGB.size[::-1])
    assert good == [True, True, False]
    np.testing.assert_array_equal(result[0], np.asarray(expected))
    np.testing.assert_allclose(
        result[1].mean(axis=(0, 1)), np.asarray(expected).mean((0, 1)), atol=2
    )


def test_one_row_of_a_million():
    """Which side is scaled first decides between megabytes and gigabytes."""
    line = (np.arange(300_000) % 256).astype("uint8")
    values = [encode(PIL.Image.fromarray(x), "PNG") for x in (line[None], line[:, None])]
    result, good = pixels(values, size=(300, 200), channels=1)
    assert good == [True, True]
    np.testing.assert_allclose(result, 127.5, atol=4)


#: First column, first row, and steps of both, of each pass over an interlaced PNG.
PASSES = [
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
]  # fmt: skip
NUMBERS_A_PIXEL = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def black_png(side, bits, color, interlaced=False):
    """What Pillow does not write: 16 bits a channel, interlaced."""
    compress, data = zlib.compressobj(1), b""
    for left, top, across, down in PASSES if interlaced else [(0, 0, 1, 1)]:
        width, height = -(-(side - left) // across), -(-(side - top) // down)
        row = bytes(1 + -(-width * NUMBERS_A_PIXEL[color] * bits // 8))
        data += b"".join(compress.compress(row) for _ in range(height))
    head = struct.pack(">IIBBBBB", side, side, bits, color, 0, 0, interlaced)
    colors = png_chunk(b"PLTE", bytes(768)) + png_chunk(b"tRNS", bytes(256))
    parts = [png_chunk(b"IHDR", head), colors if color == 3 else b""]
    parts.append(png_chunk(b"IDAT", data + compress.flush()))
    return PNG[:8] + b"".join(parts) + png_chunk(b"IEND")


#: Arguments of `black_png` -> how many times each of its pixels counts.
KINDS = {
    (8, 2): 1, (1, 0): 1, (8, 6): 3, (8, 4): 3, (8, 3): 3, (16, 2): 2, (8, 2, True): 2, (16, 6): 6,
    (8, 6, True): 6, (16, 6, True): 12,
}  # fmt: skip


def test_pixels_count_as_often_as_the_header_says():
    values = {kind: black_png(9, *kind) for kind in KINDS}
    assert {kind: pixel_weight(value) for kind, value in values.items()} == KINDS
    values |= {name: value for name, value in FILES.items() if "progressive" not in name}
    for name, value in values.items():
        limit = tf.constant(np.prod(picture_size(value)) * pixel_weight(value), tf.int64)
        arguments = tf.constant(value), tf.constant([8, 8]), "stretch"
        decode_picture(*arguments, limit)
        with pytest.raises(tf.errors.InvalidArgumentError, match="more than `max_pixels`"):
            decode_picture(*arguments, limit - 1)
            pytest.fail(f"{name} was decoded")
    part = mmzoo.Preprocessor({"x": mmzoo.Image(size=6, max_pixels=300)}).preprocessings["x"]
    said = "too large: 9 x 9 pixels, which count 6 times each, are more than max_pixels=300"
    assert part.reason(values[16, 6], None) == said


@pytest.mark.slow
def test_no_picture_of_many_pixels_costs_more_than_a_second():
    most = mmzoo.Image.max_pixels

    def plain(weight, mode, *args, **options):
        side = int((most / weight) ** 0.5)
        return encode(PIL.Image.new(mode, (side, side)), *args, **options)

    values = {kind: black_png(int((most / weight) ** 0.5), *kind) for kind, weight in KINDS.items()}
    values["GIF"] = plain(2, "P", "GIF")
    values["WebP"] = plain(3, "RGBA", "WEBP", lossless=True, method=0)
    values["JPEG"] = plain(1, "CMYK", "JPEG")
    values["progressive JPEG"] = plain(1.3, "RGB", "JPEG", progressive=True)
    preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=(64, 64))})
    result = costs(preprocessor, values, [GIF, PNG, JPEG, WEBP, scans(1000)])
    assert [key for key, (ok, _) in result.items() if ok != [True]] == []
    slow = {key: values[key] for key, (_, cost) in result.items() if cost > 1}
    # Others may have had the processor's caches.
    again = costs(preprocessor, slow, [GIF, PNG, JPEG, WEBP, *slow.values()])
    assert {key: cost for key, (_, cost) in again.items() if cost > 1} == {}


MEMORY = """
import re, sys
import tensorflow as tf
import mmzoo

def megabytes(key):
    return int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1e3

preprocessor = mmzoo.Preprocessor({"photo": mmzoo.Image(size=(64, 64), max_pixels=6000**2)})
specs = [preprocessor.raw_specs()]
serve = tf.function(preprocessor.checked_call, input_signature=specs, autograph=False)
serve({"photo": preprocessor.preprocessings["photo"].sample()})
before = megabytes("VmHWM")
for path in sys.argv[1:]:
    tensors, good = serve({"photo": tf.constant([open(path, "rb").read()])})
    assert good["photo"].numpy().all(), path
print(megabytes("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="Linux says the peak there")
def test_the_largest_pictures_take_the_memory_that_is_stated(tmp_path):
    most = 6000**2
    # Pixels of some count twice, of others three times.
    side, half, third = 6000, int((most / 2) ** 0.5), int((most / 3) ** 0.5)
    gif = GIF[:6] + struct.pack("<HH", half, half) + GIF[10:]
    files = {
        "alpha.png": encode(PIL.Image.new("RGBA", (third, third)), "PNG"),
        "gray-alpha.png": encode(PIL.Image.new("LA", (third, third)), "PNG"),
        "colors.png": encode(PIL.Image.new("RGB", (side, side)), "PNG"),
        "canvas.gif": gif,
        "frame.gif": encode(PIL.Image.new("P", (half, half)), "GIF"),
        "alpha.webp": encode(
            PIL.Image.new("RGBA", (third, third)), "WEBP", lossless=True, method=0
        ),
        "progressive.jpeg": encode(
            PIL.Image.new("RGB", (side, side * 3 // 4)), "JPEG", progressive=True
        ),
        "row.png": encode(PIL.Image.new("RGB", (1_000_000, 30)), "PNG"),
    }
    for name, value in files.items():
        (tmp_path / name).write_bytes(value)
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, *(str(tmp_path / name) for name in files)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(result.stdout) < 12 * most / 1e6

"""Raw values as a page shows them: small pictures, texts, sounds to play, cells of tables."""

import base64
import io

import numpy as np

from mmzoo.modalities import Audio, Features, Image, Tabular, Text, Video
from mmzoo.raw.paths import open_bytes, resolve_path
from mmzoo.raw.segments import join_segments
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.raw.wav_bytes import wav_bytes
from mmzoo.utils.optional_packages import require

#: The longest side of a picture, in pixels.
LONGEST_SIDE = 320
#: Up to this side a picture is kept to the bit.
SMALL_SIDE = 96
#: Sounds are cut to so many seconds, and have at most so many samples a second.
SECONDS, RATE = 6, 16_000
#: Texts are cut to so many characters; behind the first ones they are folded.
CHARACTERS, UNFOLDED = 4_000, 400
#: How many numbers of a vector, and cells of a table, are shown.
NUMBERS, CELLS = 8, 40


def shown_value(modality, value, root=None, upright=True):
    """A raw value as a page shows it.

    Args:
        modality: the `mmzoo.modalities.Modality`.
        value: its raw value; `None` where it is absent.
        root: folder that relative paths start from.
        upright: whether pictures are turned as their EXIF data say. Places in a picture are those
            of the picture as it is stored.

    Returns:
        Dict of a `"kind"` (`"absent"`, `"unreadable"`, `"picture"`, `"text"`, `"sound"`, `"table"`)
        and what that kind needs. It never fails: what can't be shown is `"unreadable"`, and says
        why.

    Example:

    >>> shown_value(Text(length=4, vocabulary_size=10), "a cat")["start"]
    'a cat'
    >>> shown_value(Image((8, 8)), b"no picture")["kind"]
    'unreadable'
    """
    if value is None:
        return {"kind": "absent"}
    try:
        for known, show in SHOWN:
            if isinstance(modality, known):
                return show(modality, value, root, upright)
        return _text(modality, value)
    except Exception as error:  # whatever a foreign decoder raises, the row is still shown
        return {"kind": "unreadable", "reason": str(error)[:300] or type(error).__name__}


def _picture(modality, value, root, upright):
    note = None
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (int, float, list)):
        note, value = f"the first of {len(value):,} pictures", value[0]
    image, full_size = open_picture(value, root, modality.max_pixels, upright)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return {
        "kind": "picture",
        "source": picture_source(image),
        "image": image,
        "width": image.width,
        "height": image.height,
        "full_size": full_size,
        "tiny": max(full_size) <= SMALL_SIDE,
        "note": note,
    }


def open_picture(value, root=None, max_pixels=Image.max_pixels, upright=True):
    """A raw picture in RGB, perhaps smaller than it is; what is transparent is white.

    Args:
        value: bytes, `StoredBytes`, a path or an array of values 0-255.
        root: folder that relative paths start from.
        max_pixels: the most pixels to decode.
        upright: whether it is turned as its EXIF data say.

    Returns:
        `(image, full_size)`: a `PIL.Image.Image`, and the width and height before it was shrunk.

    Raises:
        ValueError: for too many pixels, or an array of no picture.
        OSError: where it can't be read.
    """
    pillow, ops = require("PIL.Image", "report"), require("PIL.ImageOps", "report")
    if isinstance(value, (list, tuple, np.ndarray)):
        array = np.asarray(value)
        array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
        image = pillow.fromarray(np.clip(array, 0, 255).astype("uint8"))
    else:
        image = pillow.open(io.BytesIO(read_bytes(value, root)))
    full_size = image.size
    if image.width * image.height > max_pixels:
        raise ValueError(f"It has {image.width} x {image.height} pixels, too many to show.")
    image.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a JPEG is decoded smaller at once
    if upright:
        turned = ops.exif_transpose(image)
        if (turned.width > turned.height) != (full_size[0] > full_size[1]):
            full_size = full_size[::-1]
        image = turned
    if image.mode.startswith("I"):
        shift = 8 if image.mode.startswith("I;16") or np.asarray(image).max() > 255 else 0
        image = pillow.fromarray((np.asarray(image).astype("int64") >> shift).astype("uint8"))
    if image.has_transparency_data:
        below = pillow.new("RGBA", image.size, "white")
        image = pillow.alpha_composite(below, image.convert("RGBA"))
    return image.convert("RGB"), full_size


def picture_source(image):
    """A picture of Pillow as a `data:` URL: WebP, or PNG where Pillow can't write that."""
    features = require("PIL.features", "report")
    file = io.BytesIO()
    if features.check("webp"):
        image.save(file, "WEBP", quality=80, lossless=max(image.size) <= SMALL_SIDE)
        return _data_url("image/webp", file.getvalue())
    image.save(file, "PNG", optimize=True)
    return _data_url("image/png", file.getvalue())


def _video(modality, value, root, upright):
    frames = modality.parse(value)
    if not len(frames):
        return {"kind": "absent"}
    shown = _picture(modality.picture, frames[0], root, upright)
    return {**shown, "note": f"the first of {len(frames):,} frames"}


def _sound(modality, value, root, upright):
    samples, rate = _samples(modality, value, root)
    seconds = len(samples) / rate
    samples = samples[: int(SECONDS * rate)]
    if rate > RATE:
        resample = require("scipy.signal", "report").resample_poly
        samples, rate = resample(samples, RATE, rate), RATE
    samples = np.clip(np.nan_to_num(samples), -1, 1)
    encoded = wav_bytes(np.round(samples * 32767).astype("int16"), rate)
    note = f"{seconds:.1f} s"
    return {
        "kind": "sound",
        "source": _data_url("audio/wav", encoded),
        "note": note if seconds <= SECONDS else f"the first {SECONDS} s of {note}",
    }


def _samples(modality, value, root):
    """`(samples, rate)` of a sound: `(n,)` float, from -1 to 1."""
    if isinstance(value, (list, tuple, np.ndarray)):
        samples, rate = np.asarray(value), modality.sample_rate
    else:
        encoded = read_bytes(value, root)
        try:
            soundfile = require("soundfile", "audio")
        except ImportError:
            if encoded[:4] != b"RIFF":
                raise
            rate, samples = require("scipy.io.wavfile", "report").read(io.BytesIO(encoded))
        else:
            samples, rate = soundfile.read(io.BytesIO(encoded), always_2d=True)
    if samples.dtype.kind == "u":
        samples = samples.astype("float64") / 128 - 1
    elif samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    samples = samples.astype("float64")
    samples = samples.mean(axis=1) if samples.ndim == 2 else samples
    if not len(samples):
        raise ValueError("It has no samples.")
    return samples, rate


def _text(modality, value, *_):
    text = join_segments(value)
    text = text if isinstance(text, str) else str(text)
    shown = {"kind": "text", "start": text[:UNFOLDED], "rest": text[UNFOLDED:CHARACTERS]}
    if len(text) > CHARACTERS:
        shown["note"] = f"the first {CHARACTERS:,} of {len(text):,} characters"
    return shown


def _table(modality, value, *_):
    cells = [(str(column)[:200], _cell(cell)) for column, cell in [*value.items()][:CELLS]]
    note = f"{CELLS} of {len(value)} columns" if len(value) > CELLS else None
    return {"kind": "table", "cells": cells, "note": note}


def _cell(cell):
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return "" if cell is None else str(cell)[:500]


def _numbers(modality, value, *_):
    if isinstance(value, (str, bytes)):
        return _text(modality, value)
    array = np.asarray(value, "float64")
    first = ", ".join(f"{number:.3g}" for number in array.reshape(-1)[:NUMBERS])
    more = ", ..." if array.size > NUMBERS else ""
    size = " x ".join(map(str, array.shape))
    return {"kind": "text", "start": f"[{first}{more}]", "rest": "", "note": f"{size} numbers"}


#: How the values of each kind of modality are shown; those of others as text.
SHOWN = (
    (Image, _picture),
    (Video, _video),
    (Audio, _sound),
    (Text, _text),
    (Tabular, _table),
    (Features, _numbers),
)


def read_bytes(value, root):
    """The bytes of a file that a raw value is, or names.

    Args:
        value: bytes, `StoredBytes` or a path.
        root: folder that relative paths start from.

    Raises:
        OSError: where there is no such file, or it can't be read.
    """
    if isinstance(value, StoredBytes):
        return value.read()
    if isinstance(value, bytes):
        return value
    with open_bytes(resolve_path(root, value)) as file:
        return file.read()


def _data_url(kind, content):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

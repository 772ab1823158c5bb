"""Pictures of Pillow as arrays."""

import sys

import numpy as np

from mmzoo.utils.optional_packages import require

#: Modes whose arrays are what a decoder of the file gives, but for more bits.
AS_THEY_ARE = ("L", "RGB", "RGBA", "I", "F")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def is_picture(value):
    """Whether a value is a picture of Pillow; says so without importing it."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def picture_array(picture):
    """A picture of Pillow as an array: what mmzoo reads of it when it is a file.

    Palettes, CMYK, HSV and YCbCr become RGB, with alpha where something is transparent; 16 bits
    become 8; and it is turned upright, as its EXIF data say.

    Args:
        picture: `PIL.Image.Image`.

    Returns:
        `(height, width)` or `(height, width, channels)` array.

    Raises:
        ValueError: where it can't be read or converted.

    Example:

    >>> import PIL.Image
    >>> picture_array(PIL.Image.new("CMYK", (3, 2))).shape
    (2, 3, 3)
    """
    try:
        picture = require("PIL.ImageOps", extra="report").exif_transpose(picture)
        if picture.mode in SIXTEEN_BITS:
            return (np.asarray(picture) >> 8).astype("uint8")
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
        elif picture.mode == "1":
            picture = picture.convert("L")
        elif picture.mode not in AS_THEY_ARE:
            picture = picture.convert("RGB")
        return np.asarray(picture)
    except (OSError, SyntaxError) as error:  # it is read only now
        raise ValueError(f"a picture of Pillow that can't be read: {error}") from None

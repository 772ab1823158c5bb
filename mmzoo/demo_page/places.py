"""Pictures with a place in them marked: what a page shows of a box or a mask."""

import io

import numpy as np

from mmzoo.utils.optional_packages import require

#: Longest side of a picture that is shown, in pixels.
LONGEST = 1024
#: The number of the EXIF tag that says how a picture lies.
ORIENTATION = 0x0112
#: How opaque the inside of a place is, and the line around a box.
INSIDE, LINE = 0.45, 1.0


def marked_box(encoded, box, label):
    """A picture with a box.

    Args:
        encoded: bytes of the picture.
        box: `[x0, y0, x1, y1]` in pixels of the picture as stored.
        label: what the box is called.

    Returns:
        `(picture, [(mask, label)])` for `gradio.AnnotatedImage`, upright.
    """
    picture = _opened(encoded)
    x0, y0, x1, y1 = (round(float(side)) for side in box)
    x0, y0 = min(x0, picture.width - 1), min(y0, picture.height - 1)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    width = max(1, round(max(picture.size) / 150))
    mask = np.zeros((picture.height, picture.width), "float32")
    mask[y0:y1, x0:x1] = LINE
    inside = (slice(a + width, max(a + width, b - width)) for a, b in ((y0, y1), (x0, x1)))
    mask[*inside] = INSIDE / 2
    return _shown(picture, [(mask, label)])


def marked_classes(encoded, classes, names):
    """A picture with the places of some classes.

    Args:
        encoded: bytes of the picture.
        classes: `(height, width)` integers over the picture as stored.
        names: dict from such an integer to the name of a class that is shown.

    Returns:
        `(picture, [(mask, name), ...])` for `gradio.AnnotatedImage`, upright; of those that occur.
    """
    masks = [
        (np.where(classes == value, np.float32(INSIDE), 0), name)
        for value, name in names.items()
        if (classes == value).any()
    ]
    return _shown(_opened(encoded), masks)


def decoded_mask(encoded):
    """The numbers of a PNG file of one channel, `(height, width)` uint8."""
    return np.asarray(_opened(encoded))


def _opened(encoded):
    return require("PIL.Image", "report").open(io.BytesIO(encoded))


def _shown(picture, masks):
    """Picture and masks upright, and no larger than a page needs."""
    pillow = require("PIL.Image", "report")
    orientation = picture.getexif().get(ORIENTATION, 1)
    if picture.has_transparency_data:
        ground = pillow.new("RGBA", picture.size, "white")
        picture = pillow.alpha_composite(ground, picture.convert("RGBA"))
    layers = [picture.convert("RGB"), *(pillow.fromarray(mask) for mask, _ in masks)]
    layers = [_upright(layer, orientation) for layer in layers]
    scale = min(1.0, LONGEST / max(layers[0].size))
    size = tuple(max(1, round(side * scale)) for side in layers[0].size)
    picture, *arrays = (
        layer.resize(size, pillow.Resampling.NEAREST if number else pillow.Resampling.BILINEAR)
        for number, layer in enumerate(layers)
    )
    labels = [label for _, label in masks]
    return picture, list(zip(map(np.asarray, arrays), labels, strict=True))


def _upright(picture, orientation):
    picture.getexif()[ORIENTATION] = orientation
    return require("PIL.ImageOps", "report").exif_transpose(picture)

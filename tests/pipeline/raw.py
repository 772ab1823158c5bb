"""Small raw rows: encoded pictures and sentences."""

import io

import numpy as np
import PIL.Image

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def encoded(pixels, format="PNG", **options):
    """`pixels` as the bytes of a picture file."""
    file = io.BytesIO()
    PIL.Image.fromarray(np.asarray(pixels, "uint8")).save(file, format, **options)
    return file.getvalue()


def picture(color, size=(10, 12), seed=0):
    """A PNG of one colour with some noise."""
    noise = np.random.default_rng(seed).integers(-20, 20, (*size, 3))
    return encoded(np.clip(np.array(COLORS[color]) + noise, 0, 255))


def raw_columns(rows=12):
    """Columns `image` and `text`, and labels: the colour of the picture."""
    labels = [list(COLORS)[row % 3] for row in range(rows)]
    columns = {
        "image": [picture(label, seed=row) for row, label in enumerate(labels)],
        "text": [f"is it a {label} circle" if row % 2 else "a" for row, label in enumerate(labels)],
    }
    return columns, labels

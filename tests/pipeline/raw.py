"""Small raw rows: encoded pictures, sentences and sounds."""

import io

import numpy as np
import PIL.Image
import scipy.io.wavfile

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


def wav(samples, rate=4000):
    """Samples as the bytes of a WAV file, in the format of their dtype."""
    file = io.BytesIO()
    scipy.io.wavfile.write(file, rate, np.asarray(samples))
    return file.getvalue()


def sound(seed=0, seconds=0.1, rate=4000):
    """A WAV of 16-bit noise."""
    noise = np.random.default_rng(seed).normal(0, 3000, round(seconds * rate))
    return wav(noise.astype("int16"), rate)


def raw_columns(rows=12):
    """Columns `image` and `text`, and labels: the colour of the picture."""
    labels = [list(COLORS)[row % 3] for row in range(rows)]
    columns = {
        "image": [picture(label, seed=row) for row, label in enumerate(labels)],
        "text": [f"is it a {label} circle" if row % 2 else "a" for row, label in enumerate(labels)],
    }
    return columns, labels

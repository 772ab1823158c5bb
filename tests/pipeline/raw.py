"""Small raw rows: encoded pictures and sounds, sentences, cells of a table, vectors."""

import io

import numpy as np
import PIL.Image
import scipy.io.wavfile
import tensorflow as tf

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
    """A column for each input of the tests' models, and labels: the colour of the picture."""
    generator = np.random.default_rng(0)
    labels = [list(COLORS)[row % 3] for row in range(rows)]
    columns = {
        "image": [picture(label, seed=row) for row, label in enumerate(labels)],
        "text": [f"is it a {label} circle" if row % 2 else "a" for row, label in enumerate(labels)],
        "video": [
            [picture(label, seed=row), picture("red", seed=row)] for row, label in enumerate(labels)
        ],
        "audio": [sound(seed=row) for row in range(rows)],
        "tabular": {
            "price": [None if row == 1 else 20.0 + row for row in range(rows)],
            "weight": [0.5 - row / 100 for row in range(rows)],
            "color": [None if row == 2 else label for row, label in enumerate(labels)],
            "shape": ["star" if row == 3 else "circle" for row in range(rows)],
        },
        "features": list(generator.normal(size=(rows, 4, 3)).astype("float32")),
        "image_features": list(generator.normal(size=(rows, 3)).astype("float32")),
        "text_features": list(generator.normal(size=(rows, 3)).astype("float32")),
    }
    return columns, labels


def raw_batch(preprocessor, columns, rows):
    """The first `rows` of `columns` as a preprocessor takes a batch, in the exported dtypes."""

    def tensor(values, spec):
        absent = np.nan if spec.dtype.is_floating else ""
        values = [absent if value is None else value for value in values[:rows]]
        if any(isinstance(value, list) for value in values):  # frames: as many for all
            return tf.ragged.constant([value or [] for value in values]).to_tensor()
        return tf.constant(values, spec.dtype)

    return {
        name: {column: tensor(columns[name][column], spec[column]) for column in spec}
        if isinstance(spec, dict)
        else tensor(columns[name], spec)
        for name, spec in preprocessor.raw_specs().items()
    }


def signature_inputs(preprocessor, batch):
    """A batch as keyword arguments of the exported signature."""
    specs = tf.nest.flatten(preprocessor.raw_specs())
    return {spec.name: x for spec, x in zip(specs, tf.nest.flatten(batch), strict=True)}

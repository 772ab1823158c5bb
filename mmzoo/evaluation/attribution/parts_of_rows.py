"""Arrays over the tensors of a batch -> arrays over the natural elements of each row."""

import numpy as np

from mmzoo.evaluation.attribution.elements import Elements, cells_of, words_of
from mmzoo.keras_compat import all_layers
from mmzoo.layers import LogMelSpectrogram

#: A waveform is told in so many parts, where the encoder has no frames.
PARTS = 100


def reduced(points, shares, by):
    """What belongs to one element in one number.

    Args:
        points: the `mmzoo.evaluation.attribution.points.Points`.
        shares: dict from point to `(B, ...)` array.
        by: `"sum"`, or `"length"`: of several numbers the root of the sum of their squares.

    Returns:
        Dict from modality name to `(B, ...)` array over its elements.
    """

    def last(x):
        return x.sum(axis=-1) if by == "sum" else np.sqrt((x**2).sum(axis=-1))

    found = {}
    for name, modality in points.modalities.items():
        arrays = [x for _, x in points.of(name, shares)]
        if modality.kind in ("image", "video"):
            found[name] = last(arrays[0])
        elif modality.kind == "text":
            found[name] = sum(map(last, arrays))
        elif modality.kind == "tabular":
            columns = [x if x.ndim == 2 else last(x) for x in arrays]
            found[name] = np.concatenate(columns, axis=1)
        elif modality.kind == "audio" and arrays[0].ndim == 2:
            pieces = np.array_split(arrays[0], min(PARTS, arrays[0].shape[1]), axis=1)
            found[name] = np.stack([last(piece) for piece in pieces], axis=1)
        else:
            found[name] = arrays[0]
    return found


def part_of_row(part, name, values, x, value, encoder):
    """The values of one row's elements, without padding, and what they are.

    Args:
        part: the `Preprocessing` of the modality.
        name: name of the modality.
        values: array over the elements, padding included.
        x: dict of the row's tensors.
        value: the raw value.
        encoder: the modality's encoder.

    Returns:
        `(values, elements)`.
    """
    modality = part.modality
    names = modality.input_names(name)
    present = not modality.optional or bool(x[f"{name}_present"])
    values = values if present else np.zeros_like(values)
    if modality.kind == "text":
        ids = x[names["ids"]] if "ids" in names else None
        valid = x[names["mask"]] != 0 if "mask" in names else ids != 0
        valid = valid & present
        return values[valid], words_of(part, ids, valid, value)
    if modality.kind == "tabular":
        return values, cells_of(modality, value)
    if modality.kind == "audio":
        return _sound(modality, x[names["mask"]] & present, values, encoder)
    if modality.kind == "features":
        if "mask" not in names:
            return values, Elements("numbers")
        return values[x[names["mask"]] & present], Elements("vectors")
    if modality.kind == "video":
        return values, Elements("frame pixels")
    return values, Elements("pixels" if modality.kind == "image" else "tokens")


def _sound(modality, mask, values, encoder):
    total = modality.samples / modality.sample_rate
    if values.ndim == 1:
        kept = int(np.ceil(mask.sum() / len(mask) * len(values)))
        edges = np.linspace(0, total, len(values) + 1)
        return values[:kept], Elements("segments", seconds=edges[: kept + 1])
    layer = next(each for each in all_layers(encoder) if isinstance(each, LogMelSpectrogram))
    kept = int(np.ceil(mask.sum() / layer.stride))
    edges = np.arange(kept + 1) * layer.stride / modality.sample_rate
    return values[:kept], Elements("mel frames", seconds=edges)

"""Attributions without looking into the model: what changes when a part is covered."""

import numpy as np
from keras import ops

from mmzoo.evaluation.attribution.neutral import neutral_values

#: A sound is covered in so many parts.
SEGMENTS = 25


def occlusion(score, inputs, x, asked, patch, batch_size):
    """How much lower the score is when a part is covered, a part after another.

    Args:
        score: function from a dict of tensors and `(B,)` int, what each row is asked for, to the
            scores `(B,)`.
        inputs: dict from modality name to modality.
        x: dict of arrays, a batch.
        asked: `(B,)` int.
        patch: side in pixels of the squares that cover pictures; `None`: an eighth of the shorter
            side, of videos a quarter.
        batch_size: so many rows are computed at a time, or the batch.

    Returns:
        Dict from modality name to `(B, ...)` array over its elements. A pixel has the mean of the
        squares that cover it.

    Raises:
        ValueError: for a modality that is none of mmzoo's.

    Reference: Zeiler and Fergus 2014, arXiv 1311.2901, section 4.2.
    """
    rows = len(next(iter(x.values())))
    together = max(1, batch_size // rows)
    asked = np.concatenate([asked] * together)
    unchanged = {key: np.concatenate([value] * together) for key, value in x.items()}
    # Place by place in calls of one shape, so that rounding is the same, and no effect exactly 0.
    whole = ops.convert_to_numpy(score(unchanged, asked)).astype("float64").reshape(-1, rows)
    found = {}
    for name, modality in inputs.items():
        covers = _COVERS.get(modality.kind)
        if covers is None:
            raise ValueError(
                f"Nothing is known of how to cover a part of {name!r}, a "
                f"{type(modality).__name__}. Use method='integrated_gradients'."
            )
        shape, covered = covers(modality.input_names(name), x, patch)
        effects, counts = np.zeros((rows, *shape)), np.zeros(shape)
        covered = [*covered]
        for start in range(0, len(covered), together):
            some = covered[start : start + together]
            changed = [make() for _, make in some]
            changed += [{}] * (together - len(some))
            batch = {key: np.concatenate([each.get(key, value) for each in changed])
                     for key, value in x.items()}  # fmt: skip
            scores = ops.convert_to_numpy(score(batch, asked)).reshape(-1, rows)
            for (place, _), before, without in zip(some, whole, scores, strict=False):
                effect = before - without
                where = (slice(None), *place)
                effects[where] += effect.reshape(-1, *(1,) * (effects[where].ndim - 1))
                counts[place] += 1
        found[name] = effects / np.maximum(counts, 1)
    return found


# Each of these: `(names of inputs by part, batch, patch)` -> `(shape of the elements, covers)`;
# a cover is `(place, make)`: which elements it hides, and what makes the changed inputs.


def _pictures(names, x, patch):
    (key,) = names.values()
    pixels = np.asarray(x[key], "float32")
    neutral = neutral_values("image", pixels)

    def covered(place):
        changed = pixels.copy()
        changed[(slice(None), *place)] = neutral[(slice(None), *place)]
        return {key: changed}

    height, width = pixels.shape[1:3]
    places = _squares(height, width, patch or max(1, min(height, width) // 8))
    return (height, width), [(place, lambda place=place: covered(place)) for place in places]


def _videos(names, x, patch):
    key = names["frames"]
    pixels = np.asarray(x[key], "float32")
    neutral = neutral_values("video", pixels)

    def covered(place):
        changed = pixels.copy()
        changed[(slice(None), *place)] = neutral[(slice(None), *place)]
        return {key: changed}

    frames, height, width = pixels.shape[1:4]
    squares = _squares(height, width, patch or max(1, min(height, width) // 4))
    places = [(frame, *square) for frame in range(frames) for square in squares]
    return pixels.shape[1:4], [(place, lambda place=place: covered(place)) for place in places]


def _squares(height, width, side):
    """Squares that overlap by half, the last ones at the edge."""

    def starts(length):
        last = max(length - side, 0)
        return [*range(0, last, max(1, side // 2)), last]

    return [(slice(y, y + side), slice(x, x + side)) for y in starts(height) for x in starts(width)]


def _masked(names, x, patch):
    """Tokens of a text, or vectors, each in turn as padding is."""
    parts = [names[part] for part in ("mask",) if part in names] or [names["ids"]]
    parts += [names[part] for part in ("bytes", "vectors") if part in names]

    def covered(place):
        changed = {key: np.array(x[key]) for key in parts}
        for array in changed.values():
            array[:, place] = 0
        return changed

    length = x[parts[0]].shape[1]
    return (length,), [((t,), lambda t=t: covered(t)) for t in range(length)]


def _features(names, x, patch):
    if "mask" in names:
        return _masked(names, x, patch)
    (key,) = names.values()
    return x[key].shape[1:], _each_column(x, key, 0.0)


def _tables(names, x, patch):
    found = []
    for part, neutral in (("numbers", 0.0), ("categories", 0)):
        if part in names:
            found += _each_column(x, names[part], neutral, first=len(found))
    return (len(found),), found


def _each_column(x, key, neutral, first=0):
    def covered(column):
        changed = np.array(x[key])
        # A number that is missing stays so.
        changed[:, column] = np.where(np.isnan(changed[:, column]), np.nan, neutral)
        return {key: changed}

    def covered_ids(column):
        changed = np.array(x[key])
        changed[:, column] = neutral
        return {key: changed}

    cover = covered if x[key].dtype.kind == "f" else covered_ids
    return [((first + c,), lambda c=c: cover(c)) for c in range(x[key].shape[1])]


def _sounds(names, x, patch):
    key = names["waveform"]
    edges = np.linspace(0, x[key].shape[1], SEGMENTS + 1).round().astype(int)

    def covered(segment):
        changed = np.array(x[key])
        changed[:, edges[segment] : edges[segment + 1]] = 0
        return {key: changed}

    return (SEGMENTS,), [((s,), lambda s=s: covered(s)) for s in range(SEGMENTS)]


_COVERS = {
    "image": _pictures, "video": _videos, "text": _masked, "features": _features,
    "tabular": _tables, "audio": _sounds,
}  # fmt: skip

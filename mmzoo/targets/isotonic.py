"""Probabilities by isotonic regression: as often right as rows of about the same probability."""

import numpy as np
from keras import ops

from mmzoo.targets.temperature import FEWEST_OF_EACH
from mmzoo.utils.optional_packages import require

#: Probabilities that are as close as rounding errors of float32 are one.
DIGITS = 6


def isotonic_points(probabilities, labels, classes, sample_weight=None):
    """The rising line through how often probabilities are right, a label each.

    One row more counts, which may be of any class, so that no probability becomes 0 or 1.

    Args:
        probabilities: `(N, K)` float.
        labels: `(N, K)` int, 0 or 1.
        classes: number of classes that this row more may be of: `K` of one class out of several, or
            2 of yes and no.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        List of `K` lists `[before, after]`, each a list of probabilities that rise, two or more. A
        label of which there are few rows of a kind, see `FEWEST_OF_EACH`, has those of all labels
        together.

    Raises:
        ImportError: when scikit-learn is missing: `pip install "mmzoo[report]"`.

    Example:

    >>> said = np.array([[0.2]] * 50 + [[0.9]] * 50)
    >>> labels = (np.arange(100)[:, None] % 50 < 25).astype(int)  # right in a half of both
    >>> isotonic_points(said, labels, classes=2)
    [[[0.2, 0.9], [0.5, 0.5]]]

    Reference: Zadrozny and Elkan 2002.
    """
    regression = require("sklearn.isotonic", extra="report").IsotonicRegression
    weights = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight)
    rows, units = weights.sum(), labels.shape[1]

    def points(probabilities, labels, weights):
        line = regression(y_min=0.0, y_max=1.0)
        line.fit(probabilities.astype("float64").round(DIGITS), labels, weights)
        before, after = line.X_thresholds_, (rows * line.y_thresholds_ + 1 / classes) / (rows + 1)
        if len(before) == 1:  # all rows have one probability
            before, after = np.repeat(before, 2), np.repeat(after, 2)
        return [before.tolist(), after.tolist()]

    said = labels.sum(axis=0)
    enough = np.minimum(said, len(labels) - said) >= FEWEST_OF_EACH
    of_all = None
    if not enough.all():
        repeated = np.repeat(weights, units)
        of_all = points(probabilities.reshape(-1), labels.reshape(-1), repeated)
    return [
        points(probabilities[:, unit], labels[:, unit], weights) if enough[unit] else of_all
        for unit in range(units)
    ]


def along_points(probabilities, points):
    """Probabilities by linear interpolation between points, and level outside of them.

    Of element-wise operations alone, which every backend and format has.

    Args:
        probabilities: `(N, K)` float32, array or tensor.
        points: what `isotonic_points` returned.

    Returns:
        `(N, K)` tensor.

    Example:

    >>> line = [[[0.25, 0.75], [0.0, 0.5]]]
    >>> ops.convert_to_numpy(along_points(np.float32([[0.0], [0.5], [0.9]]), line)).tolist()
    [[0.0], [0.25], [0.5]]
    """
    longest = max(len(before) for before, _ in points)
    x, y = (
        np.array([[*of_label[axis], *[of_label[axis][-1]] * (longest - len(of_label[axis]))]
                  for of_label in points], "float32")
        for axis in (0, 1)
    )  # fmt: skip
    left, width = x[:, :-1], np.diff(x, axis=1)
    slope = np.diff(y, axis=1) / np.where(width > 0, width, 1)
    inside = ops.minimum(ops.maximum(ops.expand_dims(probabilities, -1), left), x[:, 1:])
    return y[:, 0] + ops.sum((inside - left) * slope, axis=-1)

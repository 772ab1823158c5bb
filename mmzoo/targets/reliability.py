"""Whether probabilities are right as often as they say."""

import numpy as np

#: So many bins there are, where there are rows enough for `ROWS_A_BIN` in each.
BINS = 15
ROWS_A_BIN = 10
#: What a report calls how far probabilities are off.
ERROR = "expected_calibration_error"


def reliability_figures(confidence, right, brier, sample_weight=None, bins=BINS):
    """How far probabilities are from how often they are right.

    Rows are sorted by their probability into bins of equal weight; rows of one probability stay
    together. The expected calibration error is the mean distance, over the rows, of the mean
    probability of a bin from its share of right ones.

    Args:
        confidence: `(N,)` probabilities.
        right: `(N,)` bool: what came of them.
        brier: `(N,)` squared distances from the truth.
        sample_weight: `(N,)` positive floats, or `None`.
        bins: how many there are; fewer where that would be less than 10 rows a bin.

    Returns:
        Dict of `expected_calibration_error`, `brier_score`, and `reliability`: a list with a dict a
        bin of `from` and `to`, the lowest and the highest probability, `confidence`, the mean,
        `right`, the share, and `rows`, their number or weight.

    Example:

    >>> confidence, right = np.array([0.6] * 10 + [0.9] * 10), np.array([True] * 15 + [False] * 5)
    >>> found = reliability_figures(confidence, right, (right - confidence) ** 2)
    >>> round(found["expected_calibration_error"], 3), len(found["reliability"])
    (0.4, 2)

    Reference: of equal mass: Nguyen and O'Connor 2015, arXiv 1508.05154.
    """
    weights = np.ones(len(confidence)) if sample_weight is None else np.asarray(sample_weight)
    bins = max(1, min(bins, len(confidence) // ROWS_A_BIN))
    values, place = np.unique(confidence.astype("float64"), return_inverse=True)
    mass = np.bincount(place, weights)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of_row = np.minimum((bins * middle).astype(int), bins - 1)[place]
    table = []
    for each in np.unique(bin_of_row):
        inside = bin_of_row == each
        table.append({
            "from": float(values[place[inside]].min()),
            "to": float(values[place[inside]].max()),
            "confidence": float(np.average(confidence[inside], weights=weights[inside])),
            "right": float(np.average(right[inside], weights=weights[inside])),
            "rows": float(weights[inside].sum()),
        })  # fmt: skip
    distances = [abs(of_bin["confidence"] - of_bin["right"]) for of_bin in table]
    return {
        ERROR: float(np.average(distances, weights=[of_bin["rows"] for of_bin in table])),
        "brier_score": float(np.average(brier, weights=weights)),
        "reliability": table,
    }


def of_one_class(labels, probabilities, sample_weight=None, bins=BINS):
    """`reliability_figures` of the likeliest class.

    Args:
        labels: `(N,)` int class indices.
        probabilities: `(N, K)` float.
        sample_weight: `(N,)` positive floats, or `None`.
        bins: as for `reliability_figures`.
    """
    truth = np.eye(probabilities.shape[1])[labels]
    brier = ((probabilities - truth) ** 2).sum(axis=1)
    right = probabilities.argmax(axis=1) == labels
    return reliability_figures(probabilities.max(axis=1), right, brier, sample_weight, bins)


def of_labels(labels, probabilities, sample_weight=None, bins=BINS):
    """`reliability_figures` of yes, of all labels together.

    Args:
        labels: `(N, K)` int, 0 or 1.
        probabilities: `(N, K)` float.
        sample_weight: `(N,)` positive floats, or `None`.
        bins: as for `reliability_figures`.
    """
    units = labels.shape[1]
    weights = None if sample_weight is None else np.repeat(sample_weight, units) / units
    confidence, right = probabilities.reshape(-1).astype("float64"), labels.reshape(-1) == 1
    return reliability_figures(confidence, right, (confidence - right) ** 2, weights, bins)

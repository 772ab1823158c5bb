"""Sets of classes that hold the right one as often as was promised."""

import numpy as np

from mmzoo.targets.conformal import conformal_bound


def least_probability(probabilities, labels, alpha, sample_weight=None):
    """From which probability on a class belongs to the label set: split conformal prediction.

    Of `n` rows that the model was not trained on, it is the `k`-th lowest probability of the right
    class, `k = floor(alpha (n + 1))`. Whatever the model is worth, the set of a further row out of
    the same source then holds its class with a probability of at least `1 - alpha`.

    Args:
        probabilities: `(N, K)` float.
        labels: `(N,)` int, class indices.
        alpha: share of rows whose class may be missing, between 0 and 1.
        sample_weight: `(N,)` positive floats, or `None`; a row of weight 2 counts as two.

    Returns:
        A float.

    Raises:
        ValueError: for rows that do not suffice for so small an `alpha`.

    Example:

    >>> right = np.linspace(0.5, 0.95, 10)
    >>> least_probability(np.stack([right, 1 - right], axis=1), np.zeros(10, int), alpha=0.2)
    0.55

    Reference: Sadinle et al. 2019, arXiv 1609.00451; Vovk et al. 2005.
    """
    of_label = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    return conformal_bound(of_label, alpha, sample_weight)


def in_label_set(probabilities, least):
    """Which classes belong to the label sets; the likeliest one always does.

    Args:
        probabilities: `(N, K)` float.
        least: what `least_probability` returned.

    Returns:
        `(N, K)` bool.
    """
    highest = probabilities.max(axis=1, keepdims=True)
    return (probabilities >= np.float32(least)) | (probabilities == highest)


def label_set_figures(labels, probabilities, promise, sample_weight=None):
    """How often label sets hold the right class, and how large they are.

    Args:
        labels: `(N,)` int, class indices.
        probabilities: `(N, K)` float.
        promise: dict of `alpha` and `least_probability`.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of `promised`, `1 - alpha`; `coverage`, the share of rows whose set holds their class;
        `mean_size`; and `single`, the share of sets of one class.
    """
    inside = in_label_set(probabilities, promise["least_probability"])
    sizes = inside.sum(axis=1)

    def mean(values):
        return float(np.average(values, weights=sample_weight))

    return {
        "promised": 1 - promise["alpha"],
        "coverage": mean(np.take_along_axis(inside, labels[:, None], axis=1)[:, 0]),
        "mean_size": mean(sizes),
        "single": mean(sizes == 1),
    }

"""The temperature that makes probabilities as likely right as they say."""

import numpy as np

#: The flattest and the sharpest that probabilities are made.
HIGHEST, LOWEST = 1e3, 1e-3
#: A label that fewer rows have than this, or lack, goes by the temperature of all labels together.
FEWEST_OF_EACH = 10


def best_temperature(logits, labels, sample_weight=None):
    """The `T` for which `softmax(logits / T)` has the lowest log loss.

    The log loss is convex in `1 / T`, and found by Newton's method within bounds that close in.
    One row more counts, which may be of any class, so that rows which are all right do not make the
    probabilities 0 and 1. Where the log loss of the rows would not fall, `T` is 1.

    Args:
        logits: `(N, K)` float.
        labels: `(N,)` int, class indices.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        A float.

    Example:

    >>> logits = np.log([[0.9, 0.1]] * 4)
    >>> best_temperature(logits, np.array([0, 0, 0, 1])) > 1  # right in 75 %, not in 90 %
    True

    Reference: Guo et al. 2017, arXiv 1706.04599; the row more: Platt 1999.
    """
    logits = logits.astype("float64")
    logits = logits - logits.max(axis=1, keepdims=True)
    rows = len(logits)
    weights = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, "float64")
    weights = weights / weights.sum()
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    expected = weights @ (rows * of_label + logits.mean(axis=1)) / (rows + 1)

    def derivatives(inverse):
        """Of the log loss by `1 / T`: the first and the second."""
        probabilities = softmax(inverse * logits)
        mean = (probabilities * logits).sum(axis=1)
        variance = (probabilities * (logits - mean[:, None]) ** 2).sum(axis=1)
        return weights @ mean - expected, weights @ variance

    low, high, inverse = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(100):
        slope, curvature = derivatives(inverse)
        if slope == 0:
            break
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        step = inverse - slope / curvature if curvature > 0 else low
        following = step if low < step < high else np.sqrt(low * high)
        done = abs(following - inverse) < 1e-10 * inverse
        inverse = following
        if done:
            break

    def log_loss(inverse):
        return weights @ cross_entropies(inverse * logits, labels)

    return float(1 / inverse) if log_loss(inverse) < log_loss(1.0) else 1.0


def best_temperatures(logits, labels, sample_weight=None):
    """The `T` of every label that is said or not by itself, `sigmoid(logits / T)`.

    Args:
        logits: `(N, K)` float.
        labels: `(N, K)` int, 0 or 1.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        List of `K` floats. A label of which there are few rows of a kind, see `FEWEST_OF_EACH`, has
        that of all labels together.
    """
    weights = np.ones(len(logits)) if sample_weight is None else np.asarray(sample_weight)
    units = logits.shape[1]
    of_all = best_temperature(
        against_zero(logits.reshape(-1)), labels.reshape(-1), np.repeat(weights, units)
    )
    said = labels.sum(axis=0)
    enough = np.minimum(said, len(labels) - said) >= FEWEST_OF_EACH
    return [
        best_temperature(against_zero(logits[:, unit]), labels[:, unit], weights)
        if enough[unit]
        else of_all
        for unit in range(units)
    ]


def against_zero(logits):
    """Logits of a sigmoid, `(...)`, as those of a softmax over no and yes, `(..., 2)`."""
    return np.stack([np.zeros_like(logits), logits], axis=-1)


def softmax(logits):
    """Logits -> probabilities, along the last axis, in the precision of the logits."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def cross_entropies(logits, labels):
    """The log loss of each row, in nats, from logits `(N, K)` and class indices `(N,)`."""
    logits = logits - logits.max(axis=1, keepdims=True)
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return np.log(np.exp(logits).sum(axis=1)) - of_label

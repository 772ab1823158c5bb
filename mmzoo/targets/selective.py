"""Selective classification: a model answers where it is sure enough, and abstains elsewhere."""

import numpy as np


def confidence_threshold(confidence, right, accuracy, sample_weight=None):
    """The lowest confidence from which on answers are right as often as wanted.

    Of all thresholds by which the answered rows are right in a share of at least `accuracy`, the
    one by which the most are answered. One row more counts, which is answered wrongly, so that a
    few rows that are right by chance do not do.

    Args:
        confidence: `(N,)` float, the probability of the answer; of rows that the model was not
            trained on.
        right: `(N,)` bool, whether the answer is right.
        accuracy: share of right ones wanted of the answered rows, between 0 and 1.
        sample_weight: `(N,)` positive floats, or `None`; a row of weight 2 counts as two.

    Returns:
        A float, half way between two confidences that occur; 0 where all rows are answered.

    Raises:
        ValueError: where no threshold has that accuracy.

    Example:

    >>> confidence = np.linspace(0.95, 0.5, 10)
    >>> threshold = confidence_threshold(confidence, confidence > 0.66, accuracy=0.8)
    >>> round(threshold, 3)
    0.675

    Reference: El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017, arXiv 1705.08500.
    """
    weights = np.ones(len(right)) if sample_weight is None else np.asarray(sample_weight)
    order = np.argsort(-confidence, kind="stable")
    confidence, right, weights = confidence[order], right[order], weights[order]
    answered, wrong = np.cumsum(weights), np.cumsum(weights * ~right)
    # Rows of one confidence are answered together: the last of them counts.
    last = np.append(np.diff(confidence) < 0, True)
    confidence, answered, wrong = confidence[last], answered[last], wrong[last]
    errors = (wrong + 1) / (answered + 1)
    good = np.flatnonzero(errors <= 1 - accuracy + 1e-12)
    if not good.size:
        best = errors.argmin()
        raise ValueError(
            f"No confidence tells {len(right)} labelled rows apart so that the answered ones are "
            f"right in {accuracy:g}: the surest {answered[best]:.4g} are in "
            f"{1 - wrong[best] / answered[best]:.4g}, and a row more counts that is wrong. Ask for "
            "less (`abstain`), or give more rows."
        )
    lowest = good[-1]
    if lowest + 1 == len(confidence):
        return 0.0
    return float((confidence[lowest] + confidence[lowest + 1]) / 2)


def selective_figures(confidence, right, threshold, sample_weight=None):
    """How many rows are answered, and how often rightly.

    Args:
        confidence: `(N,)` float, the probability of the answer.
        right: `(N,)` bool, whether the answer is right.
        threshold: what `confidence_threshold` returned.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of `threshold`; `coverage`, the share of rows that are answered; and `accuracy`, the
        share of right ones of these, `None` where there are none.
    """
    weights = np.ones(len(right)) if sample_weight is None else np.asarray(sample_weight)
    answered = confidence >= np.float32(threshold)
    coverage = float(np.average(answered, weights=weights))
    accuracy = float(np.average(right[answered], weights=weights[answered])) if coverage else None
    return {"threshold": threshold, "coverage": coverage, "accuracy": accuracy}

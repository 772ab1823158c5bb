"""Split conformal prediction: a bound that further rows keep as often as was promised."""

import numpy as np


def conformal_bound(scores, alpha, sample_weight=None, what="Label sets"):
    """The `k`-th lowest score of `n` rows, `k = floor(alpha (n + 1))`.

    The score of a further row out of the same source is at least as high with a probability of at
    least `1 - alpha`, whatever the scores are.

    Args:
        scores: `(N,)` float, of rows that the model was not trained on; high where it is right.
        alpha: share of rows that may lie below, between 0 and 1.
        sample_weight: `(N,)` positive floats, or `None`; a row of weight 2 counts as two.
        what: what is promised, for messages.

    Returns:
        A float.

    Raises:
        ValueError: for rows that do not suffice for so small an `alpha`.

    Example:

    >>> conformal_bound(np.arange(10.0), alpha=0.2)
    1.0

    Reference: Vovk et al. 2005; Papadopoulos et al. 2002.
    """
    weights = np.ones(len(scores)) if sample_weight is None else np.asarray(sample_weight)
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(weights[order])
    place = np.floor(alpha * (below[-1] + 1) + 1e-9)
    if not 1 <= place <= below[-1]:
        weighing = "" if sample_weight is None else f", which weigh {below[-1]:.4g}"
        raise ValueError(
            f"{what} of alpha={alpha:g} need at least {max(1, int(np.ceil(1 / alpha - 1e-9)) - 1)} "
            f"labelled rows; there are {len(scores)}{weighing}."
        )
    return float(scores[order][np.searchsorted(below, place)])

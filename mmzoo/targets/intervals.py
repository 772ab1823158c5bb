"""Intervals around a number that hold the right one as often as was promised."""

import statistics

import numpy as np

from mmzoo.targets.conformal import conformal_bound

#: How the width of an interval is found; the first is the default.
METHODS = ("conformal", "gaussian")


def half_widths(residuals, alpha, method="conformal", sample_weight=None):
    """How far an interval reaches to either side of a number.

    `"conformal"`: as far as the `k`-th smallest distance of the `n` rows, `k = ceil((1 - alpha)
    (n + 1))` (split conformal prediction). Whatever the model is worth, the interval of a further
    row out of the same source then holds its number with a probability of at least `1 - alpha`.

    `"gaussian"`: `z` root mean squares, with `z` the `1 - alpha / 2` quantile of the normal
    distribution. It needs fewer rows, and is right as far as errors are distributed normally.

    Args:
        residuals: `(N, units)` float, of rows that the model was not trained on.
        alpha: share of rows whose number may lie outside, between 0 and 1.
        method: `"conformal"` or `"gaussian"`.
        sample_weight: `(N,)` positive floats, or `None`; a row of weight 2 counts as two.

    Returns:
        `(units,)` float32, rounded up, so that a row on the edge is inside.

    Raises:
        ValueError: for rows that do not suffice for so small an `alpha`.

    Example:

    >>> residuals = np.arange(-4.5, 5)[:, None]
    >>> half_widths(residuals, alpha=0.2).tolist()
    [4.5]
    >>> print("%.3f" % half_widths(residuals, alpha=0.2, method="gaussian")[0])
    3.681

    Reference: Lei et al. 2018, arXiv 1604.04173.
    """
    if method == "gaussian":
        z = statistics.NormalDist().inv_cdf(1 - alpha / 2)
        exact = z * np.sqrt(np.average(residuals**2, axis=0, weights=sample_weight))
    else:
        exact = -np.array([
            conformal_bound(-np.abs(of_unit), alpha, sample_weight, "Intervals")
            for of_unit in residuals.T
        ])  # fmt: skip
    rounded = exact.astype("float32")
    return np.where(rounded < exact, np.nextafter(rounded, np.float32(np.inf)), rounded)


def interval_figures(labels, lower, upper, alpha, sample_weight=None):
    """How often intervals hold the right number, and how wide they are.

    Args:
        labels: `(N, units)` float.
        lower: `(N, units)` float.
        upper: `(N, units)` float.
        alpha: share of rows whose number may lie outside.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of `promised`, `1 - alpha`; `coverage`, the share of numbers inside; and `mean_width`.
        Of several outputs these are means, and `outputs` is a list with a dict of both for each.
    """
    inside = (labels >= lower) & (labels <= upper)
    coverage, width = (
        np.average(values, axis=0, weights=sample_weight)
        for values in (inside, np.asarray(upper, "float64") - lower)
    )
    found = {
        "promised": 1 - alpha,
        "coverage": float(coverage.mean()),
        "mean_width": float(width.mean()),
    }
    if len(coverage) > 1:
        found["outputs"] = [
            {"coverage": float(of_output), "mean_width": float(of_width)}
            for of_output, of_width in zip(coverage, width, strict=True)
        ]
    return found

"""Attributions by gradients: integrated gradients, and those at the row itself."""

import numpy as np
from keras import ops

from mmzoo.evaluation.attribution.neutral import neutral_values
from mmzoo.utils.by_backend import values_and_gradients


def integrated_gradients(points, score, x, values, steps, batch_size):
    """The integral of the gradient along the straight line from neutral values to those of a row.

    Args:
        points: the `Points`.
        score: function from a prediction and a number of copies of the batch to `(copies * B,)`.
        x: dict of arrays, a batch.
        values: dict from point to array, of the batch.
        steps: in how many places of the line the gradient is taken.
        batch_size: so many rows are computed at a time, or the batch.

    Returns:
        `(shares, at_baseline)`: dict from point to an array of its shape, and `(B,)`: the score of
        the neutral values.

    Reference: Sundararajan et al. 2017, arXiv 1703.01365.
    """
    neutral = {
        key: neutral_values(points.modalities[key.split("/")[0]].kind, value)
        for key, value in values.items()
    }
    nodes, weights = nodes_on_line(steps)
    rows = len(next(iter(values.values())))
    together = max(1, batch_size // rows)
    means = dict.fromkeys(values, 0.0)
    for start in range(0, steps, together):
        some, counts = nodes[start : start + together], weights[start : start + together]
        tiled = {key: _tiled(value, len(some)) for key, value in x.items()}
        between = {
            key: np.concatenate(
                [neutral[key] + np.float32(node) * (value - neutral[key]) for node in some]
            )
            for key, value in values.items()
        }
        copies = len(some)
        _, gradients = values_and_gradients(
            lambda at, tiled=tiled, copies=copies: score(points.call(tiled, at), copies), between
        )
        for key, gradient in gradients.items():
            gradient = ops.convert_to_numpy(gradient).reshape(len(some), *values[key].shape)
            means[key] = means[key] + np.tensordot(counts, gradient.astype("float64"), axes=1)
    shares = {key: _without_nan(means[key] * (value - neutral[key]), value)
              for key, value in values.items()}  # fmt: skip
    baseline = score(points.call(x, _as_tensors(neutral)), 1)
    return shares, ops.convert_to_numpy(baseline)


def gradients(points, score, x, values):
    """The gradient of the score at the values of a row.

    Args:
        points: the `Points`.
        score: as for `integrated_gradients`.
        x: dict of arrays, a batch.
        values: dict from point to array, of the batch.

    Returns:
        Dict from point to an array of its shape.
    """
    _, found = values_and_gradients(lambda at: score(points.call(x, at), 1), values)
    return {key: _without_nan(ops.convert_to_numpy(gradient), values[key])
            for key, gradient in found.items()}  # fmt: skip


def nodes_on_line(steps):
    """Where the gradient is taken along the line, and how much each place counts.

    The rule of Gauss and Legendre over `t` from 0 to 1, at `t**3`: what normalises (a layer
    normalisation of tokens that are all zero) changes within a thousandth of the line from the
    neutral values, and then hardly at all.

    Args:
        steps: number of places.

    Returns:
        `(nodes, weights)`: `(steps,)` each, from 0 to 1; the weights sum to 1.

    Example:

    >>> nodes, weights = nodes_on_line(8)
    >>> round(float((weights * nodes**2).sum()), 6)
    0.333333
    """
    t, weights = np.polynomial.legendre.leggauss(steps)
    t, weights = (t + 1) / 2, weights / 2
    weights = 3 * t**2 * weights
    return t**3, weights / weights.sum()


def _as_tensors(arrays):
    return {key: ops.convert_to_tensor(array) for key, array in arrays.items()}


def _tiled(array, copies):
    return np.concatenate([array] * copies)


def _without_nan(shares, values):
    """Zero for a missing number, which is no place on a line."""
    return np.where(np.isnan(values), 0.0, shares)

"""ResampledFigure: one figure of several predictions of the same rows, with intervals."""

from typing import Any, NamedTuple

import keras
import numpy as np

from mmzoo.evaluation.figure_names import figure_by_name, lower_is_better, numbers_of

#: Figures that are taken where none is named, and the target has none that are means over rows.
FOREMOST = ("accuracy", "mean_absolute_error", "r2", "exact_match", "token_accuracy", "mean_iou")
#: How often rows are resampled: for a mean over rows, and for figures that are computed anew.
RESAMPLES, RESAMPLES_ANEW = 1000, 50
#: What lies between the bounds of an interval.
LEVEL = (0.025, 0.975)
#: The same in standard deviations.
DEVIATIONS = 1.959964


class Judged(NamedTuple):
    """Predictions beside the labels that they are judged by.

    Args:
        target: the `mmzoo.targets.Target` of the answer.
        labels: `(rows, ...)`, what `check_y` returned.
        prediction: array `(rows, ...)`, or a structure of such.
    """

    target: Any
    labels: np.ndarray
    prediction: Any


class ResampledFigure:
    """A figure of several predictions of the same rows, and how sure it is, by the bootstrap.

    The rows are resampled once for all predictions, so the interval of a difference is paired: what
    makes rows hard for both is no part of it. Figures that are means over rows are resampled as
    such; others, such as `"f1.macro"`, are computed anew from every sample, which takes longer.

    Args:
        judged: list of `Judged`, each of the same rows.
        weights: `(rows,)` sample weights, or `None`.
        figure: name of the figure, such as `"log_loss"` or `"f1.macro"`; `None`: the foremost.
        resamples: how often rows are resampled; `None`: 1,000 times, and where the figure is
            computed anew 50 times; 0: no intervals.
        seed: of the resampling.

    Raises:
        ValueError: for a figure that there is not.

    Example:

    >>> from mmzoo.targets import OneClass
    >>> labels, right = np.array([0, 1] * 8), np.eye(2)[[0, 1] * 8]
    >>> target = OneClass(["a", "b"])
    >>> judged = [Judged(target, labels, each) for each in (right, right[::-1])]
    >>> figure = ResampledFigure(judged)
    >>> figure.name, figure.values, figure.difference(1, 0)
    ('accuracy', [1.0, 0.0], (-1.0, (-1.0, -1.0)))
    """

    def __init__(self, judged, weights=None, figure=None, resamples=None, seed=0):
        self.judged, self.weights = judged, weights
        self.resamples, self.seed = resamples, seed
        self.rows = len(judged[0].labels)
        by_row = judged[0].target.figures_by_row(judged[0].labels, judged[0].prediction)
        if figure is None and by_row:
            figure = next(iter(by_row))
        every = np.arange(self.rows)
        if figure not in by_row:
            figure = figure_by_name(self._figures(judged[0], every), figure, FOREMOST)
        self.name, self.lower_is_better = figure, lower_is_better(figure)
        self.is_mean = figure in by_row
        self._by_row = self._amounts_and_counts() if self.is_mean else None
        self._like_first = [
            _equal(each[1:], judged[0][1:]) and each.target is judged[0].target for each in judged
        ]
        self.values = self._values(every)
        self._draws = self._resampled(every)

    def _figures(self, judged, rows):
        """Dict of all figures that are numbers, of some rows."""
        weights = None if self.weights is None else self.weights[rows]
        labels, prediction = keras.tree.map_structure(lambda x: x[rows], judged[1:])
        return numbers_of(judged.target.figures(labels, prediction, weights))

    def _amounts_and_counts(self):
        """`(rows, 2, predictions)`: weighted amounts, and weighted counts."""
        weights = np.ones(self.rows) if self.weights is None else self.weights
        found = [
            each.target.figures_by_row(each.labels, each.prediction)[self.name]
            for each in self.judged
        ]
        return weights[:, None, None] * np.transpose(found, (2, 1, 0))

    def _values(self, rows):
        """The figure of some rows, one a prediction; NaN where it is undefined."""
        if self.is_mean:
            return _ratios(self._by_row[rows].sum(axis=0)).tolist()

        def value(judged):
            return self._figures(judged, rows).get(self.name, np.nan)

        first = value(self.judged[0])
        return [
            first if like_first else value(judged)
            for judged, like_first in zip(self.judged, self._like_first, strict=True)
        ]

    def _resampled(self, rows):
        """`(resamples, predictions)`: the figure of rows drawn out of some, with replacement."""
        generator = np.random.default_rng(self.seed)
        resamples = self.resamples
        if resamples is None:
            resamples = RESAMPLES if self.is_mean else RESAMPLES_ANEW
        draws = []
        for _ in range(resamples):
            drawn = generator.integers(len(rows), size=len(rows))
            if self.is_mean:
                times = np.bincount(drawn, minlength=len(rows))
                draws.append(_ratios(np.tensordot(times, self._by_row[rows], 1)))
            else:
                draws.append(self._values(rows[drawn]))
        return np.reshape(draws, (resamples, len(self.judged)))

    def interval(self, place):
        """The bounds of the central 95 % of a prediction's figure; `None` without resampling."""
        return _bounds(self._draws[:, place])

    def difference(self, place, base):
        """How a prediction's figure differs from another's: the difference, and its bounds."""
        bounds = _bounds(self._draws[:, place] - self._draws[:, base])
        return self.values[place] - self.values[base], bounds

    def of_rows(self, rows):
        """The figure of some rows, by the first prediction, and the bounds of its central 95 %.

        Of a share of rows, such as an accuracy, they are Wilson's, which do not shrink to nothing
        where all of a few rows are right.

        Args:
            rows: `(n,)` positions.

        Returns:
            `(value, (low, high))`.

        Reference: Wilson 1927; Brown, Cai and DasGupta 2001.
        """
        value = self._values(rows)[0]
        if self.is_mean and self.weights is None:
            amounts, counts = self._by_row[rows, :, 0].T
            if (counts == 1).all() and np.isin(amounts, (0, 1)).all():
                return value, _wilson(value, len(rows))
        return value, _bounds(self._resampled(rows)[:, 0])


def _equal(one, other):
    """Whether two structures of arrays are the same to the bit."""
    pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    return all(a.dtype != object and np.array_equal(a, b) for a, b in pairs)


def _ratios(sums):
    """Amounts over counts, `(2, predictions)`; NaN where nothing was counted."""
    amounts, counts = sums
    return np.where(counts > 0, amounts / np.where(counts > 0, counts, 1), np.nan)


def _bounds(draws):
    """The bounds of the central 95 % of what was drawn, `None` where nothing was."""
    draws = draws[np.isfinite(draws)]
    return tuple(np.quantile(draws, LEVEL).tolist()) if draws.size else None


def _wilson(share, rows):
    """Wilson's interval of a share of so many rows."""
    square = DEVIATIONS**2 / rows
    centre = share + square / 2
    width = DEVIATIONS * np.sqrt(share * (1 - share) / rows + square / (4 * rows))
    low, high = (centre - width) / (1 + square), (centre + width) / (1 + square)
    return 0.0 if share == 0 else float(low), 1.0 if share == 1 else float(high)

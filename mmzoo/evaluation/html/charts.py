"""Charts as plain numbers that a template draws as SVG, in the colours of the page."""

import dataclasses

import numpy as np

from mmzoo.utils.optional_packages import require

#: Of a chart in units of its SVG; the page scales it.
WIDTH, HEIGHT = 400, 260
TOP, RIGHT, BOTTOM = 12, 14, 44
#: Width of a digit of a tick, in the same unit.
DIGIT = 6.6


@dataclasses.dataclass
class Chart:
    """Two axes, and what is drawn between them.

    Args:
        x: `(low, high)` of the horizontal axis.
        y: of the vertical one.
        x_label: what stands at the horizontal axis.
        y_label: what stands at the vertical one.
        description: what a reader hears who does not see it.
        whole: whether values of the horizontal axis are whole numbers.
    """

    x: tuple
    y: tuple
    x_label: str
    y_label: str
    description: str
    whole: bool = False
    lines: list = dataclasses.field(default_factory=list)
    dots: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        x_ticks, y_ticks = self._ticks(self.x, self.whole), self._ticks(self.y)
        widest = max((len(text) for _, text in y_ticks), default=0)
        self.left = 30 + DIGIT * widest
        self.width, self.height = WIDTH, HEIGHT
        self.right, self.top, self.bottom = WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
        self.x_ticks = [(self.at_x(value), text) for value, text in x_ticks]
        self.y_ticks = [(self.at_y(value), text) for value, text in y_ticks]

    def at_x(self, value):
        """Where a value of the horizontal axis lies."""
        low, high = self.x
        return round(self.left + (value - low) / (high - low) * (self.right - self.left), 1)

    def at_y(self, value):
        """Where a value of the vertical axis lies."""
        low, high = self.y
        return round(self.bottom - (value - low) / (high - low) * (self.bottom - self.top), 1)

    def line(self, xs, ys, kind, dots=False):
        """Adds a line; gaps where a value is not finite.

        Args:
            xs: its values of the horizontal axis.
            ys: of the vertical one.
            kind: class of its style.
            dots: whether each point has a dot.
        """
        parts = [[]]
        for x, y in zip(xs, ys, strict=True):
            if y is not None and np.isfinite(y):
                parts[-1].append((self.at_x(x), self.at_y(y)))
                if dots:
                    self.dot(x, y, kind, f"{x:g}: {y:.4g}")
            elif parts[-1]:
                parts.append([])
        for part in parts:
            if part:
                points = " ".join(f"{x},{y}" for x, y in part)
                self.lines.append({"points": points, "kind": kind})

    def dot(self, x, y, kind, title=None, link=None):
        """Adds a dot.

        Args:
            x: value of the horizontal axis.
            y: of the vertical one.
            kind: class of its style.
            title: what is said of it.
            link: where a click on it goes.
        """
        x, y = self.at_x(x), self.at_y(y)
        self.dots.append({"x": x, "y": y, "kind": kind, "title": title, "link": link})

    def _ticks(self, bounds, whole=False):
        """`(value, text)` of the ticks of an axis."""
        locator = require("matplotlib.ticker", "report").MaxNLocator(5, integer=whole)
        low, high = bounds
        margin = (high - low) * 1e-6
        values = [x for x in locator.tick_values(low, high) if low - margin <= x <= high + margin]
        digits = 0
        while digits < 6 and any(abs(round(x, digits) - x) > 1e-9 * (high - low) for x in values):
            digits += 1
        largest = max(map(abs, values), default=0)
        if largest >= 1e6 or digits == 6:
            return [(x, f"{x:.3g}") for x in values]
        return [(x, f"{x:,.{digits}f}") for x in values]


def span(values, around=0.06):
    """The bounds of an axis for these values, with some room; never empty.

    Example:

    >>> span([1.0, 2.0], around=0.5), span([3.0])
    ((0.5, 2.5), (2.5, 3.5))
    """
    values = np.asarray([value for value in values if value is not None], "float64")
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if low == high:
        half = abs(low) * 0.5 / 3 or 0.5
        return low - half, high + half
    room = around * (high - low)
    return low - room, high + room


def curves(epochs, values):
    """The charts of a training: one a figure, the loss first.

    Args:
        epochs: their numbers.
        values: dict from name to a list, one value an epoch; those of the validation rows begin
            with `val_`.

    Returns:
        List of `(title, Chart)`.
    """
    names = [name for name in values if not name.startswith("val_")]
    names.sort(key=lambda name: (name != "loss", name == "learning_rate"))
    charts = []
    for name in names:
        title = name.replace("_", " ")
        validation = values.get(f"val_{name}", [])
        described = f"{title} by epoch: training {_ends(values[name])}"
        described += f"; validation {_ends(validation)}" if len(validation) else ""
        x = (epochs[0] - 0.5, epochs[-1] + 0.5) if len(epochs) == 1 else (epochs[0], epochs[-1])
        chart = Chart(x, span([*values[name], *validation]), "epoch", title, described, whole=True)
        few = len(epochs) <= 30
        chart.line(epochs, values[name], "training", dots=few)
        if len(validation):
            step = max(1, len(epochs) // len(validation))
            chart.line(epochs[step - 1 :: step][: len(validation)], validation, "validation", few)
        charts.append((title, chart))
    return charts


def _ends(values):
    values = [value for value in values if value is not None] or [np.nan]
    return f"from {values[0]:.4g} to {values[-1]:.4g}"


def reliability_chart(bins, right):
    """How often probabilities are right: a dot a bin, and the diagonal.

    Args:
        bins: `reliability` of a `mmzoo.Report`.
        right: what the share of right ones is called.
    """
    chart = Chart((0, 1), (0, 1), "mean probability", right, f"{right} by mean probability")
    chart.line([0, 1], [0, 1], "ideal")
    for of_bin in bins:
        x, y = of_bin["confidence"], of_bin["right"]
        chart.line([x, x], [x, y], "gap")
    chart.line([b["confidence"] for b in bins], [b["right"] for b in bins], "training")
    for of_bin in bins:
        x, y = of_bin["confidence"], of_bin["right"]
        chart.dot(x, y, "training", f"{of_bin['rows']:g} rows: said {x:.3f}, were {y:.3f}")
    return chart


def scatter(truths, answers, rows, links, most=1500):
    """Numbers that were predicted by those that are right, and the diagonal.

    Args:
        truths: list of floats.
        answers: list of as many.
        rows: positions of their rows.
        links: dict from the position of a row that is shown to where a click on it goes.
        most: how many dots there are; evenly taken, besides those that are shown.
    """
    bounds = span([*truths, *answers])
    chart = Chart(
        bounds, bounds, "label", "prediction", f"{len(truths):,} predictions by their labels"
    )
    chart.line(bounds, bounds, "ideal")
    step = max(1, len(rows) // most)
    drawn = [i for i, row in enumerate(rows) if i % step == 0 or row in links]
    for i in sorted(drawn, key=lambda i: rows[i] in links):
        link = links.get(rows[i])
        title = f"label {truths[i]:.4g}, prediction {answers[i]:.4g}"
        chart.dot(truths[i], answers[i], "shown" if link else "training", link and title, link)
    return chart

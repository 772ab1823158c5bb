"""Figures of a report by name: those that are numbers, and which of them are better when lower."""

import numpy as np

#: Figures that are the better the lower they are.
LOWER_IS_BETTER = (
    "brier_score", "cer", "expected_calibration_error", "hamming_loss", "intervals.mean_width",
    "label_sets.mean_size", "log_loss", "mean_absolute_error", "perplexity",
    "root_mean_squared_error", "rows_left_out", "rows_without_frames", "wer", "words_not_read",
)  # fmt: skip


def numbers_of(figures):
    """The figures that are numbers; those of a dict as `f1.macro`.

    Args:
        figures: what `mmzoo.targets.Target.figures` returned.

    Returns:
        Dict from name to a float.

    Example:

    >>> numbers_of({"task": "binary", "accuracy": 0.5, "f1": {"macro": 0.25}, "roc_auc": None})
    {'accuracy': 0.5, 'f1.macro': 0.25}
    """
    found = {}
    for name, value in figures.items():
        if isinstance(value, dict) and all(map(_is_number, value.values())):
            found |= {f"{name}.{key}": float(x) for key, x in value.items()}
        elif _is_number(value):
            found[name] = float(value)
    return found


def figure_by_name(known, figure, foremost):
    """The name of the figure that is meant.

    Args:
        known: names of all figures.
        figure: one of them, or `None`.
        foremost: names out of which the first that is known is taken where `figure` is `None`.

    Raises:
        ValueError: when there is none; names those that there are.

    Example:

    >>> figure_by_name(["r2", "log_loss"], None, ["accuracy", "r2"])
    'r2'
    """
    names = [figure] if figure is not None else [name for name in foremost if name in known]
    if not names or names[0] not in known:
        raise ValueError(
            f"There is no figure {figure!r}; there are: {', '.join(known)}."
            if figure
            else f"Name the `figure`; there are: {', '.join(known)}."
        )
    return names[0]


def lower_is_better(figure):
    """Whether a figure is the better the lower it is.

    Example:

    >>> [lower_is_better(figure) for figure in ("log_loss", "f1.macro", "intervals.mean_width")]
    [True, False, True]
    """
    return figure in LOWER_IS_BETTER or figure.partition(".")[0] in LOWER_IS_BETTER


def _is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)

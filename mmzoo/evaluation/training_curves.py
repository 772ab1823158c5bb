"""A picture of how the training went."""

import math

import keras
import numpy as np

from mmzoo.evaluation.pictures import BLUE, FAINT, GRID, INK, ORANGE, new_figure, save_figure

#: Up to so many epochs, each has a dot.
MOST_EPOCHS_WITH_DOTS = 30


def plot_training_curves(history, path=None, validation_freq=1):
    """Draws loss and metrics by epoch: of the training rows, and of the validation rows.

    A dotted line marks the epoch with the lowest validation loss. Keras measures a training value
    during the epoch, dropout and all, and a validation value at its end, so the validation curve
    may be the better one.

    Args:
        history: what `model.fit` returned, or its dict from name to one value an epoch.
        path: where to save the picture (`.png`, `.svg`, `.pdf`), or `None`.
        validation_freq: as given to `model.fit`: validation every so many epochs, or a list of
            epochs, counted from 1.

    Returns:
        The `matplotlib.figure.Figure`.

    Raises:
        TypeError: when `history` is neither a `keras.callbacks.History` nor a dict.
        ValueError: when it is empty, or its values do not fit the number of epochs.
        ImportError: when Matplotlib is missing: `pip install "mmzoo[report]"`.

    Example:

    >>> figure = plot_training_curves({"loss": [2.0, 1.0], "val_loss": [2.1, 1.4]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss']
    """
    epochs, curves = epochs_and_curves(history)
    validated = _validated_epochs(epochs, validation_freq)
    for name, values in curves.items():
        expected = validated if name.startswith("val_") else epochs
        if len(values) != len(expected):
            raise ValueError(
                f"The history has {len(values)} values of {name!r}, expected {len(expected)} for "
                f"{len(epochs)} epochs and validation_freq={validation_freq!r}. Give the "
                "`validation_freq` that `model.fit` had."
            )
    names = [name for name in curves if not name.startswith("val_")]
    names.sort(key=lambda name: (name != "loss", name == "learning_rate"))  # else as in Keras

    rows = math.ceil(len(names) / 3)
    columns = math.ceil(len(names) / rows)
    figure = new_figure(4.8 * columns, 3.3 * rows + 0.3)
    panels = [figure.add_subplot(rows, columns, index + 1) for index in range(len(names))]
    dots = {"marker": "o", "markersize": 3.5} if len(epochs) <= MOST_EPOCHS_WITH_DOTS else {}
    for axes, name in zip(panels, names, strict=True):
        axes.plot(epochs, curves[name], color=BLUE, label="training", **dots)
        if f"val_{name}" in curves:
            validation = curves[f"val_{name}"]
            axes.plot(validated, validation, color=ORANGE, label="validation", **dots)
        axes.set_xlabel("epoch", color=FAINT)
        axes.set_ylabel(name.replace("_", " "), color=INK)
        axes.grid(axis="y", color=GRID)
        axes.set_axisbelow(True)
        axes.margins(x=0.02)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    _mark_best_epoch(panels, validated, curves.get("val_loss"))

    lines = {}  # label -> line, each label once for the whole figure
    for axes in panels:
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(label, line)
    figure.legend(
        lines.values(), lines, loc="outside upper left", ncols=3, frameon=False, fontsize=9
    )
    if path is not None:
        save_figure(figure, path)
    return figure


def epochs_and_curves(history):
    """The numbers of the epochs, from 1, and a dict from name to values."""
    curves = history.history if isinstance(history, keras.callbacks.History) else history
    if not isinstance(curves, dict):
        raise TypeError(
            "`history` must be what `model.fit` returned or its dict; received: "
            f"{type(history).__name__}."
        )
    lengths = [len(values) for name, values in curves.items() if not name.startswith("val_")]
    if not lengths or not max(lengths):
        raise ValueError("The history is empty: there is no epoch to draw.")
    if curves is history:
        return list(range(1, max(lengths) + 1)), curves
    return [epoch + 1 for epoch in history.epoch], curves


def _validated_epochs(epochs, validation_freq):
    """The epochs after which Keras validated."""
    if isinstance(validation_freq, int):
        return [epoch for epoch in epochs if epoch % validation_freq == 0]
    return [epoch for epoch in epochs if epoch in validation_freq]


def _mark_best_epoch(panels, validated, losses):
    """A dotted line through all panels where the validation loss is lowest."""
    if losses is None or not np.isfinite(losses).any():
        return
    best = validated[int(np.nanargmin(losses))]
    label = f"lowest validation loss: epoch {best}"
    for axes in panels:
        axes.axvline(best, color=FAINT, linestyle=":", zorder=1, label=label)

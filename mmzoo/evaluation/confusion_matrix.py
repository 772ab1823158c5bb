"""The picture of a confusion matrix."""

import unicodedata

import numpy as np

from mmzoo.evaluation.pictures import FAINT, INK, name_style, new_figure, written_count
from mmzoo.utils.optional_packages import require

#: A matrix of more classes shows colours only, no counts.
MOST_CLASSES_WITH_COUNTS = 40
#: Longer class names are cut.
LONGEST_NAME = 28
#: Width of a character, as a share of the font size.
CHARACTER_WIDTH = 0.62


def draw_confusion_matrix(counts, class_names, title):
    """Draws counts as cells, coloured by the share of their row.

    The colours rise with the square root of the share, so that rare confusions show. Counts of
    zero are left out. The row of a class that never occurs stays grey.

    Args:
        counts: `(K, K)` array, true class by predicted class.
        class_names: `K` names.
        title: what stands above.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    totals = counts.sum(axis=1, keepdims=True)
    never = totals == 0
    shares = np.ma.masked_array(
        counts / np.where(never, 1, totals), mask=np.broadcast_to(never, counts.shape)
    )
    names = [
        name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        for name in class_names
    ]
    longest = max(map(_width, names))
    cell = np.clip(4 / len(names), 0.38, 1.2)  # inches
    side = cell * len(names)
    name_size = 9 if len(names) <= 15 else 8
    label_size = np.clip(side, 10, 14)

    figure = new_figure(side + 0.08 * longest + 1.6, side + 0.06 * longest + 1.2)
    figure.set_layout_engine("compressed")
    axes = figure.add_subplot(facecolor="#e4e4e4")
    norm = require("matplotlib.colors", extra="report").PowerNorm(gamma=0.5, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap="Blues", norm=norm)
    axes.set_title(title, loc="left", fontsize=label_size + 1, color=INK)
    axes.set_xlabel("predicted class", fontsize=label_size, color=FAINT)
    axes.set_ylabel("true class", fontsize=label_size, color=FAINT)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for edge in np.arange(1, len(names)) - 0.5:
        axes.axhline(edge, color="white", linewidth=1)
        axes.axvline(edge, color="white", linewidth=1)

    style = {"fontsize": name_size, "color": INK, **name_style()}
    axes.set_yticks(range(len(names)), names, **style)
    if longest * name_size * CHARACTER_WIDTH > 0.9 * cell * 72:  # too wide to lie side by side
        style |= {"rotation": 45, "rotation_mode": "anchor", "ha": "right"}
    axes.set_xticks(range(len(names)), names, **style)

    if len(names) <= MOST_CLASSES_WITH_COUNTS:
        texts = {index: written_count(count) for index, count in np.ndenumerate(counts) if count}
        longest_count = max(map(len, texts.values()))
        size = min(name_size, 0.9 * cell * 72 / (longest_count * CHARACTER_WIDTH))
        for (row, column), text in texts.items():
            color = "white" if norm(shares[row, column]) > 0.6 else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)

    bar = figure.colorbar(
        image, ax=axes, shrink=0.6, aspect=25, format="{x:.0%}", ticks=[0, 0.05, 0.2, 0.5, 1]
    )
    bar.ax.tick_params(labelsize=label_size - 1, labelcolor=INK, length=0)
    bar.ax.minorticks_off()
    note = " (grey: it never occurs)" if never.any() else ""
    bar.set_label(f"share of the true class{note}", fontsize=label_size, color=FAINT)
    bar.outline.set_visible(False)
    return figure


def _width(name):
    """Width of a name in characters; a Chinese, Japanese or Korean one takes the room of two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in name)

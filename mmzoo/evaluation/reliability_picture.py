"""The picture of how often probabilities are right."""

from mmzoo.evaluation.pictures import BLUE, FAINT, GRID, INK, new_figure


def draw_reliability(table, title):
    """Draws the share of right answers by their probability: a dot a bin of equal weight.

    A line from each dot to the diagonal shows how far the probabilities of the bin are off.

    Args:
        table: `reliability` of a `mmzoo.Report`.
        title: what stands above.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    confidence, right = ([of_bin[name] for of_bin in table] for name in ("confidence", "right"))
    figure = new_figure(5.0, 5.0)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    axes.vlines(confidence, confidence, right, color=BLUE, alpha=0.35)
    axes.plot(confidence, right, color=BLUE, marker="o", markersize=5)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel("mean probability of a bin of rows", color=FAINT)
    axes.set_ylabel("share of right ones", color=FAINT)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure

"""What modalities contribute to a figure and to predictions: numbers, a table, a picture."""

import dataclasses

import numpy as np

from mmzoo.evaluation.pictures import BLUE, FAINT, INK, ORANGE, name_style, new_figure, save_figure
from mmzoo.evaluation.report_output import as_text, write_json
from mmzoo.utils.optional_packages import require


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class Contributions:
    """What `mmzoo.contributions` found: how a figure, and each prediction, is shared out.

    Shares are Shapley's: what a modality adds to those that are there before it, on average over
    all orders in which they may come. They sum up to `everything - nothing`.

    Args:
        modalities: names, in the order of the arrays; with `within` those of its columns or
            segments, as likewise below.
        rows: number of rows.
        figure: name of the figure; `None` where the rows have no labels. Of it are
        everything: the value with all modalities, likewise
        nothing: with none,
        shares: dict from modality to its share,
        alone: dict from modality to the value with it alone,
        without: dict from modality to the value with all others,
        interactions: dict from a pair to what both together give beyond what each gives alone,
        intervals: dict from modality to the central 95 % of its share over resampled rows; empty
            where none were resampled.
        predictions: `(rows, modalities, outputs)` float: the shares of each output, a probability
            or a value, of each row; `None` for answers that are no such outputs, as texts.
        absence: dict from modality to what stands for its absence: `"absent"`, the state that the
            model was trained with, or `"other rows"`, the values of other rows; with `within`
            `"missing"` or `"empty"`.
        within: name of the modality whose columns or segments these are, while all other modalities
            are always there; `None` for whole modalities.

    Example:

    >>> found = Contributions(
    ...     modalities=["image", "text"], rows=9, figure="accuracy", everything=0.9, nothing=0.5,
    ...     shares={"image": 0.1, "text": 0.3}, alone={"image": 0.6, "text": 0.8},
    ...     without={"image": 0.8, "text": 0.6}, interactions={("image", "text"): 0.0},
    ...     intervals={}, predictions=None, absence={"image": "absent", "text": "other rows"},
    ... )
    >>> found
    <Contributions to accuracy on 9 rows: image=0.1, text=0.3>

    Reference: Shapley 1953; Lundberg and Lee 2017, arXiv 1705.07874.
    """

    modalities: list
    rows: int
    figure: str | None
    everything: float | None
    nothing: float | None
    shares: dict
    alone: dict
    without: dict
    interactions: dict
    intervals: dict
    predictions: np.ndarray | None
    absence: dict
    within: str | None = None

    def to_dict(self):
        """All but `predictions` as plain Python values, fit for JSON; a pair is `"a, b"`."""
        found = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "predictions"
        }
        found["interactions"] = {", ".join(pair): x for pair, x in self.interactions.items()}
        found["intervals"] = {name: [*bounds] for name, bounds in self.intervals.items()}
        return found

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    def __repr__(self):
        shares = ", ".join(f"{name}={share:.4g}" for name, share in self.shares.items())
        to = f" to {self.figure}" if self.figure else ""
        return f"<Contributions{to} on {self.rows} rows: {shares or 'of the predictions alone'}>"

    def _title(self, of):
        within = "" if self.within is None else f" within {self.within}"
        return f"Contributions{within} to {of}, {self.rows:,} rows"

    def __str__(self):
        return as_text(self)

    def __rich__(self):
        table = require("rich.table", extra="report").Table
        title = self._title(self.figure or "predictions")
        table = table(title=title, title_justify="left", title_style="bold", box=None)
        table.add_column("modality" if self.within is None else f"of {self.within}")
        columns = ("share", "95 %", "alone", "all others", "absence")
        for name in columns if self.figure else ("mean |share|", "absence"):
            table.add_column(name, justify="left" if name == "absence" else "right")
        if self.figure is None:
            sizes = np.abs(self.predictions).mean(axis=(0, 2))
            for name, size in zip(self.modalities, sizes, strict=True):
                table.add_row(name, f"{size:.4f}", self.absence[name])
            return table
        for name in self.modalities:
            low, high = self.intervals.get(name, (None, None))
            table.add_row(
                name,
                f"{self.shares[name]:+.4f}",
                "" if low is None else f"{low:+.4f} to {high:+.4f}",
                f"{self.alone[name]:.4f}",
                f"{self.without[name]:.4f}",
                self.absence[name],
            )
        table.add_section()
        table.add_row("nothing", f"{self.nothing:.4f}")
        table.add_row("everything", f"{self.everything:.4f}")
        return table

    def plot(self, path=None):
        """Draws the shares as bars, with their intervals.

        Args:
            path: where to save the picture (`.png`, `.svg`, `.pdf`), or `None`.

        Returns:
            The `matplotlib.figure.Figure`.

        Raises:
            ValueError: where there is no figure, because the rows had no labels.
            ImportError: when Matplotlib is missing: `pip install "mmzoo[report]"`.
        """
        if self.figure is None:
            raise ValueError("Rows without labels have no figure to draw; see `predictions`.")
        figure = new_figure(6.4, 1.6 + 0.42 * len(self.modalities))
        ax = figure.add_subplot()
        names = sorted(self.modalities, key=lambda name: abs(self.shares[name]))
        shares = [self.shares[name] for name in names]
        ax.barh(names, shares, height=0.55, color=[BLUE if x >= 0 else ORANGE for x in shares])
        for place, name in enumerate(names):
            bounds = self.intervals.get(name)
            if bounds is not None:  # with white around it, since it lies on a dark bar
                ax.plot(bounds, [place, place], color="white", linewidth=3.6)
                ax.plot(bounds, [place, place], color=INK, linewidth=1.2)
            end = max(0, self.shares[name], *(bounds or ()))
            ax.annotate(
                f"{self.shares[name]:+.3f}", (end, place), (6, 0), textcoords="offset points",
                va="center", fontsize=9, color=INK,
            )  # fmt: skip
        ax.margins(x=0.12)
        ax.set_title(self._title(self.figure.replace("_", " ")), loc="left", fontsize=11, color=INK)
        ax.axvline(0, color=FAINT, linewidth=0.8)
        for label in ax.get_yticklabels():
            label.set(**name_style())
        ax.set_xlabel(
            f"share; {self.nothing:.3g} with nothing, {self.everything:.3g} with everything",
            color=FAINT,
        )
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        if path is not None:
            save_figure(figure, path)
        return figure

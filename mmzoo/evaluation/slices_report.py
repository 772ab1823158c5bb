"""A figure on slices of the rows: numbers, a table, JSON."""

import dataclasses

from mmzoo.evaluation.figure_text import figure_text
from mmzoo.evaluation.report_output import as_text, new_table, plain, write_json
from mmzoo.utils.optional_packages import require

#: A printed table shows at most so many slices.
MOST_PRINTED = 20


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class SlicesReport:
    """What `mmzoo.slices` found: a figure, slice by slice, the worst first.

    Args:
        figure: name of the figure.
        lower_is_better: whether it is the better the lower it is.
        rows: number of all rows.
        value: the figure on all rows.
        low: the lower bound of its central 95 %, `None` without resampling.
        high: the upper one.
        slices: list of dicts, the worst first: `by`, what rows are told apart by; `slice`, the
            value, or the numbers between which it lies; `rows`; `value` of the figure; `low` and
            `high`, the bounds of its central 95 %.
        left_out: list of such dicts without a value, of slices with fewer rows than
        fewest_rows: the least number of rows.

    Example:

    >>> worst = {"by": "class", "slice": "cat", "rows": 20, "value": 0.5, "low": 0.3, "high": 0.7}
    >>> report = SlicesReport(figure="accuracy", lower_is_better=False, rows=90, value=0.8, low=0.7,
    ...                       high=0.9, slices=[worst], left_out=[], fewest_rows=20)
    >>> report
    <SlicesReport of accuracy on 90 rows: 0.8, at worst 0.5 where class is cat>
    """

    figure: str
    lower_is_better: bool
    rows: int
    value: float
    low: float | None
    high: float | None
    slices: list
    left_out: list
    fewest_rows: int

    def to_dict(self):
        """The report as plain Python values, fit for JSON: `None` for NaN."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def to_dataframe(self):
        """A row a slice.

        Returns:
            `pandas.DataFrame` with the columns `by`, `slice`, `rows`, `value`, `low` and `high`.
        """
        columns = ["by", "slice", "rows", "value", "low", "high"]
        return require("pandas", extra="report").DataFrame(self.slices, columns=columns)

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    def is_worse(self, of_slice):
        """Whether a slice is worse than all rows, and not by chance alone.

        Args:
            of_slice: one of `slices`.

        Returns:
            Whether all of its interval lies on the worse side of the figure on all rows; `None`
            without an interval.
        """
        if of_slice["low"] is None:
            return None
        if self.lower_is_better:
            return of_slice["low"] > self.value
        return of_slice["high"] < self.value

    def __repr__(self):
        found = f"{self.value:.4g}"
        if self.slices:
            worst = self.slices[0]
            found += f", at worst {worst['value']:.4g} where {worst['by']} is {worst['slice']}"
        return f"<SlicesReport of {self.figure} on {self.rows} rows: {found}>"

    def __str__(self):
        return as_text(self)

    def __rich__(self):
        text = require("rich.text", extra="report").Text
        better = "lower" if self.lower_is_better else "higher"
        title = f"Slices: {self.figure.replace('_', ' ')} ({better} is better), the worst first"
        table = new_table(title=title)
        table.add_column("by", overflow="fold")
        table.add_column("slice", overflow="fold")
        for name in ("rows", "value", "95 %"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("")
        everything = {"by": "all rows", "slice": "", "rows": self.rows, "value": self.value,
                      "low": self.low, "high": self.high}  # fmt: skip
        shown = self.slices[:MOST_PRINTED]
        for each in (everything, *shown):
            low, high = each["low"], each["high"]
            table.add_row(
                text(each["by"]),
                text(each["slice"]),
                f"{each['rows']:,}",
                figure_text(plain(each["value"])),
                "" if low is None else f"{low:.4f} to {high:.4f}",
                "*" if each is not everything and self.is_worse(each) else "",
            )
            if each is everything:
                table.add_section()
        return require("rich.console", extra="report").Group(
            table, *(text(note, style="dim") for note in self._notes(len(shown)))
        )

    def _notes(self, shown):
        """What stands below the table."""
        notes = []
        if any(map(self.is_worse, self.slices)):
            notes.append("* worse than all rows by more than the interval")
        if len(self.slices) > shown:
            notes.append(f"{len(self.slices) - shown:,} better slices are not shown.")
        if self.left_out:
            named = ", ".join(f"{each['by']}: {each['slice']}" for each in self.left_out[:5])
            more = ", ..." if len(self.left_out) > 5 else ""
            notes.append(
                f"{len(self.left_out):,} slices with fewer than {self.fewest_rows} rows are left "
                f"out: {named}{more}."
            )
        return notes

"""How a figure changes with what modalities are like: numbers, a table, JSON."""

import dataclasses

from mmzoo.evaluation.figure_text import figure_text
from mmzoo.evaluation.report_output import as_text, new_table, plain, write_json
from mmzoo.utils.optional_packages import require


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class RobustnessReport:
    """What `mmzoo.robustness` found: a figure, condition by condition.

    Args:
        figure: name of the figure.
        lower_is_better: whether it is the better the lower it is.
        rows: number of rows.
        conditions: list of dicts, the first of the rows as they are: `modality`, whose values were
            changed, or `None`; `change`, such as `"absent"`, `"noise"`, `"swapped"`, or `"none"`;
            `strength`, a number or `None`, and `shown`, the same in words; `value` of the figure;
            `difference` from the rows as they are, and `low` and `high`, the bounds of its central
            95 % over resampled rows (`None` where none were); `figures`, dict of all figures.
        notes: list of sentences: what was left out, and why.

    Example:

    >>> clean = {"modality": None, "change": "none", "strength": None, "shown": "", "value": 0.9,
    ...          "difference": 0.0, "low": 0.0, "high": 0.0, "figures": {"accuracy": 0.9}}
    >>> absent = {"modality": "text", "change": "absent", "strength": 1.0, "shown": "100 % of rows",
    ...           "value": 0.5, "difference": -0.4, "low": -0.5, "high": -0.3,
    ...           "figures": {"accuracy": 0.5}}
    >>> report = RobustnessReport(figure="accuracy", lower_is_better=False, rows=40,
    ...                           conditions=[clean, absent], notes=[])
    >>> report
    <RobustnessReport of accuracy on 40 rows: 0.9, at worst 0.5 with text absent (100 % of rows)>
    """

    figure: str
    lower_is_better: bool
    rows: int
    conditions: list
    notes: list

    def to_dict(self):
        """The report as plain Python values, fit for JSON: `None` for NaN."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def to_dataframe(self):
        """A row a condition: all but `figures`, and these in columns of their own names.

        Returns:
            `pandas.DataFrame`.
        """
        pandas = require("pandas", extra="report")
        rows = [{**each, **each["figures"]} for each in self.conditions]
        return pandas.DataFrame(rows).drop(columns="figures")

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    @property
    def clean(self):
        """The figure of the rows as they are."""
        return self.conditions[0]["value"]

    def is_worse(self, condition):
        """Whether a condition is worse than the rows as they are, and not by chance alone.

        Args:
            condition: one of `conditions`.

        Returns:
            Whether all of the interval of the difference lies on the worse side of 0; `None`
            without intervals.
        """
        if condition["low"] is None:
            return None
        return condition["low"] > 0 if self.lower_is_better else condition["high"] < 0

    def __repr__(self):
        pick = max if self.lower_is_better else min
        worst = pick(self.conditions, key=lambda condition: condition["value"])
        with_it = f" ({worst['shown']})" if worst["shown"] else ""
        where = f"with {worst['modality']} {worst['change']}{with_it}"
        found = f"{self.clean:.4g}, at worst {worst['value']:.4g} {where}"
        return f"<RobustnessReport of {self.figure} on {self.rows} rows: {found}>"

    def __str__(self):
        return as_text(self)

    def __rich__(self):
        text = require("rich.text", extra="report").Text
        better = "lower" if self.lower_is_better else "higher"
        title = f"Robustness: {self.figure.replace('_', ' ')} ({better} is better), {self.rows:,} "
        table = new_table(title=f"{title}rows")
        table.add_column("modality", overflow="fold")
        table.add_column("change", no_wrap=True)
        for name in ("value", "difference", "95 %"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("")
        modality = None
        for each in self.conditions:
            low, high = each["low"], each["high"]
            if each["modality"] != modality:
                table.add_section()
            modality = each["modality"]
            clean = modality is None
            table.add_row(
                text(modality or ""),
                "clean" if clean else f"{each['change']} {each['shown']}",
                figure_text(plain(each["value"])),
                "" if clean else f"{each['difference']:+.4f}",
                "" if clean or each["low"] is None else f"{low:+.3f} to {high:+.3f}",
                "*" if self.is_worse(each) else "",
            )
        notes = [text(note, style="dim") for note in self.notes]
        if any(map(self.is_worse, self.conditions)):
            notes.insert(0, text("* worse by more than chance explains", style="dim"))
        return require("rich.console", extra="report").Group(table, *notes)

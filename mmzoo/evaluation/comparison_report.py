"""Several models beside each other: numbers, a table, JSON."""

import dataclasses

from mmzoo.evaluation.figure_text import figure_text
from mmzoo.evaluation.report_output import as_text, new_table, plain, write_json
from mmzoo.utils.optional_packages import require

#: Columns of what models cost: key -> heading.
COSTS = {
    "parameters": "parameters",
    "megabytes": "MB on disk",
    "training_seconds": "seconds to train",
    "row_milliseconds": "ms a row",
    "batch_milliseconds": "ms a batch",
}


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class ComparisonReport:
    """What `mmzoo.compare` found.

    Args:
        base: name of the run that the others are held against.
        answers: dict from the name of an answer (`"head"`, where there is only one) to a dict of
            `figure`; `lower_is_better`; `rows`, their number; and `runs`, a list of dicts: `run`,
            its name; `value` of the figure, and `low` and `high`, the bounds of its central 95 %
            over resampled rows; `difference` from the base, and `difference_low` and
            `difference_high`, likewise; `is_real`, whether the interval of the difference leaves
            out 0; and `figures`, dict of all figures.
        costs: list of dicts: `run`; `parameters`; `row_milliseconds` and `batch_milliseconds`, the
            median time of the model for a row alone and for a batch of `batch_rows`; of runs in
            folders also `megabytes` and `training_seconds`, `None` where they are not known.

    Example:

    >>> runs = [{"run": name, "value": value, "low": None, "high": None, "difference": value - 0.5,
    ...          "difference_low": None, "difference_high": None, "is_real": None, "figures": {}}
    ...         for name, value in (("old", 0.5), ("new", 0.75))]
    >>> answer = {"figure": "accuracy", "lower_is_better": False, "rows": 8, "runs": runs}
    >>> costs = [{"run": name, "parameters": 9, "row_milliseconds": 0.5, "batch_milliseconds": 1.5,
    ...           "batch_rows": 8} for name in ("old", "new")]
    >>> ComparisonReport(base="old", answers={"head": answer}, costs=costs)
    <ComparisonReport of accuracy on 8 rows: old 0.5, new 0.75>
    """

    base: str
    answers: dict
    costs: list

    def to_dict(self):
        """The report as plain Python values, fit for JSON: `None` for NaN."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def to_dataframe(self):
        """A row a run and an answer: the figure, the difference, all figures, and the costs.

        Returns:
            `pandas.DataFrame`.
        """
        costs = {of_run["run"]: of_run for of_run in self.costs}
        rows = []
        for answer, found in self.answers.items():
            for of_run in found["runs"]:
                facts = {name: value for name, value in of_run.items() if name != "figures"}
                more = {**of_run["figures"], **costs.get(of_run["run"], {})}
                rows.append({"answer": answer, "figure": found["figure"], **facts, **more})
        return require("pandas", extra="report").DataFrame(rows)

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    def to_html(self, path, title=None):
        """Writes the report as one HTML file that loads nothing, light or dark as its reader is.

        Args:
            path: a file; its folder is made if needed.
            title: of the page; `None`: it names the runs.

        Raises:
            ImportError: when a package of the extra `report` is missing:
                `pip install "mmzoo[report]"`.
        """
        require("jinja2", extra="report")
        from mmzoo.evaluation.html.bar_tables import comparison_sections
        from mmzoo.evaluation.html.page import write_sections

        names = [each["run"] for each in next(iter(self.answers.values()))["runs"]]
        named = (
            f"{' and '.join(names)} compared" if len(names) < 4 else f"{len(names)} runs compared"
        )
        write_sections(path, title or named, comparison_sections(self))

    def figure_lines(self, answer):
        """What a table says of the figure of each run.

        Args:
            answer: the name of the answer.

        Returns:
            List of `(run, figure, 95 %, difference, 95 %, whether it is real)`, texts.
        """
        lines = []
        for each in self.answers[answer]["runs"]:
            is_base = each["run"] == self.base
            is_real = {None: "", True: "yes", False: "no"}[each["is_real"]]
            lines.append((
                each["run"],
                figure_text(plain(each["value"])),
                _interval(each["low"], each["high"], ".4f"),
                "base" if is_base else f"{each['difference']:+.4f}",
                "" if is_base
                else _interval(each["difference_low"], each["difference_high"], "+.4f"),
                is_real,
            ))  # fmt: skip
        return lines

    def cost_keys(self):
        """The keys of `costs` that are known of a run or more, in the order of the table."""
        return [key for key in COSTS if any(each.get(key) is not None for each in self.costs)]

    def cost_lines(self):
        """What a table says of the costs: headings, and a list of texts a run.

        Returns:
            `(headings, lines)`.
        """
        keys = self.cost_keys()
        lines = []
        for each in self.costs:
            values = [each.get(key) for key in keys]
            shown = ["–" if x is None else f"{x:,}" if isinstance(x, int) else f"{x:,.2f}"
                     for x in values]  # fmt: skip
            lines.append([each["run"], *shown])
        return ["run", *(COSTS[key] for key in keys)], lines

    def notes(self):
        """What stands below the tables, a list of sentences."""
        notes = [
            "Real: the interval of the difference, over resampled rows of which all figures are "
            "computed, leaves out 0."
        ]
        if len(self.costs) > 2:
            notes.append("Of 20 differences that there are not, one seems real by chance.")
        rows = self.costs[0]["batch_rows"]
        notes.append(
            f"Time is that of the model alone, the median of 20 calls; a batch has {rows} rows."
        )
        return notes

    def __repr__(self):
        answer = next(iter(self.answers.values()))
        runs = ", ".join(f"{each['run']} {each['value']:.4g}" for each in answer["runs"])
        return f"<ComparisonReport of {answer['figure']} on {answer['rows']} rows: {runs}>"

    def __str__(self):
        return as_text(self)

    def __rich__(self):
        text = require("rich.text", extra="report").Text
        parts = []
        for answer in self.answers:
            table = new_table(title=self.title(answer))
            table.add_column("run", overflow="fold")
            for name in ("value", "95 %", "difference", "95 %", "real"):
                table.add_column(name, justify="right")
            for run, *cells in self.figure_lines(answer):
                table.add_row(text(run), *cells)
            parts.append(table)
        headings, lines = self.cost_lines()
        table = new_table(title="Cost")
        for number, heading in enumerate(headings):
            table.add_column(heading, justify="right" if number else "left", overflow="fold")
        for run, *cells in lines:
            table.add_row(text(run), *cells)
        notes = [text(note, style="dim") for note in self.notes()]
        return require("rich.console", extra="report").Group(*parts, table, *notes)

    def title(self, answer):
        """The title of the table of an answer."""
        found = self.answers[answer]
        better = "lower" if found["lower_is_better"] else "higher"
        named = "" if answer == "head" else f"{answer}: "
        figure = found["figure"].replace("_", " ")
        return f"{named}{figure} ({better} is better), {found['rows']:,} rows"


def _interval(low, high, form):
    return "" if low is None else f"{low:{form}} to {high:{form}}"

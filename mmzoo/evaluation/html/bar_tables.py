"""Tables with a bar a line: contributions, robustness, slices of rows, runs compared."""

import numpy as np

from mmzoo.evaluation.figure_text import figure_label, figure_text

#: So many slices are listed, the worst ones.
SLICES = 30


def contributions_section(contributions):
    """The shares of each input, as bars.

    Args:
        contributions: dict from the name of an answer to `mmzoo.evaluation.Contributions`.

    Returns:
        List of dicts.
    """
    sections = []
    for answer, found in contributions.items():
        shares = found.shares
        if found.figure is None:
            sizes = np.abs(found.predictions).mean(axis=(0, 2))
            shares = dict(zip(found.modalities, sizes.tolist(), strict=True))
        names = sorted(shares, key=lambda name: -abs(shares[name]))
        bars, zero = _bars([shares[name] for name in names], map(found.intervals.get, names))
        lines = [
            {
                "name": name,
                "share": f"{shares[name]:+.4f}",
                "bar": bar,
                "interval": _between(found.intervals.get(name)),
                "alone": "" if found.figure is None else f"{found.alone[name]:.4f}",
                "without": "" if found.figure is None else f"{found.without[name]:.4f}",
                "absence": found.absence[name],
            }
            for name, bar in zip(names, bars, strict=True)
        ]
        sections.append({
            "answer": None if answer == "head" else answer,
            "player": "input" if found.within is None else f"of {found.within}",
            "figure": found.figure and figure_label(found.figure),
            "rows": f"{found.rows:,}",
            "zero": zero,
            "everything": found.figure and f"{found.everything:.4f}",
            "nothing": found.figure and f"{found.nothing:.4f}",
            "lines": lines,
        })  # fmt: skip
    return sections


def robustness_sections(reports):
    """How good a model still is, condition by condition.

    Args:
        reports: dict from the name of an answer to a `RobustnessReport`.

    Returns:
        List of the section, empty where there is nothing to say.
    """
    tables = []
    for answer, report in reports.items():
        bars, zero = _bars([each["value"] for each in report.conditions])
        lines = []
        for each, bar in zip(report.conditions, bars, strict=True):
            clean = each["modality"] is None
            change = f"{each['change']} {each['shown']}".strip()
            bounds = None if clean or each["low"] is None else (each["low"], each["high"])
            difference = "" if clean else f"{each['difference']:+.4f}"
            cells = [each["modality"] or "the rows as they are", "" if clean else change]
            said = [difference, _between(bounds) or ""]
            lines.append(_line(cells, each["value"], bar, said, report.is_worse(each)))
        headings = ["input", "change", figure_label(report.figure), "", "difference", "95 %"]
        tables.append(_table(answer, report, headings, lines, zero, report.notes))
    says = "The same rows, with one input changed. Worse: by more than chance explains."
    return _section("robustness", "Robustness", says, tables)


def slices_sections(reports):
    """Which rows are answered worst.

    Args:
        reports: dict from the name of an answer to a `SlicesReport`.

    Returns:
        As `robustness_sections`.
    """
    tables = []
    for answer, report in reports.items():
        everything = {"by": "all rows", "slice": "", "rows": report.rows, "value": report.value,
                      "low": report.low, "high": report.high}  # fmt: skip
        shown = [everything, *report.slices[:SLICES]]
        bounds = [None if each["low"] is None else (each["low"], each["high"]) for each in shown]
        bars, zero = _bars([each["value"] for each in shown], bounds)
        lines = [
            _line([each["by"], each["slice"]], each["value"], bar,
                  [f"{each['rows']:,}", _between(of_each, sign="") or ""],
                  each is not everything and report.is_worse(each))
            for each, bar, of_each in zip(shown, bars, bounds, strict=True)
        ]  # fmt: skip
        notes = []
        if len(report.slices) > SLICES:
            notes.append(f"{len(report.slices) - SLICES:,} better slices are not shown.")
        if report.left_out:
            notes.append(
                f"{len(report.left_out):,} slices with fewer than {report.fewest_rows} rows are "
                "left out."
            )
        headings = ["by", "slice", figure_label(report.figure), "", "rows", "95 %"]
        tables.append(_table(answer, report, headings, lines, zero, notes))
    says = "The worst first. Worse: all of the interval is worse than the figure of all rows."
    return _section("slices", "Slices", says, tables)


def comparison_sections(report):
    """How good several runs are, and what they cost.

    Args:
        report: a `ComparisonReport`.

    Returns:
        List of sections.
    """
    tables = []
    for answer, found in report.answers.items():
        runs = found["runs"]
        bounds = [None if each["low"] is None else (each["low"], each["high"]) for each in runs]
        bars, zero = _bars([each["value"] for each in runs], bounds)
        lines = []
        for each, bar, (run, value, *said) in zip(
            runs, bars, report.figure_lines(answer), strict=True
        ):
            is_lower = each["difference"] < 0
            worse = each["is_real"] and is_lower != found["lower_is_better"]
            lines.append({"cells": [run], "value": value, "bar": bar, "said": said, "worse": worse})
        figure = found["figure"].replace("_", " ")
        headings = ["run", figure, "", "95 %", "difference", "95 %", "real"]
        better = "lower" if found["lower_is_better"] else "higher"
        tables.append({
            "answer": None if answer == "head" else answer,
            "better": f"{better} is better; {found['rows']:,} rows",
            "headings": headings, "lines": lines, "zero": zero, "notes": [],
        })  # fmt: skip
    costs = []
    headings, lines = report.cost_lines()
    for place, (key, heading) in enumerate(zip(report.cost_keys(), headings[1:], strict=True), 1):
        bars, zero = _bars([each.get(key) for each in report.costs])
        costs.append({
            "answer": None, "better": None, "headings": ["run", heading, ""],
            "lines": [
                {"cells": [line[0]], "value": line[place], "bar": bar, "said": [], "worse": False}
                for line, bar in zip(lines, bars, strict=True)
            ],
            "zero": zero, "notes": [],
        })  # fmt: skip
    *of_figures, of_costs = report.notes()
    says = f"{' '.join(of_figures)} Worse: really so. The thin line of a bar spans 95 %."
    return [
        *_section("figures", "Figures", says, tables),
        *_section("cost", "Cost", of_costs, costs),
    ]


def _section(name, title, says, tables):
    return [{"id": name, "title": title, "says": says, "tables": tables}] if tables else []


def _table(answer, report, headings, lines, zero, notes):
    better = "lower" if report.lower_is_better else "higher"
    return {
        "answer": None if answer == "head" else answer,
        "better": f"{better} is better; {report.rows:,} rows",
        "headings": headings,
        "lines": lines,
        "zero": zero,
        "notes": list(notes),
    }


def _line(cells, value, bar, said, worse):
    return {"cells": [str(cell) for cell in cells], "value": figure_text(_plain(value)),
            "bar": bar, "said": said, "worse": bool(worse)}  # fmt: skip


def _plain(value):
    return None if value is None or not np.isfinite(value) else float(value)


def _between(bounds, sign="+"):
    return bounds and f"{bounds[0]:{sign}.4f} to {bounds[1]:{sign}.4f}"


def _bars(values, intervals=None):
    """Where bars lie between the smallest and the largest number, in shares of the width.

    Args:
        values: list of numbers; `None` or NaN: no bar.
        intervals: as many `(low, high)` or `None`.

    Returns:
        `(bars, zero)`: list of dicts, and where 0 lies.
    """
    values = [_plain(value) for value in values]
    intervals = [None] * len(values) if intervals is None else list(intervals)
    bounds = [x for pair in intervals if pair for x in pair]
    ends = [0.0, *bounds, *(value for value in values if value is not None)]
    low, high = min(ends), max(ends)
    room = (high - low) or 1.0

    def at(value):
        return round((value - low) / room, 4)

    bars = []
    for value, pair in zip(values, intervals, strict=True):
        known = value or 0.0
        bars.append({
            "from": at(min(known, 0)),
            "width": round(abs(known) / room, 4),
            "negative": known < 0,
            "interval": [at(pair[0]), round((pair[1] - pair[0]) / room, 4)] if pair else None,
        })  # fmt: skip
    return bars, at(0.0)

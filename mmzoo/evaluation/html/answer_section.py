"""What a page says of one answer: its figures, classes, confusions, thresholds, calibration."""

import numpy as np

from mmzoo.evaluation.figure_text import figure_text
from mmzoo.evaluation.html import charts
from mmzoo.evaluation.html.live_thresholds import live_thresholds
from mmzoo.evaluation.pictures import written_count

#: A confusion matrix, a table of classes, and any other table show so many lines at most.
MATRIX, CLASSES, LINES = 40, 100, 30
#: How many confusions are listed.
CONFUSIONS = 10
#: How many outputs have a picture of their predictions.
OUTPUTS = 6
#: Columns of the table of classes: attribute -> heading.
OF_CLASSES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
}


def answer_section(name, report, judged=None, links=None):
    """What the template needs of one answer.

    Args:
        name: of the answer; `"head"`, where there is only one.
        report: its `mmzoo.Report`.
        judged: its `JudgedAnswer`, or `None`.
        links: dict from the position of a row that is shown to where a click on it goes.

    Returns:
        Dict.
    """
    key = f"{name}:"
    known = _keys(judged, key)
    section = {
        "name": name,
        "title": None if name == "head" else name,
        "task": report.task,
        "rows": report.rows,
        "tiles": report.summary(),
        "classes": _classes(report, key, known),
        "left_out": report.classes_left_out,
        "matrix": _matrix(report, key, known),
        "confusions": _confusions(report, key, known),
        "tables": _tables(report, judged),
        "reliability": _reliability(report),
        "scatters": _scatters(judged, links or {}),
        "thresholds": None,
    }
    if judged is not None and judged.said_at is not None:
        chosen = (report.at_thresholds or {}).get("thresholds")
        exclusive = report.task == "multiclass"
        if exclusive:
            chosen = (report.selective or {}).get("threshold", 0.0)
        section["thresholds"] = live_thresholds(judged.said_at, exclusive, chosen)
    return section


def _keys(judged, prefix):
    """The keys of all rows, with the name of the answer in front."""
    return {prefix + key for row in (judged.rows if judged else ()) for key in row.keys}


def _classes(report, key, known):
    """The table of classes: headings and lines."""
    of_class = report.per_class
    if not of_class:
        return None
    columns = [name for name in OF_CLASSES
               if any(each[name] is not None for each in of_class.values())]  # fmt: skip
    shown = {*sorted(of_class, key=lambda name: -of_class[name]["support"])[:CLASSES]}
    several = report.confusion_matrix is not None and np.ndim(report.confusion_matrix) == 3
    lines = []
    for index, (name, figures) in enumerate(of_class.items()):
        if name not in shown:
            continue
        cells = [figure_text(figures[column]) for column in columns]
        support = written_count(figures["support"])
        line = {"name": name, "cells": cells, "support": support, "filters": []}
        if several:
            (_, wrong), (missed, _) = np.asarray(report.confusion_matrix[index])
            line["filters"] = [
                _filter(f"{key}missed {index}", written_count(missed),
                        f"{name}: not said though right", known),
                _filter(f"{key}wrong {index}", written_count(wrong),
                        f"{name}: said though wrong", known),
            ]  # fmt: skip
        lines.append(line)
    averages = []
    for average in ("micro", "macro", "weighted"):
        values = [getattr(report, column) for column in columns]
        cells = [figure_text(each[average]) if isinstance(each, dict) else ""
                 for each in values]  # fmt: skip
        averages.append({"name": f"{average} average", "cells": cells})
    return {
        "headings": [OF_CLASSES[column] for column in columns],
        "several": several,
        "lines": lines,
        "averages": averages if report.precision else [],
        "hidden": len(of_class) - len(lines),
    }


def _square(report):
    """The confusion matrix of one class a row as an array; `None` where there is none."""
    matrix = report.confusion_matrix
    return np.asarray(matrix) if matrix is not None and np.ndim(matrix) == 2 else None


def _matrix(report, key, known):
    """The confusion matrix; of many classes those that are confused most."""
    matrix = _square(report)
    if matrix is None:
        return None
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    shown = np.sort(np.argsort(-wrong, kind="stable")[:MATRIX])
    totals = matrix.sum(axis=1)
    names = [str(name) for name in report.class_names]
    lines = [
        {
            "name": names[row],
            "total": written_count(totals[row]),
            "cells": [_cell(matrix, totals, names, row, column, key, known) for column in shown],
        }
        for row in shown
    ]
    return {
        "names": [names[column] for column in shown],
        "lines": lines,
        "hidden": len(names) - len(shown),
    }


def _cell(matrix, totals, names, row, column, key, known):
    count = matrix[row, column]
    says = f"{names[row]}, right" if row == column else f"{names[row]}, taken for {names[column]}"
    return {
        **_filter(f"{key}{row}>{column}", written_count(count) if count else "", says, known),
        "share": round(float(np.sqrt(count / totals[row])), 3) if totals[row] else 0,
        "right": row == column,
    }


def _filter(key, count, says, known):
    """What a number needs that is pressed to see its rows; `can`: whether there are any."""
    return {"key": key, "count": count, "says": says, "can": key in known}


def _confusions(report, key, known):
    """The most frequent confusions of classes."""
    matrix = _square(report)
    if matrix is None:
        return []
    wrong = matrix - np.diag(np.diag(matrix))
    totals, names = matrix.sum(axis=1), [str(name) for name in report.class_names]
    most = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    places = [np.unravel_index(at, wrong.shape) for at in most]
    return [
        {**_cell(matrix, totals, names, row, column, key, known), "truth": names[row],
         "answer": names[column], "of": written_count(totals[row])}
        for row, column in places
        if wrong[row, column]
    ]  # fmt: skip


def _tables(report, judged):
    """`(title, headings, lines)` of the figures that are lists or dicts."""
    tables = []
    for name, value in report.figures.items():
        title = name.replace("_", " ")
        if name == "worst" and judged is not None:
            continue  # the rows themselves are shown
        if isinstance(value, dict) and value:
            if all(isinstance(each, dict) for each in value.values()):
                headings = list(next(iter(value.values())))
                lines = [[key, *map(_plain, each.values())] for key, each in value.items()]
                tables.append((title, ["", *headings], lines[:LINES]))
            else:
                lines = [[key, _plain(each)] for key, each in value.items()]
                tables.append((title, ["", "value"], lines[:LINES]))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            headings = list(value[0])
            lines = [[_plain(each.get(column)) for column in headings] for each in value]
            tables.append((title, headings, lines[:LINES]))
    if report.at_thresholds:
        title = "With the thresholds chosen"
        tables.append((title, ["figure", "value"], report.threshold_summary()))
    tables += [(title, ["figure", "value"], lines) for title, lines in report.doubt_summary()]
    return tables


def _plain(value):
    known = value is None or isinstance(value, (int, float, str))
    return figure_text(value) if known else str(value)


def _reliability(report):
    if not report.reliability:
        return None
    right = "share of right ones"
    if report.task != "multiclass":
        right = f"share of {report.class_names[1]}" if report.task == "binary" else "share of yes"
    lines = [
        [f"{b['from']:.3f} to {b['to']:.3f}", f"{b['confidence']:.3f}", f"{b['right']:.3f}",
         written_count(b["rows"])]
        for b in report.reliability
    ]  # fmt: skip
    return {
        "chart": charts.reliability_chart(report.reliability, right),
        "table": (["probability", "mean", right, "rows"], lines),
        "error": report.expected_calibration_error,
    }


def _scatters(judged, links):
    """`(title, Chart)` an output that is a number."""
    rows = [] if judged is None else judged.rows
    pairs = [(at, row.numbers) for at, row in enumerate(rows) if row.numbers is not None]
    if not pairs:
        return []
    outputs = len(pairs[0][1][0])
    found = []
    for output in range(min(outputs, OUTPUTS)):
        truths, answers = ([numbers[side][output] for _, numbers in pairs] for side in (0, 1))
        chart = charts.scatter(truths, answers, [at for at, _ in pairs], links)
        found.append((f"output {output}" if outputs > 1 else "", chart))
    return found

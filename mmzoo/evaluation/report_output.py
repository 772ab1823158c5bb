"""What all reports have in common: tables, text, and JSON of plain values."""

import io
import json
import pathlib

import numpy as np

from mmzoo.utils.optional_packages import require


def write_json(content, path):
    """Writes plain Python values as JSON; the folder of the file is made if needed."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def as_text(report):
    """What rich prints of a report, as a string."""
    text = io.StringIO()
    require("rich.console", extra="report").Console(file=text, width=100).print(report)
    return text.getvalue().rstrip("\n")


def print_reports(reports):
    """Prints reports, each below its name; that of an only answer is `"head"`, which is none.

    Args:
        reports: dict from the name of an answer to its report.
    """
    console = require("rich.console", extra="report").Console()
    for name, report in reports.items():
        if name != "head":
            console.print(f"{name}:", style="bold", markup=False)
        console.print(report)


def new_table(title=None):
    """An empty table in the report's style."""
    text = require("rich.text", extra="report").Text  # a name in brackets is no markup
    return require("rich.table", extra="report").Table(
        title=None if title is None else text(title),
        title_justify="left",
        title_style="bold",
        box=require("rich.box", extra="report").SIMPLE_HEAD,
        pad_edge=False,
    )


def plain(value):
    """Plain Python values in place of NumPy's, and `None` in place of NaN and infinity."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

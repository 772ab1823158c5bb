"""The reports of several answers."""

import io
import json
import pathlib

from mmzoo.utils.optional_packages import require


class Reports(dict):
    """Dict from the name of an answer to its `Report`.

    Example:

    >>> from mmzoo.evaluation import Report
    >>> Reports(price=Report(task="regression", rows=10, r2=0.5))
    {'price': <Report of regression on 10 rows: r2=0.5>}
    """

    def to_dict(self):
        """The reports as plain Python values, fit for JSON."""
        return {name: report.to_dict() for name, report in self.items()}

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    def __str__(self):
        text = io.StringIO()
        require("rich.console", extra="report").Console(file=text, width=100).print(self)
        return text.getvalue().rstrip("\n")

    def __rich__(self):
        group = require("rich.console", extra="report").Group
        text = require("rich.text", extra="report").Text
        parts = []
        for name, report in self.items():
            parts += [text(f"{name}:", style="bold"), report]
        return group(*parts)


def reports_of(report):
    """A report, or several, as a dict by the name of the answer; of an only one it is `"head"`."""
    return report if isinstance(report, Reports) else {"head": report}

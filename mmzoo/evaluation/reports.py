"""The reports of several answers."""

from mmzoo.evaluation.report_output import as_text, write_json
from mmzoo.utils.optional_packages import require


class Reports(dict):
    """Dict from the name of an answer to its `Report`.

    Example:

    >>> from mmzoo.evaluation import Report
    >>> Reports(price=Report(task="regression", rows=10, r2=0.5))
    {'price': <Report of regression on 10 rows: r2=0.5>}
    """

    #: As of a `Report`.
    evaluated = None

    def to_dict(self):
        """The reports as plain Python values, fit for JSON."""
        return {name: report.to_dict() for name, report in self.items()}

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: a file; its folder is made if needed.
        """
        write_json(self.to_dict(), path)

    def to_html(self, path, **about):
        """As `Report.to_html`: one page with a part for each answer."""
        require("jinja2", extra="report")
        from mmzoo.evaluation.html import write_page

        write_page(path, self, evaluated=self.evaluated, **about)

    def __str__(self):
        return as_text(self)

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

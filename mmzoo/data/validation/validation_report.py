"""What reading every value of some records showed."""

import collections
import csv
import dataclasses
import io
import json
from typing import Any, NamedTuple

from mmzoo.data.bad_rows import unreadable_message
from mmzoo.data.pipeline.on_error import may_fail
from mmzoo.utils.atomic_files import atomic_file

#: How many findings a message, or a printed report, lists.
LISTED = 5
#: The kind of a finding about a label.
LABEL = "label"
#: Figures of a column that the report has sentences for; others are listed by their names.
KNOWN_FIGURES = ("values", "absent", "distinct", "bytes", "repeated", "cells", "size", "smallest",
                 "median", "largest", "tokens", "cut", "unknown")  # fmt: skip


class Finding(NamedTuple):
    """Something about one value, or one row.

    Args:
        row: position of the row.
        where: how messages call the row.
        column: modality name; for a label the column it is in; empty where it is about the whole
            row.
        value: the path, where the value is one.
        severity: `"error"`: training stops there, unless `on_error` says otherwise; `"warning"`:
            it can be used, but is suspicious.
        kind: `"absent"`, `"invalid"`, `"missing file"`, `"empty"`, `"truncated"`, `"too large"`,
            `"unreadable"`, `"label"` (one that its head can't be taught); or `"tiny"`, `"narrow"`,
            `"one colour"`, `"silent"`, `"not UTF-8"`, `"duplicate"`, `"contradiction"`; or what a
            modality from outside calls its own.
        message: what is wrong.
    """

    row: int
    where: str
    column: str
    value: str
    severity: str
    kind: str
    message: str


@dataclasses.dataclass(repr=False)
class ValidationReport:
    """What `records.validate(inputs)` found; printing it shows it in plain text.

    Args:
        records: the `mmzoo.data.Records`.
        inputs: dict from modality name to the modality they were read for.
        findings: list of `Finding`, in the order of the rows.
        columns: dict from modality name to a dict of figures: `values`, `absent`, `distinct`; for
            files `bytes` and `repeated` (how many `files` are in several rows, in how many `rows`,
            and `examples`); for tables `cells`
            (dict from column to `values`, `blank`, and `smallest`, `mean` and `largest`, or
            `distinct`); for pictures `smallest`, `median` and `largest`, and `size`, what these are
            (height and width in pixels); for texts `tokens` (`mean`, `median`, `longest`, and the
            `histogram`: rows by number of tokens), `cut` (share of the texts longer than the model
            reads) and `unknown` (share of the tokens outside the vocabulary).
        classes: dict from class name to number of rows; `None` where labels are no classes. With
            several answers the name of the answer stands before it, `"category: shoe"`.
        notes: list of strings: what is suspicious about labels or a column as a whole.

    Example:

    >>> import mmzoo
    >>> records = mmzoo.data.from_arrays({"text": ["a cat", "", "a dog"]})
    >>> report = records.validate({"text": mmzoo.Text(length=4, vocabulary_size=10)})
    >>> print(report)
    3 rows, 1 of them can't be used
    text
      2 values, 1 absent, 2 distinct
      tokens: mean 2.0, median 2, longest 2
      cut: 0.0% of the texts, unknown: 0.0% of tokens
      2 ######################################## 2 (100.0%)
    errors: absent: 1
      row 1: text: 'text' has no value, and is not optional.
    >>> len(report.usable_records("skip"))
    2
    """

    records: Any
    inputs: dict
    findings: list
    columns: dict
    classes: dict | None = None
    notes: list = dataclasses.field(default_factory=list)

    @property
    def rows(self):
        """The number of rows."""
        return len(self.records)

    @property
    def errors(self):
        """The findings that training stops at."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def warnings(self):
        """The findings that are suspicious, no more."""
        return [finding for finding in self.findings if finding.severity == "warning"]

    @property
    def ok(self):
        """Whether every value could be read."""
        return not self.errors

    def check(self):
        """Raises an error that names rows and files, unless every value could be read.

        Raises:
            FileNotFoundError: for a path that does not exist.
            ValueError: when a value is absent, invalid, or can't be read.
        """
        if self.ok:
            return
        self.records.check(self.inputs)  # what shows without reading has messages of its own
        raise ValueError(" ".join(f"{message}." for message in self.unreadable_messages()))

    def unreadable_messages(self):
        """A sentence for every modality with values that can't be read, without its full stop.

        And one for every column with labels that can't be used.
        """
        for name in self.inputs:
            rows = [finding.row for finding in self._of_values() if finding.column == name]
            if rows:
                yield self._unreadable_message(name, rows)
        yield from self._label_messages()

    def _of_values(self):
        """The errors of inputs, rather than of labels."""
        return [finding for finding in self.errors if finding.kind != LABEL]

    def _label_messages(self):
        """A sentence for every column with labels that can't be used, without its full stop."""
        bad = [finding for finding in self.errors if finding.kind == LABEL]
        for column in dict.fromkeys(finding.column for finding in bad):
            found = [finding for finding in bad if finding.column == column]
            listed = "; ".join(
                f"{finding.where}: {finding.message.removesuffix('.')}"
                for finding in found[:LISTED]
            )
            more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
            rows = f"{len(found)} of {self.rows} rows"
            yield f"Bad label in {rows}, column {column!r}: {listed}{more}"

    def _unreadable_message(self, name, rows):
        part = self.inputs[name].preprocessing(name)
        return unreadable_message(self.records, name, rows, part)

    def usable_records(self, on_error="raise"):
        """The records that can be trained on.

        Args:
            on_error: as in `Records.to_dataset`. `"raise"`: all of them, or an error; `"skip"`:
                the rows without errors; `"missing"`: all, with the values that can't be read
                absent.

        Returns:
            `Records`.

        Raises:
            ValueError: by `"raise"`, as `check`; by `"skip"`, when nothing is left; by `"missing"`,
                when what can't be read is not optional.
        """
        forgiven = may_fail(on_error, self.inputs)
        if on_error == "raise":
            self.check()
            return self.records
        bad = {(finding.row, finding.column) for finding in self._of_values()}
        for name in self.inputs:
            rows = sorted(row for row, column in bad if column == name)
            if rows and name not in forgiven:
                raise ValueError(
                    f"{self._unreadable_message(name, rows)}. It is not optional, so it "
                    "can't be taken as absent."
                )
        if on_error == "missing":
            for message in self._label_messages():
                raise ValueError(f"{message}. A label can't be taken as absent.")
            return self.records.without_values(bad)
        rows = {finding.row for finding in self.errors}
        good = [row for row in range(self.rows) if row not in rows]
        if not good:
            raise ValueError(
                f"All {self.rows} rows have values that can't be used. {self._reasons()}"
            )
        return self.records.take(good)

    def _reasons(self):
        """How many errors of which kind each column has, with an example."""
        examples, counts = {}, collections.Counter()
        for finding in self.errors:
            key = finding.column, finding.kind
            counts[key] += 1
            examples.setdefault(key, finding)
        return " ".join(
            f"{column}: {kind} in {count} rows, such as {examples[column, kind].where}: "
            f"{_about(examples[column, kind])}"
            for (column, kind), count in counts.most_common(LISTED)
        )

    def to_dict(self):
        """The counts as plain Python values, fit for JSON."""
        return {
            "rows": self.rows,
            "bad_rows": len({finding.row for finding in self.errors}),
            "errors": _counts(self.errors),
            "warnings": _counts(self.warnings),
            "columns": self.columns,
            "classes": self.classes,
            "notes": self.notes,
        }

    def save(self, path):
        """Writes `to_dict()` as JSON.

        Args:
            path: file to make or replace.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
        with atomic_file(path) as file:
            file.write(f"{text}\n".encode(errors="backslashreplace"))

    def save_findings(self, path):
        """Writes the findings as CSV, a line each.

        Args:
            path: file to make or replace.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(Finding._fields)
        writer.writerows(self.findings)
        with atomic_file(path) as file:
            file.write(text.getvalue().encode(errors="backslashreplace"))

    def __repr__(self):
        return (
            f"<ValidationReport: {self.rows} rows, {len(self.errors)} errors, "
            f"{len(self.warnings)} warnings>"
        )

    def __str__(self):
        lines = [f"{self.rows:,} rows, {len({f.row for f in self.errors}):,} of them can't be used"]
        for name, figures in self.columns.items():
            lines += [name, *(f"  {line}" for line in _described(figures))]
        if self.classes:
            lines += ["classes", *(f"  {line}" for line in _bars(self.classes, self.rows))]
        for title, findings in (("errors", self.errors), ("warnings", self.warnings)):
            for kind, count in sorted(_counts(findings).items()):
                lines.append(f"{title}: {kind}: {count:,}")
                shown = [finding for finding in findings if finding.kind == kind][:LISTED]
                lines += [f"  {finding.where}: {_about(finding)}" for finding in shown]
                if count > LISTED:
                    lines.append(f"  and {count - LISTED:,} more")
        if self.notes:
            lines += ["notes", *(f"  {note}" for note in self.notes)]
        return "\n".join(lines)


def _counts(findings):
    """Dict from kind to number of findings."""
    counts = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return counts


def _about(finding):
    about = f"{finding.column}: " if finding.column else ""
    return f"{about}{f'{finding.value}: ' if finding.value else ''}{finding.message}"


def _described(figures):
    """Lines about one column."""
    yield (
        f"{figures['values']:,} values, {figures['absent']:,} absent, "
        f"{figures['distinct']:,} distinct"
    )
    if "bytes" in figures:
        yield f"{figures['bytes'] / 1e6:,.1f} MB in files"
    repeated = figures.get("repeated", {"files": 0})
    if repeated["files"]:
        yield f"files in several rows: {repeated['files']:,}, in {repeated['rows']:,} rows, such as"
        yield from (f"  {', '.join(rows)}" for rows in repeated["examples"])
    for column, cells in figures.get("cells", {}).items():
        range_ = "".join(
            f", {key} {cells[key]:,g}"
            for key in ("smallest", "mean", "largest", "distinct")
            if key in cells
        )
        yield f"{column}: {cells['values']:,} values, {cells['blank']:,} blank{range_}"
    if "median" in figures:
        sizes = (f"{key} {' x '.join(map(str, figures[key]))}" for key in
                 ("smallest", "median", "largest"))  # fmt: skip
        yield f"{figures['size']}: {', '.join(sizes)}"
    if "tokens" in figures:
        tokens = figures["tokens"]
        yield (
            f"tokens: mean {tokens['mean']:.1f}, median {tokens['median']:g}, "
            f"longest {tokens['longest']:,}"
        )
        yield f"cut: {figures['cut']:.1%} of the texts, unknown: {figures['unknown']:.1%} of tokens"
        yield from _bars(tokens["histogram"], sum(tokens["histogram"].values()))
    yield from (f"{name}: {value}" for name, value in figures.items() if name not in KNOWN_FIGURES)


def _bars(counts, total):
    """A line for each count, with a bar."""
    width = max(len(name) for name in counts)
    for name, count in counts.items():
        share = count / max(total, 1)
        yield f"{name:>{width}} {'#' * round(40 * share):40} {count:,} ({share:.1%})"

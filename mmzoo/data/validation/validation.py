"""validate(): reads every value as training would, and says what it found."""

import collections
import contextlib
import hashlib
import itertools
import math

import numpy as np

from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.data.problems import raw_problems
from mmzoo.data.validation.label_check import LabelCheck
from mmzoo.data.validation.validation_report import LABEL, LISTED, Finding, ValidationReport
from mmzoo.raw.paths import open_bytes, resolve_path
from mmzoo.targets.labels import class_counts, label_notes
from mmzoo.utils.progress import track

#: Values that are read at once.
BATCH = 16


def validate(records, inputs, preprocessor=None, verbose=False, head=None):
    """Reads every value of some records; see `Records.validate`."""
    from mmzoo.preprocessor import Preprocessor

    parts = dict((preprocessor or Preprocessor(inputs)).preprocessings)
    with_heads = None if head is None else Preprocessor(inputs, head)
    if with_heads is not None:
        with_heads.check_answers(records)
        for target in with_heads.targets.values():
            if target.picture is not None:  # which then says how large pictures are
                parts[target.picture] = with_heads.preprocessings[target.picture]
    columns, findings, notes = {}, [], []
    for name, modality in inputs.items():
        column = _Column(name, modality, parts[name], records)
        column.find_raw_problems()
        if parts[name].works_on_elements:
            column.read(verbose)
        column.check_together(learn=preprocessor is None)
        columns[name] = column
        findings += column.findings
        notes += parts[name].notes(column.values)
    bad_labels, of_labels, classes = _of_labels(records, with_heads, columns)
    findings += bad_labels
    findings += _duplicate_rows(records, columns.values())
    return ValidationReport(
        records,
        dict(inputs),
        sorted(findings, key=lambda finding: finding.row),
        {name: column.figures for name, column in columns.items()},
        classes,
        [*of_labels, *notes],
    )


def _of_labels(records, preprocessor, columns):
    """`(findings, notes, classes)` of labels; the last: how many rows each class has, or `None`.

    With several answers the name of the answer stands before each.

    Args:
        records: `mmzoo.data.Records`.
        preprocessor: made with the heads, or `None`: labels are what they look like.
        columns: dict from modality name to its `_Column`, which was read.
    """
    findings, notes, classes = [], [], {}
    places = {name: column.places() for name, column in columns.items() if column.placements}
    for answer, column in records.label_columns.items():
        prefix = f"{answer}: " if records.several_answers else ""
        is_classes = column.is_classes
        if preprocessor is None:
            of_answer = label_notes(column.labels, column.class_names)
        else:
            check = LabelCheck(records, preprocessor, answer)
            check.run(places)
            of_answer = check.notes
            is_classes &= hasattr(check.target, "class_names")
            for row, message in check.errors.items():
                where = records.describe(row)
                findings.append(Finding(row, where, check.column_name, "", "error", LABEL, message))
        notes += [f"{prefix}{note}" for note in of_answer]
        if is_classes:
            counts = class_counts(column.labels, column.class_names)
            classes |= {f"{prefix}{name}": count for name, count in counts.items()}
    return findings, notes, classes or None


class _Column:
    """One column under examination.

    Args:
        name: modality name.
        modality: its modality.
        part: its `mmzoo.preprocessing.Preprocessing`.
        records: `mmzoo.data.Records`.
    """

    def __init__(self, name, modality, part, records):
        self.name, self.modality, self.part, self.records = name, modality, part, records
        self.findings = []
        self.values = list(records.column(name))  # without those that can't be used
        self.paths = {}  # of the rows whose values are in files
        for row, value in enumerate(self.values):
            if value is not None and (paths := self._paths(value)):
                self.paths[row] = paths
        self.digests = [None] * len(self.values)  # the same where values are
        self.placements = {}  # of pictures in which an answer is a place, by row
        self._gives_placement = getattr(part, "gives_placement", False)
        self.figures = {
            "values": sum(value is not None for value in self.values),
            "absent": sum(value is None for value in self.values),
        }

    def _paths(self, value):
        """The files of a value; none if it can't be said, which `raw_problems` finds as well."""
        with contextlib.suppress(ValueError, TypeError):
            return [resolve_path(self.records.root, path) for path in self.modality.paths(value)]
        return []

    def find_raw_problems(self):
        """What shows without reading a file, and which values are the same."""
        for problem in raw_problems(self.name, self.modality, self.records):
            self._found(problem.row, "error", problem.kind, str(problem.error))
            self.values[problem.row] = None
        for row, value in enumerate(self.values):
            if value is not None:
                self.digests[row] = _digest(self.paths.get(row, value))
        self.figures["distinct"] = len({*self.digests} - {None})

    def read(self, verbose):
        """Decodes every distinct value, and looks at the files they are in."""
        rows_of = collections.defaultdict(list)  # what is read -> the rows that have it
        for row, digest in enumerate(self.digests):
            if digest is not None:
                rows_of[digest].append(row)
        groups = list(rows_of.values())
        sizes, total_bytes = [], 0
        for group, ok, decoded in self._decoded(groups, verbose):
            encoded = self._bytes(group[0])
            size = None if encoded is None else self.part.size(encoded)
            if ok:
                severity, found = "warning", self._suspicions(encoded, decoded[0])
                self._keep_placement(group, decoded)
            else:
                severity, found = "error", [self._diagnosis(group[0])]
            if encoded is not None:
                total_bytes += len(encoded)
                digest = hashlib.blake2b(encoded, digest_size=16).digest()
                for row in group:
                    self.digests[row] = digest
            sizes += [size] * (size is not None and ok)
            for row, (kind, message) in itertools.product(group, found):
                self._found(row, severity, kind, message)
        self.figures["distinct"] = len({*self.digests} - {None})
        if total_bytes:
            self.figures["bytes"] = total_bytes
            self.figures["repeated"] = self._repeated()
        if sizes:
            sizes.sort(key=math.prod)
            self.figures["size"] = self.part.size_name
            for key, at in (("smallest", 0), ("median", len(sizes) // 2), ("largest", -1)):
                self.figures[key] = list(sizes[at])

    def _repeated(self):
        """How many files are in several rows, in how many, and which of them are in the most."""
        rows_of = collections.defaultdict(list)
        for row, digest in enumerate(self.digests):
            if digest is not None:
                rows_of[digest].append(row)
        several = sorted(
            (rows for rows in rows_of.values() if len(rows) > 1), key=len, reverse=True
        )
        return {
            "files": len(several),
            "rows": sum(map(len, several)),
            "examples": [
                [self.records.describe(row) for row in rows[:LISTED]] for rows in several[:LISTED]
            ],
        }

    def _decoded(self, groups, verbose):
        """Yields `(group, ok, decoded)`: the first value of every group, as training decodes it.

        The last is a list: of a picture its pixels, and its placement where there is one.
        """
        import tensorflow as tf

        from mmzoo.data.pipeline.decoder import decoder

        if not groups:
            return
        values = [self.values[group[0]] for group in groups]
        column, self._read = self.part.column(values, self.records.root)
        self._first = {group[0]: i for i, group in enumerate(groups)}
        self._taken = lambda at: tf.nest.map_structure(lambda part: tf.gather(part, at), column)
        decode_rows = decoder(self.part, column, self._read)
        parts = 2 if self._gives_placement else 1

        def decode(positions):
            decoded, ok = decode_rows(positions)
            return positions, ok, tuple(tf.nest.flatten(decoded)[:parts])

        batches = tf.data.Dataset.range(len(values)).batch(BATCH)
        batches = without_tuner(parallel_map(batches, decode))
        count = int(batches.cardinality())
        batches = batches.as_numpy_iterator()
        if verbose:
            print(f"Reading {self.name}: {len(values):,} distinct values", flush=True)
            batches = track(batches, count, f"Reading {self.name}")
        for positions, ok, decoded in batches:
            for at, position in enumerate(positions):
                yield groups[position], bool(ok[at]), [part[at] for part in decoded]

    def _keep_placement(self, group, decoded):
        """Keeps where pictures lie in what the model sees, where an answer is a place in them."""
        if self._gives_placement:
            pixels, placement = decoded
            self.placements |= dict.fromkeys(group, placement)
            self.decoded_shape = pixels.shape

    def places(self):
        """The shape of a decoded picture, and the placements of all: see `LabelCheck.run`."""
        nothing = np.zeros_like(next(iter(self.placements.values())))
        rows = range(len(self.values))
        return self.decoded_shape, np.stack([self.placements.get(row, nothing) for row in rows])

    def _bytes(self, row):
        """The bytes of an encoded file, the first of several.

        `None` where it can't be opened or the value is none.
        """
        import tensorflow as tf

        if row not in self.paths:
            value = self.values[row]
            return value if isinstance(value, bytes) else None
        try:
            with open_bytes(self.paths[row][0]) as file:
                return file.read()
        except (OSError, tf.errors.OpError):
            return None

    def _diagnosis(self, row):
        """`(kind, message)` of a value that can't be read."""
        kind, message = self.part.explanation(self.values[row], self.records.root)
        if len(self.paths.get(row, [])) > 1:  # which of them
            message += self.part.fault(self.values[row], self.records.root)
        return kind, message

    def _suspicions(self, encoded, decoded):
        """List of `(kind, message)` of a value that was read."""
        if encoded is not None and not encoded:
            return [("empty", "The file has no bytes: taken as absent.")]
        return self.part.suspicions(encoded, decoded)

    def check_together(self, learn):
        """What shows only in all values together."""
        figures, findings = self.part.check_column(self.values, self.records.root, learn)
        self.figures.update(figures)
        for row, kind, message in findings:
            self._found(row, "warning", kind, message)

    def _found(self, row, severity, kind, message):
        where = self.records.describe(row)
        raw = self.records.column(self.name)[row]
        value = ", ".join(map(str, self.modality.paths(raw))) if row in self.paths else ""
        message = message.removeprefix(f"{where}: ")
        self.findings.append(Finding(row, where, self.name, value, severity, kind, message))


def _duplicate_rows(records, columns):
    """Warnings about rows that have the values of an earlier one."""
    first = {}
    for row, digests in enumerate(zip(*(column.digests for column in columns), strict=True)):
        if all(digest is None for digest in digests):
            continue
        same = first.setdefault(digests, row)
        if same == row:
            continue
        where, earlier = records.describe(row), records.describe(same)
        yield Finding(row, where, "", "", "warning", "duplicate", f"The same as {earlier}.")
        for answer, column in records.label_columns.items():
            label, before = column.labels[row], column.labels[same]
            lacks = label is None or before is None or _differ(label, label)  # NaN does
            if lacks or not _differ(label, before):
                continue
            of_answer = "" if answer == "head" else f"{answer}: "
            message = f"{_shown(label)}, but {earlier}, with the same values, is {_shown(before)}."
            yield Finding(row, where, "", "", "warning", "contradiction", f"{of_answer}{message}")


def _differ(label, other):
    """Whether two labels differ; of arrays, such as masks, their shapes do as well."""
    if isinstance(label, np.ndarray) or isinstance(other, np.ndarray):
        return not np.array_equal(label, other)
    return bool(label != other)


def _shown(label):
    """A label as a message shows it: of a long one, such as a mask, how it begins."""
    label = label.tolist() if isinstance(label, (np.ndarray, np.generic)) else label
    return f"{label!r:.100}"


def _digest(value):
    """Something short that is the same for the same value."""
    if isinstance(value, str):
        value = value.encode(errors="surrogatepass")
    elif isinstance(value, np.ndarray):
        value = repr((value.shape, value.dtype.str)).encode() + value.tobytes()
    elif not isinstance(value, bytes):
        value = repr(value).encode(errors="surrogatepass")
    return hashlib.blake2b(value, digest_size=16).digest()

"""infer_columns(): which columns of a file a model can read, and as what."""

import collections
import dataclasses
import os

from mmzoo.data.inference.column_kind import FEWEST_ROWS, cell_text, column_kind
from mmzoo.data.inference.raw_table import MOST_ROWS, raw_table
from mmzoo.data.table_columns import check_columns
from mmzoo.raw.absent import is_absent
from mmzoo.raw.paths import parent_folder

#: A column tells the label if each of its values stands for so many rows in the mean, or more.
ROWS_A_VALUE = 5
#: Numbers that all differ are no classes from this share of the rows on.
NEARLY_UNIQUE = 0.5


@dataclasses.dataclass(frozen=True)
class InferredColumns:
    """What the columns of a file seem to hold.

    Args:
        kinds: list of `ColumnKind`, in the order of the file, without the labels.
        notes: list of sentences about what is suspicious.
        rows: how many rows were looked at.
    """

    kinds: list
    notes: list
    rows: int

    def of(self, kind):
        """The names of the columns of a kind, such as `"text"`."""
        return [found.column for found in self.kinds if found.kind == kind]

    def table(self):
        """List of rows `(column, read as, reason)`, of strings."""
        return [(found.column, found.kind or "left out", found.reason) for found in self.kinds]


def infer_columns(path, label=(), root=None, encoding=None, separator=None):
    """Tells what the columns of a file hold, by their cells.

    Pictures and sounds are told by opening some of the files; a column of numbers is one of whose
    cells each is a number; texts and categories are told apart by how many words they have and how
    often they repeat. Left out are empty and constant columns, identifiers, dates, and vectors of
    several lengths.

    Args:
        path: a CSV, TSV, JSON-lines or Parquet file, as for `mmzoo.data.from_file`. The first
            20,000 rows are looked at.
        label: names of the columns of labels, which are no inputs.
        root: folder that relative paths start from; `None`: the file's own.
        encoding: of the file; `None`: UTF-8.
        separator: what stands between the cells of a CSV file, or `None`.

    Returns:
        An `InferredColumns`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a label that is no column, a file without rows, or of nothing but labels and
            columns that are left out, paths of which no file is there, or a folder.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
    >>> rows = [f"{n}.5,a red shoe number {n} of leather,{'ab'[n % 2]}" for n in range(30)]
    >>> _ = path.write_text("\\n".join(["price,title,kind", *rows]))
    >>> infer_columns(path, ["kind"]).table()[1]
    ('title', 'text', 'texts of 7 words in the mean, 7 at most in 99 %')
    """
    path = os.fspath(path)
    columns = raw_table(path, encoding, separator)
    check_columns(path, label, list(columns))
    root = parent_folder(path) if root is None else root
    kinds = [column_kind(name, cells, root) for name, cells in columns.items() if name not in label]
    rows = len(next(iter(columns.values())))
    if not any(found.kind for found in kinds):
        left = "; ".join(f"{found.column!r}: {found.reason}" for found in kinds)
        raise ValueError(
            f"{path} has no column that a model could read{': ' if left else ' beside the label'}"
            f"{left}. Name one if it should be read after all: --image, --text, --audio, --video, "
            "--numeric, --categorical or --features."
        )
    notes = []
    if rows == MOST_ROWS:
        notes.append(f"The kinds of columns were told by the first {rows:,} rows.")
    for name in label:
        notes += _label_notes(name, columns[name], kinds, columns)
    return InferredColumns(kinds, notes, rows)


def _label_notes(label, cells, kinds, columns):
    """What is suspicious about a label, and about columns that tell it."""
    labels = [cell_text(cell) for cell in cells]
    there = [text for text in labels if text]
    different, notes = len(set(there)), []
    if len(there) < FEWEST_ROWS or different < 2:
        return notes
    shapes = {text.strip().casefold() for text in there}
    if len(shapes) < different:
        twice = collections.defaultdict(set)
        for text in there:
            twice[text.strip().casefold()].add(text)
        first = next(sorted(texts) for texts in twice.values() if len(texts) > 1)
        notes.append(
            f"Labels of {label!r} differ in nothing but case or spaces: "
            f"{', '.join(map(repr, first))} are different classes. Write them in one way."
        )
    told = column_kind(label, there)
    if told.kind == "numeric" and different > NEARLY_UNIQUE * len(there):
        notes.append(
            f"The label {label!r} has {different} different numbers in {len(there)} rows. If it is "
            f"a number to predict: --regression (of several: --regression {label})."
        )
    if told.kind == "text":
        notes.append(
            f"The label {label!r} has {different} different texts in {len(there)} rows. If it is a "
            "text to write: --head words."
        )
    if different > NEARLY_UNIQUE * len(there):
        return notes
    for found in kinds:
        if found.kind in ("numeric", "categorical") and _tells(columns[found.column], labels):
            notes.append(
                f"The column {found.column!r} alone says what the label {label!r} is, in every "
                "row. If it is not known before the label is, leave it out: name the columns to "
                "read."
            )
    return notes


def _tells(cells, labels):
    """Whether each value of a column stands beside one label only."""
    beside = collections.defaultdict(set)
    rows = 0
    for cell, label in zip(cells, labels, strict=True):
        if label and not is_absent(cell):
            beside[cell_text(cell)].add(label)
            rows += 1
    told = all(len(each) == 1 for each in beside.values())
    several = len(set().union(*beside.values())) > 1
    return told and several and rows >= ROWS_A_VALUE * len(beside)

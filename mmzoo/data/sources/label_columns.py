"""Which columns of a source are the labels of which answer."""

import warnings

import numpy as np

from mmzoo.data.bad_rows import listed_rows
from mmzoo.raw.absent import is_absent
from mmzoo.targets.label_column import ONLY, naming_the_column


def label_columns(label):
    """The columns of labels by the name of their answer.

    Args:
        label: name of a column; where there are several answers a dict from the name of an answer
            to that of a column, or a list of columns, whose names the answers then have; or `None`.

    Returns:
        A dict; the name of an only answer is `"head"`.

    Example:

    >>> label_columns("kind"), label_columns(["kind", "price"])
    ({'head': 'kind'}, {'kind': 'kind', 'price': 'price'})
    """
    if label is None:
        return {}
    if isinstance(label, dict):
        return dict(label)
    return {name: name for name in label} if isinstance(label, (list, tuple)) else {ONLY: label}


def label_sources(label, name):
    """What `Records` says of the columns of labels: which they are, and of which source.

    Args:
        label: see `label_columns`.
        name: what messages call the source.

    Returns:
        Dict from the name of an answer to `(column, name)`.

    Example:

    >>> label_sources("kind", "rows.csv")
    {'head': ('kind', 'rows.csv')}
    """
    return {answer: (column, name) for answer, column in label_columns(label).items()}


def read_labels(read, cells, label, regression, label_delimiter, describe, name):
    """The labels in columns of a source, as `mmzoo.data.Records` takes them.

    Args:
        read: `mmzoo.targets.labels.label_values` or `text_label_values`.
        cells: dict from the name of a column to its cells.
        label: see `label_columns`.
        regression: whether they are numbers to predict, see `label_values`; of several answers the
            name, or a list of the names, of those that are, or a dict from name to bool.
        label_delimiter: what stands between several labels of a row; of several answers a dict
            from the name of an answer.
        describe: function from a position to how a message should call that row.
        name: what messages call the source.

    Returns:
        Labels, a dict of them by the name of the answer, or `None`.

    Raises:
        ValueError: for a label that is not of its kind, or an answer that does not exist.
    """
    columns = label_columns(label)
    if not columns:
        return None
    if [*columns] == [ONLY]:
        with naming_the_column((columns[ONLY], name)):
            return read(cells[columns[ONLY]], regression, label_delimiter, describe)
    for argument, option in (("regression", regression), ("label_delimiter", label_delimiter)):
        named = option if isinstance(option, (dict, list, tuple, set)) else ()
        named = [option] if isinstance(option, str) and argument == "regression" else named
        unknown = [answer for answer in named if answer not in columns]
        if unknown:
            raise ValueError(
                f"`{argument}` names {unknown[0]!r}, which is no answer; they are: "
                f"{', '.join(columns)}."
            )
    labels = {}
    for answer, column in columns.items():
        delimiter = label_delimiter
        if isinstance(label_delimiter, dict):
            delimiter = label_delimiter.get(answer)
        kind = _regression_of(regression, answer)
        try:
            with naming_the_column((column, name)):
                labels[answer] = read(cells[column], kind, delimiter, describe)
        except ValueError as error:
            raise ValueError(f"Labels of {answer!r}: {error}") from None
    return labels


def check_missing_labels(missing_labels):
    """Raises a `ValueError` unless it says what happens to rows without a label."""
    if missing_labels not in ("raise", "skip"):
        raise ValueError(
            f"`missing_labels` must be 'raise' or 'skip'; received: {missing_labels!r}."
        )


def labelled_rows(read, cells, label, regression, label_delimiter, describe, name):
    """The rows that have a label which can be used; says which have none.

    Args:
        read: as for `read_labels`.
        cells: likewise.
        label: likewise.
        regression: likewise.
        label_delimiter: likewise.
        describe: likewise.
        name: what messages call the source.

    Returns:
        `(rows, note)`: positions of the rows that have one, of several answers at least one; and
        what is to be said of the others, `None` where there are none.

    Raises:
        ValueError: when no row has a label.
    """
    columns = label_columns(label)
    count = len(next(iter(cells.values()))) if columns else 0
    good = np.zeros(count, bool)
    for answer, column in columns.items():
        kind = regression if [*columns] == [ONLY] else _regression_of(regression, answer)
        delimiter = label_delimiter
        if isinstance(delimiter, dict):
            delimiter = delimiter.get(answer)
        good |= [_is_label(read, cell, kind, delimiter) for cell in cells[column]]
    if count and not good.any():
        columns = ", ".join(map(repr, columns.values()))
        raise ValueError(f"Not one of the {count} rows of {name} has a label in {columns}.")
    bad = np.flatnonzero(~good).tolist()
    if not bad:
        return range(count), None
    said = f"No usable label in {len(bad)} of {count} rows: {listed_rows(describe, bad)}: left out."
    return np.flatnonzero(good).tolist(), said


def _is_label(read, cell, regression, label_delimiter):
    try:
        (value,) = read([cell], regression, label_delimiter)
    except ValueError:
        return False
    if isinstance(value, (float, np.floating)) or (
        isinstance(value, np.ndarray) and value.dtype.kind == "f"
    ):
        return bool(np.isfinite(value).all())
    return isinstance(value, list) or not is_absent(value)


def noted(records, note):
    """The records, which remember which rows were left out for they have no label; warns of it."""
    if note:
        records.left_out = note
        warnings.warn(note, stacklevel=4)
    return records


def _regression_of(regression, answer):
    """Whether one of several answers is a number to predict; `None`: as its labels look."""
    if isinstance(regression, dict):
        return regression.get(answer)
    if isinstance(regression, str):
        return True if regression == answer else None
    if isinstance(regression, (list, tuple, set)):
        return True if answer in regression else None
    return regression

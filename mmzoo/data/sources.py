"""Where records come from: arrays, data frames, CSV files."""

import os
import warnings

from mmzoo.cells import MISSING
from mmzoo.data.records import Records
from mmzoo.optional import require


def from_arrays(columns, labels=None, class_names=None, sample_weight=None, root=None):
    """Records of sequences in memory.

    Args:
        columns: dict from modality name to a sequence of raw values. Pictures: encoded bytes,
            paths, or arrays with values 0-255; videos: lists of pictures, or arrays; sounds: the
            bytes or paths of files, or arrays of samples; texts: strings; tables: dicts from column
            to cell, or one dict of columns, or a DataFrame; features: lists or arrays of numbers.
            `None`, `""`, `b""` and NaN are absent values.
        labels: sequence of strings or integers (classes), floats (targets of a regression), or
            rows of numbers, `(rows, units)`.
        class_names: names of the classes in the order of their indices; `None`: those that occur,
            sorted.
        sample_weight: sequence of floats.
        root: folder that relative paths start from.

    Returns:
        `Records`.

    Raises:
        ValueError: see `Records`; messages count rows from 0.

    Example:

    >>> records = from_arrays({"text": ["a cat", "a dog"]}, labels=["cat", "dog"])
    >>> records.class_names
    ['cat', 'dog']
    """
    return Records(columns, labels, class_names, sample_weight, root)


def from_dataframe(
    table, columns, label=None, class_names=None, sample_weight=None, root=None, name="table"
):
    """Records of the columns of a pandas DataFrame.

    Args:
        table: `pandas.DataFrame`.
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of names, or a dict from its columns to those of the table.
        label: name of the column of labels, or `None`.
        class_names: names of the classes in the order of their indices; `None`: those that occur.
        sample_weight: name of a column of weights, or `None`.
        root: folder that relative paths start from.
        name: how messages should call the table.

    Returns:
        `Records`.

    Raises:
        ValueError: for an unknown column; the message lists those there are. Else see `Records`;
            messages count rows from 0.

    Example:

    >>> import pandas
    >>> table = pandas.DataFrame({"title": ["a cat", "a dog"], "kind": ["cat", "dog"]})
    >>> len(from_dataframe(table, columns={"text": "title"}, label="kind"))
    2
    """
    return _from_table(
        table,
        columns,
        label,
        table[label].tolist() if label in table.columns else None,
        class_names,
        sample_weight,
        root,
        f"{name}, row {{}}".format,
        name,
    )


def from_csv(
    path, columns, label=None, class_names=None, sample_weight=None, root=None, regression=None
):
    """Records of a CSV file with a header line, in UTF-8.

    Args:
        path: the file; `.tsv` is separated by tabs.
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of names, or a dict from its columns to those of the file.
            Cells of a `mmzoo.Features` are lists of numbers, `[0.1, 0.2]`.
        label: name of the column of labels, or `None`.
        class_names: names of the classes in the order of their indices; `None`: those that occur.
        sample_weight: name of a column of weights, or `None`.
        root: folder that relative paths start from; `None`: the file's own.
        regression: whether the labels are numbers to predict; `None`: they are if one has a decimal
            point. All else are classes.

    Returns:
        `Records`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for an empty file or an unknown column. Else see `Records`; messages name the
            file and the row as a spreadsheet counts it: the header is row 1.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
    >>> _ = path.write_text("title,kind\\na cat,cat\\na dog,dog\\n")
    >>> from_csv(path, columns={"text": "title"}, label="kind").class_names
    ['cat', 'dog']
    """
    pandas = require("pandas", "report")
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"No such file: {path}")
    # Texts and paths stay what they are: "007" is no number, "NA" is no absent value.
    texts = {column: str for column in (*_wanted(columns), label) if column is not None}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # rows that are too long
            table = pandas.read_csv(
                path,
                sep=separator(path),
                dtype=texts,
                keep_default_na=False,
                na_values={sample_weight: [""]},
                index_col=False,
            )
    except pandas.errors.EmptyDataError:
        raise ValueError(f"{path} is empty.") from None
    except (pandas.errors.ParserError, pandas.errors.ParserWarning, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read as CSV: {error}") from error
    if table.empty:
        raise ValueError(f"{path} has no rows below its header.")
    if root is None:
        root = os.path.dirname(os.path.abspath(path))
    labels = _label_values(table[label], regression) if label in table.columns else None
    return _from_table(
        table,
        columns,
        label,
        labels,
        class_names,
        sample_weight,
        root,
        lambda row: f"{path}, row {row + 2}",
        path,
    )


def separator(path):
    """What stands between the cells of a file: a tab in `.tsv`, else a comma."""
    return "\t" if os.fspath(path).endswith(".tsv") else ","


def _label_values(cells, regression):
    """The labels of a column of strings: floats, integers, or the strings; `None` where missing."""
    filled = [cell for cell in cells if cell.strip().lower() not in MISSING]
    try:
        numbers = [float(cell) for cell in filled]
    except ValueError:
        if regression:
            raise ValueError("The labels of a regression must be numbers.") from None
        return [cell or None for cell in cells]
    if regression is None:
        regression = any("." in cell for cell in filled)
    if not regression:
        if not all(cell.isdecimal() and str(int(cell)) == cell for cell in filled):
            return [cell or None for cell in cells]  # "007" is a name, not a number
        numbers = [int(cell) for cell in filled]
    values = iter(numbers)
    return [None if cell.strip().lower() in MISSING else next(values) for cell in cells]


def _from_table(table, columns, label, labels, class_names, sample_weight, root, describe, name):
    wanted = [*_wanted(columns), *(c for c in (label, sample_weight) if c is not None)]
    for column in wanted:
        if column not in table.columns:
            raise ValueError(
                f"{name} has no column {column!r}; it has: {', '.join(map(str, table.columns))}."
            )
    values = {}
    for modality, column in columns.items():
        if isinstance(column, (list, tuple, dict)):
            taken = column if isinstance(column, dict) else {cell: cell for cell in column}
            cells = table[list(taken.values())].set_axis(list(taken), axis=1)
            values[modality] = cells.to_dict("records")
        else:
            values[modality] = table[column].tolist()
    return Records(
        values,
        labels,
        class_names,
        None if sample_weight is None else table[sample_weight].to_numpy(),
        root,
        describe,
    )


def _wanted(columns):
    """The names of all columns of a table that `columns` asks for."""
    for column in columns.values():
        if isinstance(column, dict):
            yield from column.values()
        elif isinstance(column, (list, tuple)):
            yield from column
        else:
            yield column

"""Where records come from: arrays, data frames, CSV files."""

import os

from mmzoo.data.records import Records
from mmzoo.optional import require


def from_arrays(columns, labels=None, class_names=None, sample_weight=None, root=None):
    """Records of sequences in memory.

    Args:
        columns: dict from modality name to a sequence of raw values. Pictures: encoded bytes,
            paths, or arrays with values 0-255; texts: strings. `None`, `""`, `b""` and NaN are
            absent values.
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
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`.
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
        table, columns, label, class_names, sample_weight, root, f"{name}, row {{}}".format, name
    )


def from_csv(path, columns, label=None, class_names=None, sample_weight=None, root=None):
    """Records of a CSV file with a header line, in UTF-8.

    Args:
        path: the file; `.tsv` is separated by tabs.
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`.
        label: name of the column of labels, or `None`. Numbers with a decimal point are targets of
            a regression, all else are classes.
        class_names: names of the classes in the order of their indices; `None`: those that occur.
        sample_weight: name of a column of weights, or `None`.
        root: folder that relative paths start from; `None`: the file's own.

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
    texts = dict.fromkeys(columns.values(), str)
    try:
        table = pandas.read_csv(
            path,
            sep="\t" if path.endswith(".tsv") else ",",
            dtype=texts,
            keep_default_na=False,
            na_values={sample_weight: [""]},
        )
    except pandas.errors.EmptyDataError:
        raise ValueError(f"{path} is empty.") from None
    except (pandas.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read as CSV: {error}") from error
    if table.empty:
        raise ValueError(f"{path} has no rows below its header.")
    if root is None:
        root = os.path.dirname(os.path.abspath(path))
    if label in table.columns:
        table[label] = _numbers_or_texts(table[label], pandas)
    return _from_table(
        table,
        columns,
        label,
        class_names,
        sample_weight,
        root,
        lambda row: f"{path}, row {row + 2}",
        path,
    )


def _numbers_or_texts(column, pandas):
    """A column of strings as numbers, if it has only numbers and the usual words for none."""
    numbers = pandas.to_numeric(column, errors="coerce")
    others = {str(value).lower() for value in column[numbers.isna()]}
    return column if others - {"", "nan", "na", "n/a", "null", "none"} else numbers


def _from_table(table, columns, label, class_names, sample_weight, root, describe, name):
    wanted = [*columns.values(), *(c for c in (label, sample_weight) if c is not None)]
    for column in wanted:
        if column not in table.columns:
            raise ValueError(
                f"{name} has no column {column!r}; it has: {', '.join(map(str, table.columns))}."
            )
    return Records(
        {modality: table[column].tolist() for modality, column in columns.items()},
        None if label is None else table[label].tolist(),
        class_names,
        None if sample_weight is None else table[sample_weight].to_numpy(),
        root,
        describe,
    )

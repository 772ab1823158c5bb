"""raw_table(): all columns of a file, as they stand there."""

import itertools
import os

from mmzoo.data.table_columns import check_columns
from mmzoo.raw.plain_value import plain_value

#: The most rows that are looked at. Of a sorted file the first rows may all look alike.
MOST_ROWS = 20_000


def raw_table(path, encoding=None, separator=None, most=MOST_ROWS):
    """The first rows of a file, column by column.

    Args:
        path: a CSV, TSV, JSON-lines or Parquet file, as for `mmzoo.data.from_file`.
        encoding: of the file; `None`: UTF-8.
        separator: what stands between the cells of a CSV file, or `None`.
        most: the most rows.

    Returns:
        Dict from the name of a column to its cells, a list; a row that lacks one has `None`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a folder, a CoNLL file, a column that is there twice, or a file that
            has no rows or can't be read; says what to do instead.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
    >>> _ = path.write_text("title,kind\\na cat,cat\\na dog,dog\\n")
    >>> raw_table(path)
    {'title': ['a cat', 'a dog'], 'kind': ['cat', 'dog']}
    """
    from mmzoo.data.sources.from_file import is_conll, is_csv

    path = os.fspath(path)
    if os.path.isdir(path) or is_conll(path):
        kind = "a folder" if os.path.isdir(path) else "a CoNLL file"
        raise ValueError(
            f"{path} is {kind}: what is to be read of it has to be said. Give at least one column: "
            "--image, --text, --audio, --video, --numeric, --categorical or --features."
        )
    if is_csv(path):
        return _csv_columns(path, encoding, separator, most)
    rows = list(itertools.islice(_rows(path, encoding), most))
    if not rows:
        raise ValueError(f"{path} has no rows.")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [plain_value(row.get(name)) for row in rows] for name in names}


def _csv_columns(path, encoding, separator, most):
    from mmzoo.data.sources.csv_file import csv_header, csv_tables

    table = next(csv_tables(path, (), encoding, separator, rows=most), None)
    if table is None:
        raise ValueError(f"{path} has no rows below its header.")
    header = csv_header(path, encoding, separator)
    check_columns(path, header, header)
    return {name: table[name].to_list() for name in table.columns}


def _rows(path, encoding):
    """The rows of a file of JSON lines or of Parquet, as dicts."""
    if path.lower().endswith(".parquet"):
        from mmzoo.data.sources.from_parquet import parquet_rows

        return parquet_rows(path)
    from mmzoo.data.sources.from_jsonl import jsonl_rows

    return (row for _, row in jsonl_rows(path, encoding))

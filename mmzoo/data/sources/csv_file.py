"""The one reader of CSV and TSV files: for records, for predictions, for their headers."""

import csv
import functools
import io
import itertools
import warnings

from mmzoo.data.table_columns import check_columns
from mmzoo.raw.compressed import open_uncompressed, plain_ending
from mmzoo.raw.encodings import check_encoding, check_no_utf16, decoding, wrong_encoding
from mmzoo.utils.optional_packages import require

#: What may stand between cells, and is looked for where a file seems to have one column.
SEPARATORS = (",", ";", "\t", "|")


def csv_tables(path, wanted=(), encoding=None, separator=None, rows=None, **options):
    """The rows of a CSV or TSV file, plain or compressed, as data frames of strings.

    Args:
        path: the file, local or any URL of `tf.io.gfile`.
        wanted: columns that have to be there, once; `None` among them does not count.
        encoding: of the file; `None`: UTF-8.
        separator: what stands between cells; `None`: a tab in `.tsv` and `.tab`, else a comma.
        rows: the most rows of a data frame; `None`: all are in one.
        **options: of `pandas.read_csv`.

    Yields:
        Data frames; none of a file with a header and no more.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a file that is empty or no CSV, bytes of another encoding, or a column that
            is not there or there twice; names row and column, and says what may help.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
    >>> _ = path.write_text("title,kind\\na cat,cat\\na dog,dog\\n")
    >>> [len(table) for table in csv_tables(path, ["title"], rows=1)]
    [1, 1]
    """
    pandas = require("pandas", "report")
    check_encoding(encoding)
    separator = separator or default_separator(path)
    options = {"dtype": str, "keep_default_na": False, "index_col": False, **options}
    problems = pandas.errors
    header = []
    if encoding is None:
        with open_uncompressed(path) as file:
            check_no_utf16(f"{path}, row 1", file.read(64))
    try:
        header = csv_header(path, encoding, separator)
        if not header:
            raise ValueError(f"{path} is empty.")
        check_columns(path, wanted, header)
        with open_uncompressed(path) as file:
            read = functools.partial(
                pandas.read_csv, file, sep=separator, encoding=encoding or "utf-8", **options
            )
            tables = iter([_strict(read)] if rows is None else _strict(read, chunksize=rows))
            while (table := _strict(next, tables, None)) is not None:
                if len(table):
                    yield table
    except problems.EmptyDataError:
        raise ValueError(f"{path} is empty.") from None
    except UnicodeError:
        raise _located(path, encoding, separator) from None
    except (problems.ParserError, problems.ParserWarning, csv.Error) as error:
        hint = _hint(path, header, separator)
        raise ValueError(f"{path} can't be read as CSV: {str(error).strip()}{hint}") from error
    except ValueError as error:
        hint = _hint(path, header, separator) if "has no column" in str(error) else ""
        raise ValueError(f"{error}{hint}") from None


def _strict(function, *arguments, **options):
    """A call in which a row that is too long is an error."""
    pandas = require("pandas", "report")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        return function(*arguments, **options)


def csv_header(path, encoding=None, separator=None):
    """The names of the columns of a CSV or TSV file, as often as they are there.

    Args:
        path: as for `csv_tables`; so are `encoding` and `separator`.

    Returns:
        A list of strings, empty for an empty file.

    Raises:
        UnicodeError: where the header has another encoding.
    """
    with open_uncompressed(path) as file:
        text = io.TextIOWrapper(file, decoding(encoding), newline="")
        return next(
            filter(None, csv.reader(text, delimiter=separator or default_separator(path))), []
        )


def default_separator(path):
    """What stands between the cells of a file, by its name.

    Example:

    >>> default_separator("rows.csv.gz"), default_separator("ROWS.TSV")
    (',', '\\t')
    """
    return "\t" if plain_ending(path) in (".tsv", ".tab") else ","


def _located(path, encoding, separator):
    """The error for the first cell of a file that is not in its encoding."""
    with open_uncompressed(path) as file:
        try:
            text = io.TextIOWrapper(file, decoding(encoding), "surrogateescape", newline="")
            rows = filter(None, csv.reader(text, delimiter=separator))
            header = next(rows)
            for number, row in enumerate(itertools.chain([header], rows), start=1):
                for column, cell in zip(header, row, strict=False):
                    encoded = cell.encode(encoding or "utf-8", "surrogateescape")
                    if any("\udc80" <= letter <= "\udcff" for letter in cell):
                        name = column.encode(errors="backslashreplace").decode()
                        where = f"{path}, row {number}, column {name!r}"
                        return wrong_encoding(where, encoded, encoding)
        except (UnicodeError, csv.Error, StopIteration):
            pass
    return ValueError(f"{path} is not {encoding or 'UTF-8'}. Give another encoding=.")


def _hint(path, header, separator):
    """What may be wrong with a file whose header has not the columns it should have."""
    line = "".join(header)
    if line.lstrip().startswith(("[", "{")):
        return " It looks like JSON: a file of one JSON object a line must end in .jsonl."
    found = max(SEPARATORS, key=line.count)
    if len(header) == 1 and found in line:
        return (
            f" Its header seems to be separated by {found!r}, not {separator!r}: separator="
            f"{found!r} (on the command line --separator '{found}')."
        )
    return ""

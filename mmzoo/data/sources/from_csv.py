"""Records of a CSV or TSV file."""

import os
import warnings

from mmzoo.data.labels import text_label_values
from mmzoo.data.sources.columns import wanted_columns
from mmzoo.data.sources.from_dataframe import records_of_table
from mmzoo.raw.paths import open_bytes, parent_folder
from mmzoo.utils.optional_packages import require


def from_csv(
    path,
    columns,
    label=None,
    class_names=None,
    sample_weight=None,
    root=None,
    regression=None,
    label_delimiter=None,
    list_columns=None,
):
    """Records of a CSV file with a header line, in UTF-8.

    Args:
        path: the file, local or any URL of `tf.io.gfile`; `.tsv` is separated by tabs.
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of names, or a dict from its columns to those of the file.
            Cells of a `mmzoo.Features` are lists of numbers, `[0.1, 0.2]`.
        label: name of the column of labels, or `None`.
        class_names: names of the classes in the order of their indices; `None`: those that occur.
        sample_weight: name of a column of weights, or `None`.
        root: folder that relative paths start from; `None`: the file's own.
        regression: whether the labels are numbers to predict; `None`: they are if one has a decimal
            point. All else are classes.
        label_delimiter: what stands between several labels of a row, such as `"|"`; an empty cell
            has none. `None`: a cell is one label.
        list_columns: columns whose cells are lists of files: names of columns of JSON lists,
            `["a.png", "b.png"]`, or a dict from name to what stands between the files, such as
            `{"photos": ";"}`. A `mmzoo.Image` takes the first.

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
    # Texts and paths stay what they are: "007" is no number, "NA" is no absent value.
    texts = {column: str for column in (*wanted_columns(columns), label) if column is not None}
    try:
        with open_bytes(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # rows that are too long
            table = pandas.read_csv(
                file,
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

    def describe(row):
        return f"{path}, row {row + 2}"

    labels = None
    if label in table.columns:
        labels = text_label_values(table[label], regression, label_delimiter, describe)
    return records_of_table(
        table,
        columns,
        label,
        labels,
        class_names,
        sample_weight,
        parent_folder(path) if root is None else root,
        describe,
        path,
        list_columns,
    )


def separator(path):
    """What stands between the cells of a file: a tab in `.tsv`, else a comma."""
    return "\t" if os.fspath(path).endswith(".tsv") else ","

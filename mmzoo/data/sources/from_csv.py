"""Records of a CSV or TSV file."""

import os

from mmzoo.data.row_names import RowNames
from mmzoo.data.sources.columns import delimiters, wanted_columns
from mmzoo.data.sources.csv_file import csv_tables
from mmzoo.data.sources.from_dataframe import records_of_table
from mmzoo.data.sources.label_columns import label_columns
from mmzoo.raw.paths import parent_folder
from mmzoo.targets.labels import text_label_values


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
    encoding=None,
    separator=None,
    missing_labels="raise",
):
    """Records of a CSV file with a header line.

    Args:
        path: the file, local or any URL of `tf.io.gfile`; `.tsv` is separated by tabs. It may be
            compressed (`.gz`, `.bz2`, `.xz`, `.zip`, or, with pyarrow, `.zst`).
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of names, or a dict from its columns to those of the file.
            Cells of a `mmzoo.Features` are lists of numbers, `[0.1, 0.2]`.
        label: name of the column of labels, or `None`. Where there are several answers a dict from
            the name of an answer to that of its column, or a list of columns; a row may then lack
            some of the labels.
        class_names: names of the classes in the order of their indices; `None`: those that occur.
        sample_weight: name of a column of weights, or `None`.
        root: folder that relative paths start from; `None`: the file's own.
        regression: whether the labels are numbers to predict; `None`: they are if one has a decimal
            point. All else are classes. Where there are several answers the names of those that are
            numbers will do.
        label_delimiter: what stands between several labels of a row, such as `"|"`; an empty cell
            has none. `None`: a cell is one label.
        list_columns: columns whose cells are lists of files: names of columns of JSON lists,
            `["a.png", "b.png"]`, or a dict from name to what stands between the files, such as
            `{"photos": ";"}`. A `mmzoo.Image` takes the first.
        encoding: of the file, such as `"cp1252"`; `None`: UTF-8.
        separator: what stands between cells, such as `";"`; `None`: a tab in `.tsv`, else a comma.
        missing_labels: what happens to rows without a label, as in `mmzoo.data.from_dataframe`.

    Returns:
        `Records`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for an empty file, another encoding, or a column that is not there or there
            twice. Else see `Records`; messages name the file and the row as a spreadsheet counts
            it: the header is row 1.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
    >>> _ = path.write_text("title,kind\\na cat,cat\\na dog,dog\\n")
    >>> from_csv(path, columns={"text": "title"}, label="kind").class_names
    ['cat', 'dog']
    """
    path = os.fspath(path)
    labels = label_columns(label).values()
    wanted = [*wanted_columns(columns), *labels, sample_weight, *delimiters(list_columns)]
    # Texts and paths stay what they are: "007" is no number, "NA" is no absent value.
    texts = dict.fromkeys((*wanted_columns(columns), *labels), str)
    options = {"dtype": texts, "na_values": {sample_weight: [""]}}
    table = next(csv_tables(path, wanted, encoding, separator, **options), None)
    if table is None:
        raise ValueError(f"{path} has no rows below its header.")
    describe = RowNames(f"{path}, row ", 2)
    return records_of_table(
        table,
        columns,
        label,
        text_label_values,
        regression,
        label_delimiter,
        class_names,
        sample_weight,
        parent_folder(path) if root is None else root,
        describe,
        path,
        list_columns,
        missing_labels,
    )

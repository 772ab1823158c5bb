"""Records of the columns of a pandas DataFrame."""

from mmzoo.data.records import Records
from mmzoo.data.row_names import RowNames, TakenRowNames
from mmzoo.data.sources.columns import (
    delimiters,
    list_cells,
    modality_values,
    wanted_columns,
)
from mmzoo.data.sources.label_columns import (
    check_missing_labels,
    label_columns,
    label_sources,
    labelled_rows,
    noted,
    read_labels,
)
from mmzoo.data.table_columns import check_columns, column_cells
from mmzoo.targets.labels import label_values


def from_dataframe(
    table,
    columns,
    label=None,
    class_names=None,
    sample_weight=None,
    root=None,
    name="table",
    regression=None,
    label_delimiter=None,
    list_columns=None,
    missing_labels="raise",
):
    """Records of the columns of a pandas DataFrame.

    Args:
        table: `pandas.DataFrame`.
        columns: dict from modality name to the name of a column, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of names, or a dict from its columns to those of the table.
        label: name of the column of labels, or `None`. Its cells are classes, numbers (floats), or
            lists of strings: several labels a row. Where there are several answers a dict from the
            name of an answer to that of its column, or a list of columns; a row may then lack some
            of the labels.
        class_names: names of the classes in the order of their indices; `None`: those that occur.
        sample_weight: name of a column of weights, or `None`.
        root: folder that relative paths start from.
        name: how messages should call the table.
        regression: whether the labels are numbers to predict; `None`: floats are. Where
            there are several answers the names of those that are numbers will do.
        label_delimiter: what stands between several labels of a row, such as `"|"`; an empty cell
            has none. `None`: a string is one label.
        list_columns: columns whose cells are lists of files: names of columns of JSON lists, or a
            dict from name to what stands between the files, such as `{"photos": ";"}`. Cells that
            are lists already need not be named.
        missing_labels: `"raise"`: a row without a label, or with one that is no number where there
            have to be numbers, is an error. `"skip"`: it is left out, and a warning says so; where
            there are several answers, if it has none of their labels.

    Returns:
        `Records`.

    Raises:
        ValueError: for an unknown column; the message lists those there are. Else see `Records`;
            messages count rows from 0.

    Example:

    >>> import pandas
    >>> table = pandas.DataFrame({"title": ["a cat", "a dog"], "kind": ["cat|pet", "pet"]})
    >>> from_dataframe(table, {"text": "title"}, label="kind", label_delimiter="|").labels.tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    describe = RowNames(f"{name}, row ")
    return records_of_table(
        table,
        columns,
        label,
        label_values,
        regression,
        label_delimiter,
        class_names,
        sample_weight,
        root,
        describe,
        name,
        list_columns,
        missing_labels,
    )


def records_of_table(
    table,
    columns,
    label,
    read,
    regression,
    label_delimiter,
    class_names,
    sample_weight,
    root,
    describe,
    name,
    list_columns,
    missing_labels,
):
    """Records of a data frame, see `from_dataframe`, whose labels `read` understands."""
    wanted, lists = wanted_columns(columns), delimiters(list_columns)
    of_labels = label_columns(label).values()
    check_columns(name, [*of_labels, *wanted, sample_weight, *lists], table.columns)
    check_missing_labels(missing_labels)
    label_cells = {column: column_cells(table[column]) for column in of_labels}
    note = None
    if missing_labels == "skip" and label_cells:
        rows, note = labelled_rows(
            read, label_cells, label, regression, label_delimiter, describe, name
        )
        table, describe = table.iloc[rows], TakenRowNames(describe, rows)
        label_cells = {column: column_cells(table[column]) for column in of_labels}
    labels = read_labels(read, label_cells, label, regression, label_delimiter, describe, name)
    cells = {column: column_cells(table[column]) for column in wanted}
    for column in lists.keys() & cells.keys():
        cells[column] = list_cells(cells[column], lists[column], describe, column)
    weights = None if sample_weight is None else table[sample_weight].to_numpy()
    values = modality_values(cells, columns)
    sources = label_sources(label, name)
    return noted(Records(values, labels, class_names, weights, root, describe, sources), note)

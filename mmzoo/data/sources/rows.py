"""Records of rows that come one by one, as dicts from column to cell."""

import numpy as np

from mmzoo.data.records import Records
from mmzoo.data.row_names import RowNames, TakenRowNames
from mmzoo.data.sources.batched import check_not_batched
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
from mmzoo.data.sources.spool import Spool
from mmzoo.data.table_columns import check_columns
from mmzoo.raw.plain_value import plain_value
from mmzoo.targets.labels import label_values
from mmzoo.utils.progress import track

ROWS = RowNames()


def records_of_rows(
    rows,
    columns,
    label=None,
    class_names=None,
    sample_weight=None,
    root=None,
    regression=None,
    label_delimiter=None,
    list_columns=None,
    missing_labels="raise",
    describe=ROWS,
    name="the rows",
):
    """Records of dicts; keeps paths, strings and numbers of them, and spools the bytes of files.

    What is given as `bytes` is a file, and so is what `plain_value` makes bytes of. So are uint8
    arrays `(H, W, 1 to 4)`: they are pictures, and kept as PNG, which loses nothing.

    Args:
        rows: iterable of dicts from column to cell; a column that a row lacks is absent.
        columns: as in `mmzoo.data.from_dataframe`.
        label: likewise; so are `class_names`, `sample_weight`, `root`, `regression`,
            `label_delimiter`, `list_columns` and `missing_labels`.
        describe: function from a position to how a message should call that row.
        name: what messages call the source.

    Returns:
        `Records`.

    Raises:
        TypeError: for a row that is no dict.
        ValueError: for rows that are batches, or a column that no row has; lists those there are.
            Else see `Records`.
    """
    check_missing_labels(missing_labels)
    wanted, lists = wanted_columns(columns), delimiters(list_columns)
    tables = [column for column in columns.values() if not isinstance(column, str)]
    table_cells = {name for column in tables for name in wanted_columns({"": column})}
    available, cells = {}, {column: [] for column in wanted}
    label_cells = {column: [] for column in label_columns(label).values()}
    weights = []
    number = -1
    with Spool() as spool:
        for number, row in enumerate(track(rows, None, f"Reading {name}")):
            if not isinstance(row, dict):
                raise TypeError(
                    f"{describe(number)} must be a dict from column to cell; received: "
                    f"{type(row).__name__}."
                )
            if not number:
                for column in label_cells or (None,):
                    check_not_batched(row, wanted, column, name)
            available |= dict.fromkeys(row)
            for column, values in cells.items():
                value = _plain(row.get(column), column, number, describe)
                # The bytes of a table's cell are a text, those of all else a file.
                values.append(value if column in table_cells else _kept(value, spool))
            for column, values in label_cells.items():
                values.append(plain_value(row.get(column)))
            weights.append(plain_value(row.get(sample_weight)))
    if number < 0:
        raise ValueError(f"There are no rows in {name}.")
    check_columns(name, [*wanted, *label_cells, sample_weight, *lists], available)
    note = None
    if missing_labels == "skip" and label_cells:
        kept, note = labelled_rows(
            label_values, label_cells, label, regression, label_delimiter, describe, name
        )
        describe = TakenRowNames(describe, kept)
        weights = [weights[row] for row in kept]
        cells, label_cells = (
            {column: [values[row] for row in kept] for column, values in each.items()}
            for each in (cells, label_cells)
        )
    for column in lists.keys() & cells.keys():
        cells[column] = list_cells(cells[column], lists[column], describe, column)
    records = Records(
        modality_values(cells, columns),
        read_labels(label_values, label_cells, label, regression, label_delimiter, describe, name),
        class_names,
        [np.nan if weight is None else weight for weight in weights] if sample_weight else None,
        root,
        describe,
        label_sources(label, name),
    )
    return noted(records, note)


def _plain(value, column, row, describe):
    try:
        return plain_value(value)
    except ValueError as error:
        raise ValueError(f"{describe(row)}: {column!r}: {error}.") from None


def _kept(value, spool):
    """What records hold of a plain value: bytes are in the spool."""
    if isinstance(value, np.ndarray):
        if value.dtype != np.uint8 or value.ndim != 3 or not 1 <= value.shape[2] <= 4:
            return value
        return spool.store(_png(value)) if value.size else None
    if isinstance(value, bytes) and value:
        return spool.store(value)
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(each, (int, float)) for each in value):
            return np.asarray(value)
        return [_kept(each, spool) for each in value]
    return value


def _png(pixels):
    import tensorflow as tf

    return tf.io.encode_png(pixels).numpy()

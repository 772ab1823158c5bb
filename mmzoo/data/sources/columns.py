"""Which columns of a source become which modalities, and what their cells become."""

import json

import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.lists import parsed_strings


def wanted_columns(columns):
    """The names of all columns of a source that `columns` asks for.

    Args:
        columns: dict from modality name to the name of a column, or for a table to a list of names
            or a dict from its columns to those of the source.

    Returns:
        A list of names.

    Example:

    >>> wanted_columns({"text": "title", "item": ["price"], "shop": {"city": "shop_city"}})
    ['title', 'price', 'shop_city']
    """
    names = []
    for column in columns.values():
        if isinstance(column, dict):
            names += column.values()
        else:
            names += column if isinstance(column, (list, tuple)) else [column]
    return names


def modality_values(cells, columns):
    """The raw values of each modality, as `Records` takes them.

    Args:
        cells: dict from the name of a column to its cells.
        columns: see `wanted_columns`.

    Returns:
        Dict from modality name to a list of cells, or for a table to a dict of lists.

    Example:

    >>> modality_values({"title": ["a"], "price": [3]}, {"text": "title", "item": ["price"]})
    {'text': ['a'], 'item': {'price': [3]}}
    """
    values = {}
    for modality, column in columns.items():
        if isinstance(column, dict):
            values[modality] = {cell: cells[name] for cell, name in column.items()}
        elif isinstance(column, (list, tuple)):
            values[modality] = {name: cells[name] for name in column}
        else:
            values[modality] = cells[column]
    return values


def list_cells(cells, delimiter, describe, column):
    """The lists in a column of strings.

    Args:
        cells: sequence of strings, lists or absent values.
        delimiter: what stands between the items; `None`: the cells are JSON lists.
        describe: function from a position to how a message should call that row.
        column: its name, for messages.

    Returns:
        A list of lists; `None` where a cell is absent.

    Raises:
        ValueError: for a cell that is no list.

    Example:

    >>> list_cells(["a.png|b.png", ""], "|", "row {}".format, "photos")
    [['a.png', 'b.png'], None]
    >>> list_cells(['["a.png"]'], None, "row {}".format, "photos")
    [['a.png']]
    """
    lists = []
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and cell:
            cell = _parsed(cell) if delimiter is None else cell.split(delimiter)
        if isinstance(cell, np.ndarray):
            cell = cell.tolist()
        if not isinstance(cell, (list, tuple)) and not is_absent(cell):
            raise ValueError(
                f"{describe(row)}: column {column!r} must be a list such as "
                f"{'[...]' if delimiter is None else delimiter.join('ab')!r}; received: "
                f"{cells[row]!r}."
            )
        if delimiter is not None and isinstance(cell, list):
            cell = [item.strip() if isinstance(item, str) else item for item in cell]
        lists.append(None if is_absent(cell) else list(cell))
    return lists


def delimiters(list_columns):
    """`list_columns` as a dict from column to delimiter, `None` for JSON."""
    if list_columns is None:
        return {}
    if isinstance(list_columns, str):
        raise ValueError(
            f"`list_columns` takes a list of names or a dict from name to delimiter; received: "
            f"{list_columns!r}."
        )
    return list_columns if isinstance(list_columns, dict) else dict.fromkeys(list_columns)


def _parsed(cell):
    try:
        return json.loads(cell)
    except json.JSONDecodeError:
        return parsed_strings(cell) or cell

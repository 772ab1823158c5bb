"""Rows that are batches of rows: one message for all sources."""

import numpy as np


def check_spec_not_batched(spec, name):
    """Raises a `ValueError` if the elements of a `tf.data.Dataset` are batches.

    Args:
        spec: its `element_spec`, a dict. All tensors of a batch begin with the same open length;
            in a row of several values, at least one is a scalar or has a length of its own.
        name: what messages call the dataset.
    """
    import tensorflow as tf

    shapes = [leaf.shape for leaf in tf.nest.flatten(spec)]
    open_ended = [bool(shape.rank) and shape[0] is None for shape in shapes if shape.rank != 0]
    if len(shapes) > 1 and len(open_ended) == len(shapes) and all(open_ended):
        raise _batched(name, "")


def check_not_batched(row, columns, label, name):
    """Raises a `ValueError` if what should be a row is a batch, by its values.

    Args:
        row: the first row, a dict from column to cell.
        columns: the columns wanted.
        label: the column of labels, or `None`.
        name: what messages call the source.

    Example:

    >>> check_not_batched({"text": "a", "kind": np.array([0, 1])}, ["text"], "kind", "the rows")
    >>> check_not_batched({"text": ["a", "b"], "kind": np.array([3, 1])}, ["text"], "kind", "rows")
    Traceback (most recent call last):
    ValueError: The elements of rows are batched, 2 rows each: unbatch() it.
    """
    cells = [row[column] for column in columns if row.get(column) is not None]
    labels = None if label is None else row.get(label)
    shapes = [_shape(cell) for cell in cells]
    if not hasattr(labels, "shape"):  # a list may be the labels of one row
        labels_shape = ()
    else:
        labels_shape = _shape(labels)
        shapes.append(labels_shape)
    lengths = {shape[0] if shape else None for shape in shapes}
    if len(shapes) < 2 or len(lengths) > 1 or None in lengths:
        return
    # What is left are arrays of one length. A row has those, too, if by chance a vector is as long
    # as there are classes, each of which has a 0 or 1.
    texts = any(hasattr(cell, "shape") and _holds_texts(cell) for cell in cells)
    classes = len(labels_shape) == 1 and not np.isin(_array(labels), (0, 1)).all()
    grids = len(labels_shape) == 1 and any(len(shape) > 1 for shape in shapes)
    if texts or classes or grids:
        raise _batched(name, f", {lengths.pop()} rows each")


def _batched(name, size):
    return ValueError(f"The elements of {name} are batched{size}: unbatch() it.")


def _shape(cell):
    if isinstance(cell, list):
        return (len(cell),)
    return tuple(cell.shape) if hasattr(cell, "shape") else ()


def _array(values):
    return np.asarray(values.numpy() if hasattr(values, "numpy") else values)


def _holds_texts(cell):
    return len(_shape(cell)) == 1 and _array(cell).dtype.kind in "OSU"

"""Rows as arrays: made of one another, and filled up to one shape."""

import numpy as np


def absent_value(spec):
    """The raw value that says that a row has none: `b""` or NaN, in the smallest array.

    Args:
        spec: `tf.TensorSpec` of an input of an exported signature, `(B, ...)`.

    Returns:
        An array without the axis of the batch; sizes that may be any are 1.
    """
    shape = [size or 1 for size in spec.shape[1:]]
    return np.full(shape, fill_of(spec), spec.dtype.as_numpy_dtype)


def fill_of(spec):
    """What arrays of an input are filled up with: `b""` or NaN, which count as absent."""
    return b"" if spec.dtype.as_numpy_dtype is object else np.nan


def filled_up(arrays, fill):
    """Arrays of one rank, each filled up behind to the largest size of every axis.

    Args:
        arrays: list of arrays.
        fill: what they are filled up with; `None`: they may only be of one shape.

    Raises:
        ValueError: when shapes differ that may not.

    Example:

    >>> filled_up([np.zeros(1), np.ones(2)], np.nan)
    [array([ 0., nan]), array([1., 1.])]
    """
    shapes = {array.shape for array in arrays}
    if len(shapes) < 2:
        return arrays
    if fill is None:
        raise ValueError(f"all rows must have one shape; received: {sorted(shapes)}")
    largest = np.max([*shapes], axis=0)
    return [
        np.pad(
            array,
            [(0, more) for more in largest - array.shape],
            constant_values=np.array(fill, array.dtype),
        )
        for array in arrays
    ]


def concatenated(batches, fill):
    """Batches `(B, ...)` behind one another, `filled_up` but for the number of rows.

    Example:

    >>> concatenated([np.zeros((1, 1)), np.ones((2, 2))], np.nan).shape
    (3, 2)
    """
    if len(batches) == 1:
        return batches[0]
    if len({batch.shape[1:] for batch in batches}) == 1:
        return np.concatenate(batches)
    return np.stack(filled_up([row for batch in batches for row in batch], fill))

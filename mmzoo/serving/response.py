"""Outputs of a signature as JSON, in either form of TensorFlow Serving's."""

import base64
import itertools
import json

import numpy as np


def predictions_json(batches, in_rows):
    """The body of an answer.

    A floating-point number is written with as many digits as its dtype needs; NaN and infinite ones
    as `NaN`, `Infinity` and `-Infinity`, as TensorFlow Serving and Python write them. Strings of an
    output whose name ends with `_bytes` are written as `{"b64": "..."}`.

    Args:
        batches: list of dicts from the name of an output to an array `(B, ...)`; the rows of one
            stand behind those of the one before.
        in_rows: whether the answer is a list of rows, `predictions`, or of columns, `outputs`.

    Returns:
        Bytes of JSON.

    Raises:
        ValueError: for rows, where an output has none.

    Example:

    >>> batch = {"score": np.float32([0.1, np.nan]), "label": np.array([b"a", b"b"], object)}
    >>> predictions_json([batch], in_rows=True)
    b'{"predictions": [{"score": 0.1, "label": "a"}, {"score": NaN, "label": "b"}]}'
    >>> predictions_json([{"score": np.float32([0.1])}], in_rows=False)
    b'{"outputs": [0.1]}'
    """
    columns = {
        key: list(itertools.chain.from_iterable(_values(key, batch[key]) for batch in batches))
        if batches[0][key].ndim
        else _values(key, batches[0][key])
        for key in batches[0]
    }
    if not in_rows:
        answer = {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}
    else:
        scalars = [key for key, values in batches[0].items() if not values.ndim]
        if scalars:
            raise ValueError(f"The output {scalars[0]!r} has no rows: give 'inputs' to get it.")
        rows = zip(*columns.values(), strict=True)
        answer = {
            "predictions": [dict(zip(columns, row, strict=True)) for row in rows]
            if len(columns) > 1
            else next(iter(columns.values()))
        }
    return json.dumps(answer, ensure_ascii=False).encode()


def _values(key, array):
    """An array as nested lists of what JSON has."""
    if array.dtype == object:
        write = _base64 if key.endswith("_bytes") else _text
        return _nested([write(value) for value in array.ravel()], array.shape)
    if array.dtype.kind == "f" and array.dtype != np.float64:
        # The shortest decimal number that is this one again, such as 0.1 instead of 0.10000000149.
        array = array.astype(str).astype(np.float64)
    return array.tolist()


def _nested(values, shape):
    """Values one behind the other as nested lists."""
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape).tolist()


def _text(value):
    return value.decode("utf-8", "replace")


def _base64(value):
    return {"b64": base64.b64encode(value).decode()}

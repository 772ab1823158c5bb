"""A request for predictions: JSON as arrays, in either form of TensorFlow Serving's."""

import dataclasses
import json
from typing import Any

import numpy as np

from mmzoo.serving.arrays import absent_value, filled_up
from mmzoo.serving.errors import RequestError
from mmzoo.serving.signature import Signature, has_rows
from mmzoo.serving.values import KINDS, value_array

DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """What a client asks for.

    Args:
        signature: the `Signature` to call.
        columns: dict from the name of an input to an array, `(B, ...)` where it has rows.
        rows: how many rows there are.
        in_rows: whether the answer is a list of rows (`instances`), or of columns (`inputs`).
    """

    signature: Signature
    columns: dict[str, Any]
    rows: int
    in_rows: bool


def read_request(body, signatures):
    """Reads the body of a request.

    Args:
        body: bytes of JSON.
        signatures: dict from name to `Signature`.

    Returns:
        A `PredictRequest`.

    Raises:
        RequestError: with the status 400 and the reason, the row and the input.
    """
    request = _parsed(body)
    signature = _signature(request, signatures)
    if "instances" in request and "inputs" in request:
        raise RequestError(400, "Give either 'instances' (rows) or 'inputs' (columns), not both.")
    if "instances" in request:
        columns, rows = _columns_of_rows(request["instances"], signature)
        return PredictRequest(signature, columns, rows, True)
    if "inputs" in request:
        columns, rows = _columns(request["inputs"], signature)
        return PredictRequest(signature, columns, rows, False)
    raise RequestError(400, "Missing 'inputs' or 'instances' key.")


def _parsed(body):
    if not body:
        raise RequestError(400, "JSON Parse error: The document is empty.")
    try:
        request = json.loads(body)
    except RecursionError:
        raise RequestError(400, "JSON Parse error: too many brackets inside one another.") from None
    except ValueError as error:  # of JSON, or of UTF-8
        raise RequestError(400, f"JSON Parse error: {error}.") from None
    if not isinstance(request, dict):
        raise RequestError(400, f"The request must be a JSON object; it is {_kind(request)}.")
    return request


def _signature(request, signatures):
    name = request.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise RequestError(400, f"'signature_name' must be a string; it is {_kind(name)}.")
    found = signatures.get(name or DEFAULT_SIGNATURE)
    if found is None:
        known = ", ".join(signatures)
        raise RequestError(
            400, f'Serving signature name: "{name}" not found in signature def. There are: {known}.'
        )
    return found


def _columns_of_rows(instances, signature):
    """The columns of `instances`, and how many rows."""
    if not isinstance(instances, list):
        raise RequestError(400, f"'instances' must be a list; it is {_kind(instances)}.")
    if not instances:
        raise RequestError(400, "No values in 'instances'.")
    alone = [key for key, spec in signature.inputs.items() if not has_rows(spec)]
    if alone:
        raise RequestError(
            400,
            f"The signature {signature.name!r} takes {', '.join(alone)} once a request, not once a "
            "row: give 'inputs', a column each, instead of 'instances'.",
        )
    rows = [_row(instance, row, signature) for row, instance in enumerate(instances)]
    columns = {
        key: _column([row.get(key) for row in rows], key, signature) for key in signature.inputs
    }
    return columns, len(rows)


def _row(instance, row, signature):
    """An instance as a dict from the name of an input to its value."""
    if isinstance(instance, dict) and (instance.keys() != {"b64"} or "b64" in signature.inputs):
        unknown = [key for key in instance if key not in signature.inputs]
        if unknown:
            raise RequestError(400, f"'instances', row {row}: {_no_such(unknown[0], signature)}")
        return instance
    if len(signature.inputs) > 1:
        raise RequestError(
            400,
            f"'instances', row {row}: the model takes several inputs, so a row must be an object "
            f"with the keys {', '.join(signature.inputs)}; it is {_kind(instance)}.",
        )
    return dict.fromkeys(signature.inputs, instance)


def _columns(inputs, signature):
    """The columns of `inputs`, and how many rows."""
    if not isinstance(inputs, dict) or (inputs.keys() == {"b64"} and "b64" not in signature.inputs):
        if len(signature.inputs) > 1:
            raise RequestError(
                400,
                "'inputs' must be an object, as the model takes several: "
                f"{', '.join(signature.inputs)}. It is {_kind(inputs)}.",
            )
        inputs = dict.fromkeys(signature.inputs, inputs)
    unknown = [key for key in inputs if key not in signature.inputs]
    if unknown:
        raise RequestError(400, f"'inputs': {_no_such(unknown[0], signature)}")
    counts, columns = {}, {}
    for key, spec in signature.inputs.items():
        value = inputs.get(key)
        if not has_rows(spec):
            columns[key] = _of_request(value, key, spec)
        elif value is not None:
            if not isinstance(value, list):
                raise RequestError(
                    400, f"'inputs', {key!r}: it must be a list of rows; it is {_kind(value)}."
                )
            counts[key] = len(value)
            columns[key] = _column(value, key, signature)
    if len({*counts.values()}) > 1:
        raise RequestError(400, f"'inputs' have different numbers of rows: {_counted(counts)}.")
    rows = next(iter(counts.values()), 0)
    for key in signature.inputs:
        if key not in columns:
            columns[key] = _column([None] * rows, key, signature)
    if not counts and any(map(has_rows, signature.inputs.values())):
        raise RequestError(400, "'inputs' has no column, so the number of rows is not known.")
    return columns, rows


def _of_request(value, key, spec):
    """A value that stands once a request, such as a seed."""
    shape = None if spec.shape.rank is None else tuple(spec.shape)
    if value is None:
        raise RequestError(400, f"'inputs', {key!r}: it is missing, and this signature needs it.")
    try:
        return value_array(value, spec.dtype.as_numpy_dtype, shape)
    except ValueError as error:
        raise RequestError(400, f"'inputs', {key!r}: {error}.") from None


def _column(values, key, signature):
    """The values of all rows for an input as an array, `(B, ...)`."""
    spec = signature.inputs[key]
    dtype = spec.dtype.as_numpy_dtype
    shape = tuple(spec.shape)[1:]
    arrays = []
    for row, value in enumerate(values):
        if value is None and signature.may_be_absent(key):
            arrays.append(absent_value(spec))
            continue
        try:
            if value is None:
                raise ValueError("it is missing, and this signature needs it")
            arrays.append(value_array(value, dtype, shape))
        except ValueError as error:
            raise RequestError(400, f"Row {row}, {key!r}: {error}.") from None
    try:
        arrays = filled_up(arrays, signature.fill(key))
    except ValueError as error:
        raise RequestError(400, f"{key!r}: {error}.") from None
    if not arrays:
        return np.empty((0, *(size or 0 for size in shape)), dtype)
    return np.stack(arrays)


def _no_such(key, signature):
    return f"there is no input {key!r}. There are: {', '.join(signature.inputs)}."


def _counted(counts):
    return ", ".join(f"{key!r} {count}" for key, count in counts.items())


def _kind(value):
    return KINDS[type(value)]

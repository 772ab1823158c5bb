"""Values of JSON as arrays, with a message that says which one can't be read."""

import base64
import binascii

import numpy as np

#: Values of JSON -> what a message calls them.
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def value_array(value, dtype, shape):
    """A value of JSON as an array.

    Args:
        value: string, number, boolean, `{"b64": "..."}`, or lists of such.
        dtype: NumPy dtype; object for strings, which become bytes.
        shape: the sizes that it must have, `None` for any; or `None` for any shape.

    Returns:
        An array.

    Raises:
        ValueError: for any other value.

    Example:

    >>> value_array([1, 2.5], np.float32, (None,))
    array([1. , 2.5], dtype=float32)
    >>> value_array({"b64": "aGk="}, object, ()).item()
    b'hi'
    >>> value_array("1", np.float32, ())
    Traceback (most recent call last):
        ...
    ValueError: "1" is a string; it takes a number
    """
    sizes = _sizes(value)
    if shape is not None and (
        len(shape) != len(sizes)
        or any(size not in (None, there) for size, there in zip(shape, sizes, strict=True))
    ):
        raise ValueError(_other_shape(value, sizes, shape, dtype))
    leaves = []
    _collect(value, sizes, dtype, leaves)
    try:
        return np.array(leaves, dtype).reshape(sizes)
    except OverflowError:
        raise ValueError(f"a number is too large for {np.dtype(dtype).name}") from None


def _sizes(value):
    """The sizes of nested lists, going by the first element of each."""
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        value = value[0] if value else None
    return tuple(sizes)


def _collect(value, sizes, dtype, leaves):
    """Appends the leaves of nested lists that have such sizes."""
    if not sizes:
        leaves.append(_leaf(value, dtype))
        return
    if not isinstance(value, list) or len(value) != sizes[0]:
        found = f"a list of {len(value)}" if isinstance(value, list) else KINDS[type(value)]
        raise ValueError(f"its lists are not of one length: {found} beside lists of {sizes[0]}")
    for part in value:
        _collect(part, sizes[1:], dtype, leaves)


def _leaf(value, dtype):
    dtype, kind = np.dtype(dtype), type(value)
    if dtype.kind == "O":
        if kind is str:
            return _encoded(value)
        if kind is dict and value.keys() == {"b64"} and type(value["b64"]) is str:
            return _decoded(value["b64"])
    elif dtype.kind == "b":
        if kind is bool:
            return value
    elif kind is int or (kind is float and dtype.kind == "f"):
        return value
    raise ValueError(f"{_described(value)}; it takes {_what(dtype)}")


def _encoded(text):
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_shown(text)} has half of a surrogate pair") from None


def _decoded(text):
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # with line breaks or without padding, which TensorFlow Serving takes, too
        stripped = "".join(text.split()).rstrip("=")
        try:
            return base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True)
        except ValueError as error:
            raise ValueError(f"`b64` is not base64: {error}") from None


def _other_shape(value, sizes, shape, dtype):
    if not sizes and not isinstance(value, list):
        found = _described(value)
    else:
        found = f"it has the shape {_shape(sizes)}"
    if not shape:
        return f"{found}; it takes {_what(np.dtype(dtype))}"
    return f"{found}; it takes the shape {_shape(shape)} of {np.dtype(dtype).name}"


def _what(dtype):
    if dtype.kind == "O":
        return 'a string, or {"b64": "..."} for bytes'
    names = {"b": "a boolean", "f": "a number"}
    return names.get(dtype.kind, f"an integer of {dtype.name}")


def _shape(shape):
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


def _described(value):
    return "it is null" if value is None else f"{_shown(value)} is {KINDS[type(value)]}"


def _shown(value):
    """A value as a message quotes it."""
    if isinstance(value, str):
        return f'"{value[:40]}"' if len(value) <= 40 else f'"{value[:40]}..."'
    if isinstance(value, (dict, list)):
        return "{...}" if isinstance(value, dict) else "[...]"
    return str(value).lower()[:40]

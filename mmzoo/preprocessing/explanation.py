"""Why a raw value can't be read."""

import re

import tensorflow as tf

from mmzoo.raw.paths import open_bytes, resolve_path
from mmzoo.raw.stored_bytes import StoredBytes


def explanation(part, value, root):
    """What is wrong with a raw value that a `Preprocessing` could not read.

    Args:
        part: the `Preprocessing`.
        value: the raw value.
        root: folder that relative paths start from, or `None`.

    Returns:
        `(kind, message)`, as a `mmzoo.data.Finding` has them; the kind is `"absent"`,
        `"missing file"`, `"unreadable"`, or what `part.diagnosis` says.
    """
    if value is None:
        return "absent", "It has no value."
    try:
        encoded = _encoded(part.modality, value, root)
    except FileNotFoundError as error:
        return "missing file", str(error)
    except (OSError, TypeError, ValueError, tf.errors.OpError):
        encoded = None
    known = None if encoded is None else part.diagnosis(encoded)
    return known or ("unreadable", _error(part, value, root))


def _encoded(modality, value, root):
    """The bytes of a file, the first of several; `None` where the value is none."""
    if isinstance(value, StoredBytes):
        return value.read()
    if isinstance(value, bytes):
        return value
    paths = modality.paths(value)
    if not paths:
        return None
    with open_bytes(resolve_path(root, paths[0])) as file:
        return file.read()


def _error(part, value, root):
    """What the decoder says of a value."""
    try:
        column, read = part.column([value], root)
        part.element(read(tf.nest.map_structure(lambda values: values[0], column)))
    except (tf.errors.OpError, ValueError, TypeError) as error:
        return _plain(str(error))
    return "It can't be read."


def _plain(message):
    """The one line of TensorFlow's message that says what is wrong."""
    asserted = re.search(r"assertion failed: \[(.*?)\]|Summarized data: b'(.*?)'", message)
    if asserted:
        return asserted[1] or asserted[2]
    lines = [line for line in message.split("\n\n")[-1].splitlines() if line.strip()]
    return re.sub(r"\{\{.*?\}\}|\[Op:.*|name: $", "", lines[0]).strip() if lines else message

"""Errors of a pipeline, as whoever wrote the rows can read them."""

import contextlib
import re
import sys

#: What a message of mmzoo's own begins with, somewhere in that of an error of TensorFlow's.
MARK = "mmzoo: "
#: How TensorFlow writes these characters where an assertion fails.
ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


@contextlib.contextmanager
def readable_errors():
    r"""A context in which an error of a pipeline with mmzoo's own message is a `ValueError` of it.

    A dataset reads its rows within a graph, from which nothing but an error of TensorFlow's gets
    out: in the iteration, and in `fit`, its message has the graph around it.

    Example:

    >>> import tensorflow as tf
    >>> with readable_errors():
    ...     raise tf.errors.InvalidArgumentError(
    ...         None, None, r"{{node Assert}} assertion failed: [mmzoo: row 0: no \'box\']"
    ...     )
    Traceback (most recent call last):
        ...
    ValueError: row 0: no 'box'.
    """
    try:
        yield
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")  # where there is none, neither is its error
        if tensorflow is None or not isinstance(error, tensorflow.errors.InvalidArgumentError):
            raise
        found = readable(error)
        if found is error:
            raise
        raise found from None


def readable(error):
    """A `ValueError` with mmzoo's own message, where an error of a pipeline carries one.

    Args:
        error: `tf.errors.InvalidArgumentError`.

    Returns:
        A `ValueError`, or `error` itself where it is not mmzoo's.
    """
    before, mark, message = error.message.partition(MARK)
    if not mark:
        return error
    message = message.split("\n")[0]
    if "assertion failed" in before:  # it stands in brackets
        message = message.removesuffix("]")
        message = re.sub(r"\\(.)", lambda found: ESCAPED.get(found[1], found[1]), message)
    if message.startswith("no "):  # others begin with the name of a row, which stays as it is
        message = f"N{message[1:]}"
    return ValueError(f"{message}.")

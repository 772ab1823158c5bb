"""Texts that come in parts: a question and its context."""

#: What stands between the parts of a text, where it may have some.
SEPARATOR = "[SEP]"


def join_segments(value):
    """A text that is given in parts, a list of strings or a row of a table, as one string.

    Example:

    >>> join_segments(["a question?", "its context"]), join_segments("one text")
    ('a question?[SEP]its context', 'one text')
    """
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return value
    parts = [part or "" for part in value]
    return SEPARATOR.join(parts) if all(isinstance(part, str) for part in parts) else value

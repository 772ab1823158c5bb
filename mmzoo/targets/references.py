"""Labels of which a row may have several, each of them right."""


def checked_references(label, row, describe, check):
    """A raw label as a text, a list of them, or `None` where there is none.

    Args:
        label: a raw text, or a list or tuple of them.
        row: position of the row.
        describe: function from that to how messages call the row.
        check: function from a raw text, `row` and `describe` to a text; `None` where it is absent.
    """
    if not isinstance(label, (list, tuple)):
        return check(label, row, describe)
    texts = [check(text, row, describe) for text in label]
    return [text for text in texts if text is not None] or None


def references_of(label):
    """The texts of a label that was checked, as a list.

    Example:

    >>> references_of("red"), references_of(["red", "crimson"]), references_of(None)
    (['red'], ['red', 'crimson'], [])
    """
    if label is None:
        return []
    return label if isinstance(label, list) else [label]

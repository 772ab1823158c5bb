"""Which columns of a source are the labels of which answer."""

from mmzoo.data.records import ONLY


def label_columns(label):
    """The columns of labels by the name of their answer.

    Args:
        label: name of a column; where there are several answers a dict from the name of an answer
            to that of a column, or a list of columns, whose names the answers then have; or `None`.

    Returns:
        A dict; the name of an only answer is `"head"`.

    Example:

    >>> label_columns("kind"), label_columns(["kind", "price"])
    ({'head': 'kind'}, {'kind': 'kind', 'price': 'price'})
    """
    if label is None:
        return {}
    if isinstance(label, dict):
        return dict(label)
    return {name: name for name in label} if isinstance(label, (list, tuple)) else {ONLY: label}


def read_labels(read, cells, label, regression, label_delimiter, describe):
    """The labels in columns of a source, as `mmzoo.data.Records` takes them.

    Args:
        read: `mmzoo.targets.labels.label_values` or `text_label_values`.
        cells: dict from the name of a column to its cells.
        label: see `label_columns`.
        regression: whether they are numbers to predict, see `label_values`; of several answers the
            name, or a list of the names, of those that are, or a dict from name to bool.
        label_delimiter: what stands between several labels of a row; of several answers a dict
            from the name of an answer.
        describe: function from a position to how a message should call that row.

    Returns:
        Labels, a dict of them by the name of the answer, or `None`.

    Raises:
        ValueError: for a label that is not of its kind, or an answer that does not exist.
    """
    columns = label_columns(label)
    if not columns:
        return None
    if [*columns] == [ONLY]:
        return read(cells[columns[ONLY]], regression, label_delimiter, describe)
    for name, option in (("regression", regression), ("label_delimiter", label_delimiter)):
        named = option if isinstance(option, (dict, list, tuple, set)) else ()
        named = [option] if isinstance(option, str) and name == "regression" else named
        unknown = [answer for answer in named if answer not in columns]
        if unknown:
            raise ValueError(
                f"`{name}` names {unknown[0]!r}, which is no answer; they are: "
                f"{', '.join(columns)}."
            )
    labels = {}
    for answer, column in columns.items():
        try:
            labels[answer] = read(
                cells[column],
                _regression_of(regression, answer),
                label_delimiter.get(answer)
                if isinstance(label_delimiter, dict)
                else label_delimiter,
                describe,
            )
        except ValueError as error:
            raise ValueError(f"Labels of {answer!r}: {error}") from None
    return labels


def _regression_of(regression, answer):
    """Whether one of several answers is a number to predict; `None`: as its labels look."""
    if isinstance(regression, dict):
        return regression.get(answer)
    if isinstance(regression, str):
        return True if regression == answer else None
    if isinstance(regression, (list, tuple, set)):
        return True if answer in regression else None
    return regression

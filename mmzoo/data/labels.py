"""Labels: what kind they are, their class names, and their place among the classes."""

import numpy as np

from mmzoo.cells import MISSING, category
from mmzoo.data.absent import is_absent


def checked_labels(labels, class_names, describe):
    """Labels as `Records` keeps them.

    Args:
        labels: sequence of labels, see `Records`, or `None`.
        class_names: names of the classes in their order, or `None`: those that occur, sorted.
        describe: function from a position to how a message should call that row.

    Returns:
        `(labels, class_names)`. Classes: a list of strings and their names. Several labels a row:
        `(rows, classes)` float32 of zeros and ones, and the names. Numbers: float32 and `None`, or
        the names of the columns where they were given.

    Raises:
        ValueError: see `Records`.

    Example:

    >>> checked_labels(["b", "a"], None, "row {}".format)
    (['b', 'a'], ['a', 'b'])
    >>> rows, names = checked_labels([["b", "a"], [], ["b"]], None, "row {}".format)
    >>> rows.tolist(), names
    ([[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]], ['a', 'b'])
    """
    if labels is None:
        return None, None
    if _are_lists_of_names(labels):
        return _multi_hot(labels, class_names, describe)
    try:
        array = np.asarray(labels)
    except ValueError:
        raise ValueError("Rows of labels that are numbers must be equally long.") from None
    if array.ndim > 1:
        if array.dtype.kind not in "biuf":
            raise ValueError(f"Rows of labels must be numbers; received: {labels[0]!r}.")
        if class_names is not None and len(class_names) != array.shape[-1]:
            raise ValueError(f"{len(class_names)} class names for labels of shape {array.shape}.")
        return _numbers(array, describe), None if class_names is None else list(class_names)
    for row, label in enumerate(labels):
        if is_absent(label):
            raise ValueError(f"{describe(row)}: the label is missing.")
    if array.dtype.kind == "f" and class_names is None:
        return _numbers(array, describe), None
    if class_names is None:
        class_names = _sorted_names(array.tolist())
    class_names = [str(name) for name in class_names]
    known = set(class_names)
    for row, label in enumerate(labels):
        if str(label) not in known:
            raise ValueError(_unknown(describe(row), label, class_names))
    if len(class_names) < 2:
        raise ValueError(
            f"All {len(array)} labels are {class_names[0]!r}: there is nothing to tell apart. "
            "Give at least two classes, or `class_names=` if these rows are a part of more."
        )
    return [str(label) for label in labels], class_names


def _are_lists_of_names(labels):
    """Whether each row has a list of names, which may be empty or absent."""
    if isinstance(labels, np.ndarray) and labels.dtype.kind != "O":
        return False
    names = False
    for label in labels:
        if isinstance(label, (list, tuple, set, np.ndarray)):
            if not all(isinstance(name, str) for name in label):
                return False
            names = names or len(label) > 0
        elif not is_absent(label):
            return False
    return names


def _multi_hot(labels, class_names, describe):
    """A row of zeros and ones for each list of names; an empty list has none of the labels."""
    labels = [() if is_absent(row) else row for row in labels]
    if class_names is None:
        class_names = _sorted_names(name for row in labels for name in row)
    class_names = [str(name) for name in class_names]
    if len(class_names) < 2:
        raise ValueError(
            f"The only label that occurs is {class_names[0]!r}. Give `class_names=` if these rows "
            "are a part of more; for one answer, yes or no, give each row one label."
        )
    position = {name: i for i, name in enumerate(class_names)}
    encoded = np.zeros((len(labels), len(class_names)), "float32")
    for row, names in enumerate(labels):
        for name in names:
            if name not in position:
                raise ValueError(_unknown(describe(row), name, class_names))
            encoded[row, position[name]] = 1
    return encoded, class_names


def _sorted_names(labels):
    """The names that occur: numbers in their own order ("2" before "10"), all else as strings."""

    def order(label):
        return (1, 0, label) if isinstance(label, str) else (0, label, "")

    return [str(label) for label in sorted(set(labels), key=order)]


def _numbers(array, describe):
    array = array.astype("float32")
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if bad.size:
        raise ValueError(f"{describe(int(bad[0]))}: the label is not a finite number.")
    return array


def _unknown(row, label, class_names):
    return (
        f"{row}: label {str(label)!r} is not one of the {len(class_names)} classes: "
        f"{', '.join(class_names[:20])}."
    )


def split_labels(cells, delimiter, describe):
    """The lists of names in a column of strings.

    Args:
        cells: sequence of strings such as `"red|round"`; empty or absent: no label. Lists stay.
        delimiter: what stands between the names; spaces around them do not count.
        describe: function from a position to how a message should call that row.

    Returns:
        A list of lists.

    Raises:
        ValueError: for a cell that is neither.

    Example:

    >>> split_labels(["red|round", "", "red"], "|", "row {}".format)
    [['red', 'round'], [], ['red']]
    """
    lists = []
    for row, cell in enumerate(cells):
        if is_absent(cell):
            lists.append([])
        elif isinstance(cell, str):
            lists.append([name.strip() for name in cell.split(delimiter) if name.strip()])
        elif isinstance(cell, (list, tuple)):
            lists.append(list(cell))
        else:
            raise ValueError(
                f"{describe(row)}: labels to split at {delimiter!r} must be strings; received: "
                f"{cell!r}."
            )
    return lists


def label_values(cells, regression=None, label_delimiter=None, describe="row {}".format):
    """The labels in a column of values that have types: of a data frame, JSON, Parquet.

    Args:
        cells: sequence of values.
        regression: whether they are numbers to predict; `None`: floats are.
        label_delimiter: what stands between several labels of a row, or `None`.
        describe: function from a position to how a message should call that row.

    Returns:
        What `checked_labels` takes.

    Raises:
        ValueError: for a target of a regression that is no number.
    """
    if label_delimiter is not None:
        return split_labels(cells, label_delimiter, describe)
    if regression:
        return _targets(cells, describe)
    if regression is False:  # pandas makes floats of integers where one is missing
        return [None if is_absent(cell) else category(cell) for cell in cells]
    return cells


def _targets(cells, describe):
    """Targets of a regression, as floats; `None` where one is missing."""
    targets = []
    for row, cell in enumerate(cells):
        if is_absent(cell) or (isinstance(cell, str) and cell.strip().lower() in MISSING):
            targets.append(None)
            continue
        try:
            targets.append(float(cell))
        except (TypeError, ValueError):
            raise ValueError(
                f"The labels of a regression must be numbers; {describe(row)} has {cell!r}."
            ) from None
    return targets


def text_label_values(cells, regression=None, label_delimiter=None, describe="row {}".format):
    """The labels in a column of strings, as CSV files have them.

    Args:
        cells: sequence of strings.
        regression: whether they are numbers to predict; `None`: they are if one has a decimal point
            and all are numbers.
        label_delimiter: what stands between several labels of a row, or `None`.
        describe: function from a position to how a message should call that row.

    Returns:
        What `checked_labels` takes: floats, integers, strings or lists; `None` where missing.

    Raises:
        ValueError: for a target of a regression that is no number.

    Example:

    >>> text_label_values(["2", "10"]), text_label_values(["007", "2"])
    ([2, 10], ['007', '2'])
    >>> text_label_values(["2", "1.5", "nan"])
    [2.0, 1.5, None]
    """
    if label_delimiter is not None:
        return split_labels(cells, label_delimiter, describe)
    if regression:
        return _targets(cells, describe)
    names = [cell or None for cell in cells]
    filled = [cell for cell in cells if cell.strip().lower() not in MISSING]
    try:
        numbers = [float(cell) for cell in filled]
    except ValueError:
        return names
    if regression is None and any("." in cell for cell in filled):
        values = iter(numbers)
    elif all(cell.isdecimal() and str(int(cell)) == cell for cell in filled):
        values = iter([int(cell) for cell in filled])
    else:
        return names  # "007" is a name, not a number
    return [None if cell.strip().lower() in MISSING else next(values) for cell in cells]


def balanced_weights(labels, class_names):
    """Weights that make every class count the same: rows / (classes * rows of the class).

    Classes are those that occur.

    Args:
        labels: list of class names.
        class_names: all of them, in their order.

    Returns:
        Dict from class index to weight; 1 for a class that does not occur.

    Example:

    >>> balanced_weights(["a", "a", "a", "b"], ["a", "b"])
    {0: 0.6666666666666666, 1: 2.0}

    Reference: King and Zeng 2001, as `sklearn.utils.class_weight.compute_class_weight`.
    """
    counts = dict.fromkeys(class_names, 0)
    for label in labels:
        counts[label] += 1
    occurring = sum(count > 0 for count in counts.values())
    return {
        index: len(labels) / (occurring * count) if count else 1.0
        for index, count in enumerate(counts.values())
    }


def aligned(labels, names, known, describe):
    """Rows of zeros and ones with the columns in another order, matched by name.

    Args:
        labels: `(rows, columns)` float32.
        names: names of the columns.
        known: names in the order wanted.
        describe: function from a position to how a message should call that row.

    Returns:
        `(rows, len(known))` float32; zero in a column that is new.

    Raises:
        ValueError: when a row has a label that is not wanted.

    Example:

    >>> aligned(np.array([[1.0, 0.0]]), ["a", "b"], ["b", "c", "a"], "row {}".format).tolist()
    [[0.0, 0.0, 1.0]]
    """
    if list(names) == list(known):
        return labels
    result = np.zeros((len(labels), len(known)), "float32")
    position = {name: i for i, name in enumerate(known)}
    for name, column in zip(names, labels.T, strict=True):
        if name in position:
            result[:, position[name]] = column
        elif column.any():
            raise ValueError(_unknown(describe(int(np.flatnonzero(column)[0])), name, list(known)))
    return result

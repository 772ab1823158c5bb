"""Labels: what kind they are, their class names, and their place among the classes."""

import collections
import datetime
import decimal
import math
import numbers
import warnings

import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import MISSING, category, number
from mmzoo.raw.column_statistics import mean_and_deviation
from mmzoo.raw.lists import parsed_numbers, parsed_strings
from mmzoo.raw.spelling import rows as in_rows
from mmzoo.raw.spelling import spelling_notes

#: So many different integers are rather numbers to predict than classes; so are fewer of them where
#: each has few rows.
MANY_INTEGERS = 50
MANY_RARE_INTEGERS, RARE = 20, 5
#: How many classes of one row a message lists.
LISTED = 5


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
    >>> checked_labels([1, 0], ["cat", "dog"], "row {}".format)
    (['dog', 'cat'], ['cat', 'dog'])
    >>> rows, names = checked_labels([["b", "a"], [], ["b"]], None, "row {}".format)
    >>> rows.tolist(), names
    ([[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]], ['a', 'b'])
    """
    if labels is None:
        return None, None
    labels = plain_labels(labels, describe)
    if class_names is not None:
        class_names = _names_given(class_names)
    if _are_lists(labels, str) or _are_lists_of_indices(labels, class_names):
        return _multi_hot(labels, class_names, describe)
    if any(isinstance(label, (list, np.ndarray)) for label in labels):
        return _rows_of_numbers(labels, class_names, describe)
    for row, label in enumerate(labels):
        if is_absent(label):
            raise ValueError(f"{describe(row)}: the label is missing.")
        if not isinstance(label, (str, numbers.Real)):
            raise ValueError(
                f"{describe(row)}: a label must be a string, a number or a list of strings; "
                f"received: {label!r}."
            )
    if class_names is None and _are_numbers(labels):
        return _numbers(np.asarray(labels), describe), None
    if class_names is None:
        class_names = _sorted_names(labels)
        if not any(isinstance(label, (str, bool)) for label in labels):
            _warn_of_many_integers(len(class_names), len(labels))
    named = named_classes(labels, class_names, describe)
    if len(class_names) < 2:
        raise ValueError(
            f"All {len(labels)} labels are {class_names[0]!r}: there is nothing to tell apart. "
            "Give at least two classes, or `class_names=` if these rows are a part of more."
        )
    return named, class_names


def checked_with_missing(labels, class_names, describe):
    """As `checked_labels`, of labels that some rows lack.

    Args:
        labels: sequence of labels, `None` or NaN where one is missing.
        class_names: names of the classes in their order, or `None`.
        describe: function from a position to how a message should call that row.

    Returns:
        `(labels, class_names)`; `None`, or NaN in an array, where a label is missing.

    Raises:
        ValueError: when no row has a label; else see `Records`.

    Example:

    >>> checked_with_missing(["b", None, "a"], None, "row {}".format)
    (['b', None, 'a'], ['a', 'b'])
    """
    labels = plain_labels(labels, describe)
    # An empty list is a label: none of the classes.
    there = [
        row for row, label in enumerate(labels) if isinstance(label, list) or not is_absent(label)
    ]
    if not there:
        raise ValueError("There is no label in any row.")
    if len(there) == len(labels):
        return checked_labels(labels, class_names, describe)
    found, class_names = checked_labels(
        [labels[row] for row in there], class_names, lambda row: describe(there[row])
    )
    if isinstance(found, list):
        checked = [None] * len(labels)
        for row, label in zip(there, found, strict=True):
            checked[row] = label
        return checked, class_names
    checked = np.full((len(labels), *found.shape[1:]), np.nan, "float32")
    checked[there] = found
    return checked, class_names


def plain_labels(labels, describe):
    """Labels as Python's own values, whatever library they came from.

    Args:
        labels: sequence of labels, array, tensor of TensorFlow, PyTorch or JAX, or pandas series.
        describe: function from a position to how a message should call that row.

    Returns:
        A list of strings, numbers, `None` where one is missing, or lists of these; an array of
        numbers where labels have several axes.

    Raises:
        ValueError: for one label instead of a sequence, or bytes that are not UTF-8.

    Example:

    >>> plain_labels(np.array([b"cat", b"dog"]), "row {}".format)
    ['cat', 'dog']
    """
    if hasattr(labels, "to_list") and not hasattr(labels, "numpy"):
        labels = labels.to_list()  # a pandas series
    labels = _array_of_tensor(labels)
    if (isinstance(labels, np.ndarray) and labels.ndim == 0) or isinstance(labels, (str, bytes)):
        raise ValueError(f"Labels must be a sequence, one a row; received: {labels!r}.")
    if isinstance(labels, np.ndarray) and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels if labels.dtype.kind == "f" else labels[:, 0]  # one class a row
    if isinstance(labels, np.ndarray) and labels.ndim > 1 and labels.dtype.kind in "biuf":
        return labels
    return [_plain(label, row, describe) for row, label in enumerate(labels)]


def _array_of_tensor(value):
    """A tensor as an array, one of ragged rows as a list; anything else as it is."""
    if isinstance(value, (str, bytes, list, np.ndarray, np.generic)):
        return value
    if hasattr(value, "to_list") and hasattr(value, "row_splits"):
        return value.to_list()  # TensorFlow's ragged rows
    if hasattr(value, "detach"):
        value = value.detach().cpu()  # PyTorch's
    if hasattr(value, "numpy"):
        return np.asarray(value.numpy())
    return np.asarray(value) if hasattr(value, "__array__") else value


def _plain(label, row, describe):
    """A label as a string, a number, `None` or a list of these."""
    label = _array_of_tensor(label)
    if isinstance(label, np.ndarray) and label.ndim and label.dtype.kind in "biuf":
        return label
    if isinstance(label, (list, tuple, set, frozenset, np.ndarray)):
        if isinstance(label, np.ndarray) and not label.ndim:
            return _plain(label[()], row, describe)
        items = sorted(label) if isinstance(label, (set, frozenset)) else label
        return [_plain(each, row, describe) for each in items]
    if isinstance(label, np.generic) and label.dtype.kind not in "mM":
        label = label.item()
    if is_absent(label):
        return None
    if isinstance(label, (bytes, datetime.date, np.datetime64)):
        try:
            return category(label)
        except ValueError as error:
            raise ValueError(f"{describe(row)}: the label {error}.") from None
    return float(label) if isinstance(label, decimal.Decimal) else label


def _names_given(class_names):
    """The class names of a user as strings."""
    names = [_name(name) for name in plain_labels(class_names, "class name {}".format)]
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"Class names must differ; received twice: {', '.join(twice)}.")
    return names


def _name(label):
    """A label as the name of a class: strings stay as they are written."""
    return label if isinstance(label, str) else category(label)


def _are_lists(labels, kind):
    """Whether each row has a list of such, which may be empty or absent, and some have items."""
    if isinstance(labels, np.ndarray):
        return False
    items = False
    for label in labels:
        if isinstance(label, (list, np.ndarray)):
            if not all(isinstance(each, kind) for each in label):
                return False
            items = items or len(label) > 0
        elif label is not None:
            return False
    return items


def _are_lists_of_indices(labels, class_names):
    """Whether rows are lists of places among the class names, rather than a number for each."""
    if class_names is None or not _are_lists(labels, numbers.Integral):
        return False
    return any(label is None or len(label) != len(class_names) for label in labels)


def _multi_hot(labels, class_names, describe):
    """A row of zeros and ones for each list of names; an empty list has none of the labels."""
    labels = [() if label is None else label for label in labels]
    if class_names is None:
        class_names = _sorted_names(name for row in labels for name in row)
    if len(class_names) < 2:
        raise ValueError(
            f"The only label that occurs is {class_names[0]!r}. Give `class_names=` if these rows "
            "are a part of more; for one answer, yes or no, give each row one label."
        )
    of_row = [row for row, names in enumerate(labels) for _ in names]
    flat = [_plain(name, row, describe) for row, names in enumerate(labels) for name in names]
    named = named_classes(flat, class_names, lambda position: describe(of_row[position]))
    position = {name: i for i, name in enumerate(class_names)}
    encoded = np.zeros((len(labels), len(class_names)), "float32")
    encoded[of_row, [position[name] for name in named]] = 1
    return encoded, class_names


def _rows_of_numbers(labels, class_names, describe):
    """Labels of several axes, a row of numbers each."""
    for row, label in enumerate(labels):
        if label is None:
            raise ValueError(f"{describe(row)}: the label is missing.")
    widths = [len(label) if isinstance(label, (list, np.ndarray)) else None for label in labels]
    usual = collections.Counter(widths).most_common(1)[0][0]
    for row, (label, width) in enumerate(zip(labels, widths, strict=True)):
        if width != usual:
            values = {None: "no row of values", 1: "1 value"}.get(width, f"{width} values")
            of_others = {None: "have no row of them", 1: "have 1"}.get(usual, f"have {usual}")
            raise ValueError(
                f"{describe(row)}: the label {label!r} is {values}, but others {of_others}. "
                "Rows of labels that are numbers must be equally long. If they are lists of "
                "classes by their index, give `class_names=`."
            )
        if np.asarray(label).dtype.kind not in "biuf":
            raise ValueError(
                f"{describe(row)}: the label {label!r} has a value that is no number. Rows of "
                "labels must be numbers."
            )
    array = np.asarray(labels)
    if class_names is not None and len(class_names) != array.shape[-1]:
        raise ValueError(f"{len(class_names)} class names for labels of shape {array.shape}.")
    return _numbers(array, describe), class_names


def _are_numbers(labels):
    """Whether labels are numbers to predict: all are numbers, and not all of them integers."""
    floats = [isinstance(label, float) for label in labels]
    return any(floats) and not any(isinstance(label, str) for label in labels)


def _sorted_names(labels):
    """The names that occur: integers in their own order ("2" before "10"), all else as strings."""

    def order(name):
        is_integer = name.isascii() and name.removeprefix("-").isdecimal()
        is_integer = is_integer and str(int(name)) == name
        return (0, int(name), "") if is_integer else (1, 0, name)

    return sorted({_name(label) for label in labels}, key=order)


def _warn_of_many_integers(classes, count):
    if classes >= MANY_INTEGERS or (classes >= MANY_RARE_INTEGERS and count < RARE * classes):
        warnings.warn(
            f"The labels are {classes} different integers in {in_rows(count)}, and taken for "
            "classes. If they are numbers to predict, say so: regression=True, on the command line "
            "--regression, or give floats. If they are classes: regression=False, or class_names=.",
            stacklevel=2,
        )


def known_names(class_names):
    """Function from a label to the class it means: that of its name, however it is written.

    Args:
        class_names: names of the classes.

    Returns:
        A function from a string to a class name; `None` where no class, or more than one, is
        meant.

    Example:

    >>> known = known_names(["3", "true"])
    >>> known("3"), known("3.0"), known("True"), known("False")
    ('3', '3', 'true', None)
    """
    exact, same = set(class_names), {}
    for name in class_names:
        same.setdefault(category(name), []).append(name)

    def known(label):
        if label in exact:
            return label
        candidates = same.get(category(label), ())
        return candidates[0] if len(candidates) == 1 else None

    return known


def are_called_by_numbers(class_names):
    """Whether one of the classes, at least, has a number for a name.

    Args:
        class_names: names of the classes, or `None`.

    Example:

    >>> are_called_by_numbers(["1", "2"]), are_called_by_numbers(["cat", "none"])
    (True, False)
    """

    def is_number(name):
        try:
            return not math.isnan(number(name))
        except ValueError:
            return False

    return any(is_number(name) for name in class_names or ())


def named_classes(labels, class_names, describe):
    """The class names that labels mean, by name, or by index where they are whole numbers.

    Args:
        labels: list of strings and numbers.
        class_names: names of the classes.
        describe: function from a position to how a message should call that row.

    Returns:
        A list of class names.

    Raises:
        ValueError: for a label that is none of the classes.

    Example:

    >>> named_classes([3.0, 1.0], ["1", "2", "3"], "row {}".format)
    ['3', '1']
    >>> named_classes([0, 1], ["a", "b"], "row {}".format)
    ['a', 'b']
    """
    known = known_names(class_names)
    meant = [known(_name(label)) for label in labels]
    if None not in meant:
        return meant
    by_index = not any(isinstance(label, str) for label in labels)
    if by_index and not any(name.removeprefix("-").isdecimal() for name in class_names):
        indices = [int(label) if label == int(label) else -1 for label in labels]
        for row, index in enumerate(indices):
            if not 0 <= index < len(class_names):
                raise ValueError(
                    f"{describe(row)}: label {labels[row]!r} is not an index of the "
                    f"{len(class_names)} classes, which are counted from 0: "
                    f"{', '.join(class_names[:20])}."
                )
        return [class_names[index] for index in indices]
    row = meant.index(None)
    raise ValueError(_unknown(describe(row), _name(labels[row]), class_names))


def _numbers(array, describe):
    with np.errstate(over="ignore"):
        narrow = array.astype("float32")
    bad = np.flatnonzero(~np.isfinite(narrow.reshape(len(array), -1)).all(axis=1))
    if bad.size:
        row = int(bad[0])
        if np.isfinite(array[row].astype("float64")).all():
            raise ValueError(
                f"{describe(row)}: the label {array[row]} is larger than float32 can hold, 3.4e38. "
                "Give the labels in another unit."
            )
        raise ValueError(f"{describe(row)}: the label is not a finite number.")
    return narrow


def _unknown(row, label, class_names):
    return (
        f"{row}: label {str(label)!r} is not one of the {len(class_names)} classes: "
        f"{', '.join(class_names[:20])}."
    )


def label_notes(labels, class_names):
    """What is suspicious about the labels of some rows as a whole.

    Args:
        labels: what `checked_labels` returned.
        class_names: likewise.

    Returns:
        A list of strings: of names that differ only in case or in spaces at their ends, and of
        classes of a single row, or numbers that are all the same.

    Example:

    >>> for note in label_notes(["cat"] * 3 + ["Cat", "dog", "dog"], ["Cat", "cat", "dog"]):
    ...     print(note)
    The labels 'cat' (3 rows) and 'Cat' (1 row) differ only in case or in spaces at their ends.
    The class 'Cat' has only one row.
    """
    counts = class_counts(labels, class_names)
    if counts is None:
        return _constant_numbers(labels, class_names)
    notes = spelling_notes(counts, "labels")
    single = [name for name, count in counts.items() if count == 1]
    if single:
        more = f" and {len(single) - LISTED} more" if len(single) > LISTED else ""
        classes = "The class" if len(single) == 1 else "The classes"
        have = "has only one row" if len(single) == 1 else "have only one row each"
        notes.append(f"{classes} {', '.join(map(repr, single[:LISTED]))}{more} {have}.")
    return notes


def _constant_numbers(labels, names):
    """What to say of numbers to predict that are all the same."""
    if labels is None or len(labels) < 2 or not isinstance(labels, np.ndarray):
        return []  # a list without names: files, or lists of tags
    columns = np.asarray(labels, "float64").reshape(len(labels), -1).T
    names = names or [f"column {number}" for number in range(len(columns))]
    notes = []
    for name, column in zip(names, columns, strict=True):
        there = column[~np.isnan(column)]  # of several answers a row may lack some
        if len(there) > 1 and mean_and_deviation(there)[2]:
            where = f" in {name}" if len(columns) > 1 else ""
            notes.append(
                f"The labels{where} are constant: {there[0]:.6g} in all {in_rows(len(there))}. "
                "There is nothing to learn."
            )
    return notes


def label_summary(labels, class_names):
    """What labels were taken for, in a line: numbers to predict, or which classes.

    Args:
        labels: what `checked_labels` returned.
        class_names: likewise.

    Returns:
        A string.

    Example:

    >>> label_summary(["b", "a"], ["a", "b"])
    'Labels: 2 classes, a (1 row), b (1 row).'
    >>> label_summary(np.array([0.0, 2.5]), None)
    'Labels: numbers from 0 to 2.5, to predict as they are. If they are classes: regression=False \
(--classes).'
    """
    if labels is None:
        return "Labels: none."
    counts = class_counts(labels, class_names)
    if counts is None:
        return (
            f"Labels: numbers from {np.nanmin(labels):g} to {np.nanmax(labels):g}, to predict as "
            "they are. If they are classes: regression=False (--classes)."
        )
    named = [f"{name} ({in_rows(count)})" for name, count in counts.items()]
    more = f" and {len(named) - LISTED} more" if len(named) > LISTED else ""
    several = "" if isinstance(labels, list) else ", any number of them a row"
    return f"Labels: {len(named)} classes{several}, {', '.join(named[:LISTED])}{more}."


def class_counts(labels, class_names):
    """How many rows each class has.

    Args:
        labels: what `checked_labels` returned.
        class_names: likewise.

    Returns:
        Dict from class name to a number; `None` where labels are no classes.

    Example:

    >>> class_counts(["b", "b"], ["a", "b"])
    {'a': 0, 'b': 2}
    """
    if class_names is None or labels is None:
        return None
    if isinstance(labels, list):
        counts = dict.fromkeys(class_names, 0)
        for label in labels:
            if label is not None:
                counts[label] += 1
        return counts
    there = labels[~np.isnan(labels).any(axis=-1)]
    if not np.isin(there, (0, 1)).all():
        return None
    return dict(zip(class_names, there.sum(axis=0).astype(int).tolist(), strict=True))


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
        cell = _plain(cell, row, describe)
        if cell is None:
            lists.append([])
        elif isinstance(cell, str):
            lists.append([name.strip() for name in cell.split(delimiter) if name.strip()])
        elif isinstance(cell, list):
            lists.append(cell)
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
        regression: whether they are numbers to predict, or `False`: classes; `None`: floats are
            numbers to predict.
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
        plain = (_plain(cell, row, describe) for row, cell in enumerate(cells))
        return [_name(cell) if isinstance(cell, numbers.Real) else cell for cell in plain]
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
        regression: whether they are numbers to predict, or `False`: names of classes; `None`: they
            are numbers if one has a decimal point and all are numbers.
        label_delimiter: what stands between several labels of a row, or `None`.
        describe: function from a position to how a message should call that row.

    Returns:
        What `checked_labels` takes: floats, integers, strings or lists; `None` where missing.

    Raises:
        ValueError: for a target of a regression that is no number.

    Example:

    >>> text_label_values(["2", "10"]), text_label_values(["007", "2"])
    ([2, 10], ['007', '2'])
    >>> text_label_values(["2", "1.5", "nan"]), text_label_values(['["a", "b"]', "[]"])
    ([2.0, 1.5, None], [['a', 'b'], []])
    """
    if label_delimiter is not None:
        return split_labels(cells, label_delimiter, describe)
    lists = _listed(cells)
    if lists is not None:
        return lists
    if regression:
        return _targets(cells, describe)
    names = [cell or None for cell in cells]
    filled = [cell for cell in cells if cell.strip().lower() not in MISSING]
    try:
        numbers = [float(cell) for cell in filled]
    except ValueError:
        return names
    if regression is False:  # 3.0 is the class that is 3 in another file
        values = map(category, filled)
    elif any("." in cell for cell in filled):
        values = iter(numbers)
    elif all(cell.isdecimal() and str(int(cell)) == cell for cell in filled):
        values = iter([int(cell) for cell in filled])
    else:
        return names  # "007" is a name, not a number
    return [None if cell.strip().lower() in MISSING else next(values) for cell in cells]


def _listed(cells):
    """The lists in a column of strings that are all lists, of names or of numbers; else `None`."""
    filled = [cell for cell in cells if cell.strip()]
    if not filled or not all(cell.strip()[0] + cell.strip()[-1] == "[]" for cell in filled):
        return None
    lists = [parsed_strings(cell) for cell in filled]
    if None in lists:
        try:
            lists = [parsed_numbers(cell) for cell in filled]
        except ValueError:
            return None
    values = iter(lists)
    return [next(values) if cell.strip() else None for cell in cells]


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
    counts = class_counts(labels, class_names)
    occurring = sum(count > 0 for count in counts.values())
    return {
        index: sum(counts.values()) / (occurring * count) if count else 1.0
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
    position, meant = {name: i for i, name in enumerate(known)}, known_names(known)
    for name, column in zip(names, labels.T, strict=True):
        if meant(name) is not None:
            result[:, position[meant(name)]] = column
        elif column.any():
            raise ValueError(_unknown(describe(int(np.flatnonzero(column)[0])), name, list(known)))
    return result

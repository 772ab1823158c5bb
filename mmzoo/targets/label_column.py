"""The labels of one answer, as records hold them."""

import contextlib
import os

import numpy as np

from mmzoo.raw.plain_value import plain_value
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.targets.class_target import ClassTarget
from mmzoo.targets.labels import (
    aligned,
    are_called_by_numbers,
    checked_labels,
    checked_with_missing,
    known_names,
    named_classes,
    plain_labels,
)

#: How the only answer is called, as its head in the model is.
ONLY = "head"
#: What a PNG file begins with.
PNG = b"\x89PNG"
#: So many different strings in lists, most of them there once, are texts rather than classes.
MANY_TEXTS = 1000


@contextlib.contextmanager
def naming_the_column(source):
    """A context in which an error says, too, which column of labels it is about.

    Args:
        source: as for `LabelColumn`.
    """
    try:
        yield
    except ValueError as error:
        message = str(error)
        if source is None or f"column {source[0]!r}" in message:
            raise
        column, name = source
        raise ValueError(f"{message.removesuffix('.')} (column {column!r} of {name}).") from None


class LabelColumn:
    """Labels as they came, and as what they look like: classes, several classes, numbers.

    What they are in the end a target says, which a head names. Where there is none, they are what
    they look like. Lists of tags, in which one may be there twice, of texts and of spans are kept
    as they came.

    Args:
        raw: sequence of labels.
        class_names: names of the classes in their order, or `None`: those that occur, sorted.
        describe: function from a position to how a message should call that row.
        may_lack: whether rows may lack a label, as with several answers.
        source: `(column, name)`: the name of their column, and what messages call the source it is
            in; or `None`.

    Raises:
        ValueError: see `mmzoo.data.Records`.

    Example:

    >>> column = LabelColumn(["b", "a"], None, "row {}".format)
    >>> column.labels, column.class_names
    (['b', 'a'], ['a', 'b'])
    """

    def __init__(self, raw, class_names, describe, may_lack=False, source=None):
        self.source = source
        self.names_given = class_names is not None
        if _are_files(raw) or _are_sequences(raw):
            self.raw = self.labels = list(raw)
            self.class_names = None
            return
        check = checked_with_missing if may_lack else checked_labels
        with naming_the_column(source):
            self.raw = plain_labels(raw, describe)
            self.labels, self.class_names = check(self.raw, class_names, describe)

    @classmethod
    def of_lists(cls, raw, class_names, describe, source=None):
        """Labels that are lists, as they were before: `is_lists` of another column.

        Args:
            raw: list of lists, `None` where one is missing.
            class_names: the names of the classes that they were taken for, or `None`: they were
                kept as they came.
            describe: as for a new column.
            source: likewise.
        """
        column = object.__new__(cls)
        column.source, column.names_given = source, class_names is not None
        column.raw = column.labels = raw
        column.class_names = None
        if class_names is not None:
            column.labels, column.class_names = checked_with_missing(raw, class_names, describe)
        return column

    def __len__(self):
        return len(self.raw)

    @property
    def is_lists(self):
        """Whether rows have lists of names, tags, texts or spans, and no numbers."""
        lists = [label for label in self.raw if isinstance(label, (list, tuple))]
        if isinstance(self.labels, list):  # those of files are no lists
            return bool(lists)
        return any(map(_has_string, lists))

    @property
    def is_classes(self):
        """Whether each row has one class."""
        return isinstance(self.labels, list) and self.class_names is not None

    def take(self, rows):
        """The labels of some rows, with the same classes."""
        taken = object.__new__(LabelColumn)
        taken.source = self.source
        taken.names_given, taken.class_names = self.names_given, self.class_names
        taken.raw, taken.labels = _taken(self.raw, rows), _taken(self.labels, rows)
        return taken

    def checked(self, target, describe, texts=None):
        """The labels as a target keeps them.

        Args:
            target: `mmzoo.targets.Target`.
            describe: function from a position to how a message should call that row.
            texts: the raw texts that they say something of, where `target.text_name` names some.

        Raises:
            ValueError: for a label that is none of its kind; names the row, and the column.
        """
        with naming_the_column(self.source):
            if texts is not None:
                return target.check_beside(self.raw, texts, describe)
            return self._checked(target, describe)

    def encoded(self, labels, target, describe):
        """What `target.encode` makes of labels that it keeps; as `checked`, names the column."""

        def of_column(row):
            return f"{describe(row)}, column {self.source[0]!r}"

        with naming_the_column(self.source):
            return target.encode(labels, of_column if self.source else describe)

    def _checked(self, target, describe):
        if not isinstance(target, ClassTarget):
            return target.check(self.raw, describe)
        if target.class_names is not None and self._are_indices(target.class_names):
            return target.check(self.raw, describe)
        labels = self.labels
        if self._are_numbers() and are_called_by_numbers(target.class_names):
            labels = self._named(target.class_names, describe)
        target.check_kind(labels, describe)
        if isinstance(labels, np.ndarray) and self.class_names and target.class_names:
            labels = aligned(labels, self.class_names, target.class_names, describe)
        return labels

    def _are_numbers(self):
        """Whether the labels look like one number to predict a row."""
        is_array = isinstance(self.labels, np.ndarray) and self.class_names is None
        return is_array and self.labels.size == len(self.labels)

    def _named(self, class_names, describe):
        """The classes that numbers mean: 3.0 is what another file writes as 3, and no index."""
        rows = np.flatnonzero(~np.isnan(self.labels.reshape(-1)))
        numbers = [plain_value(np.asarray(self.raw[row]).reshape(-1)[0]) for row in rows]
        names = [None] * len(self.labels)
        meant = named_classes(numbers, class_names, lambda position: describe(rows[position]))
        for row, name in zip(rows, meant, strict=True):
            names[row] = name
        return names

    def _are_indices(self, class_names):
        """Whether the labels are integers that are no names of classes."""
        known = known_names(class_names)
        return (
            self.is_classes
            and not self.names_given
            and not any(isinstance(label, str) for label in self.raw)
            and any(known(name) is None for name in self.class_names)
        )


def _taken(values, rows):
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]


def _are_sequences(labels):
    """Whether rows are lists of tags, one a word, of texts or spans, rather than of classes.

    Of classes a list may name one twice by mistake; of tags at least half of the lists do.
    """
    if not isinstance(labels, (list, tuple)):
        return False
    lists = [label for label in labels if isinstance(label, (list, tuple)) and len(label)]
    lists = [label for label in lists if all(not isinstance(x, np.ndarray) for x in label)]
    spans = any(
        isinstance(each, dict) or (isinstance(each, (list, tuple)) and _has_string(each))
        for label in lists
        for each in label
    )
    strings = [x for label in lists for x in label if isinstance(x, str)]
    different = len({*strings})
    if different > MANY_TEXTS and 2 * different > len(strings):
        return True
    repeating = [label for label in lists if _has_string(label) and not spans]
    repeating = [label for label in repeating if len({*label}) < len(label)]
    return spans or (bool(repeating) and 2 * len(repeating) >= len(lists))


def _has_string(values):
    return any(isinstance(value, str) for value in values)


def _are_files(labels):
    """Whether labels are contents of files, or their paths, rather than names or numbers."""
    is_array = isinstance(labels, np.ndarray) and labels.dtype.kind in "OS"
    if not is_array and not isinstance(labels, (list, tuple)):
        return False
    return any(
        isinstance(label, (os.PathLike, StoredBytes))
        or (isinstance(label, bytes) and label.startswith(PNG))
        or (isinstance(label, str) and label.lower().endswith(".png"))
        or (isinstance(label, np.ndarray) and label.ndim > 1)
        for label in labels
    )

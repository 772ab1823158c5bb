"""Records of sequences in memory."""

from mmzoo.data.records import Records


def from_arrays(columns, labels=None, class_names=None, sample_weight=None, root=None):
    """Records of sequences in memory.

    Args:
        columns: dict from modality name to a sequence of raw values. Pictures: encoded bytes,
            paths, or arrays with values 0-255; videos: lists of pictures, or arrays; sounds: the
            bytes or paths of files, or arrays of samples; texts: strings; tables: dicts from column
            to cell, or one dict of columns, or a DataFrame; features: lists or arrays of numbers.
            `None`, `""`, `b""` and NaN are absent values.
        labels: sequence of strings or integers (classes), lists of strings (several labels a row),
            floats (targets of a regression), or rows of numbers, `(rows, units)`; as an array or
            tensor, too.
        class_names: names of the classes in the order of their indices; `None`: those that occur,
            sorted. Integers that are not among them are indices.
        sample_weight: sequence of floats.
        root: folder that relative paths start from.

    Returns:
        `Records`.

    Raises:
        ValueError: see `Records`; messages count rows from 0.

    Example:

    >>> records = from_arrays({"text": ["a cat", "a dog"]}, labels=["cat", "dog"])
    >>> records.class_names
    ['cat', 'dog']
    """
    return Records(columns, labels, class_names, sample_weight, root)

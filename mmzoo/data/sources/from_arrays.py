"""Records of sequences in memory."""

import numpy as np

from mmzoo.data.records import Records
from mmzoo.data.sources.label_columns import check_missing_labels, labelled_rows, noted
from mmzoo.targets.label_column import ONLY
from mmzoo.targets.labels import label_values, plain_labels


def from_arrays(
    columns,
    labels=None,
    class_names=None,
    sample_weight=None,
    root=None,
    missing_labels="raise",
):
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
        missing_labels: `"raise"`: a row without a label is an error. `"skip"`: it is left out, and
            a warning says so; where there are several answers, if it has none of their labels.

    Returns:
        `Records`.

    Raises:
        ValueError: see `Records`; messages count rows from 0.

    Example:

    >>> records = from_arrays({"text": ["a cat", "a dog"]}, labels=["cat", "dog"])
    >>> records.class_names
    ['cat', 'dog']
    """
    check_missing_labels(missing_labels)
    if missing_labels == "raise" or labels is None:
        return Records(columns, labels, class_names, sample_weight, root)
    unlabelled = Records(columns, root=root)
    of_answers = labels if isinstance(labels, dict) else {ONLY: labels}
    cells = {name: plain_labels(raw, unlabelled.describe) for name, raw in of_answers.items()}
    if any(len(values) != len(unlabelled) for values in cells.values()):
        return Records(columns, labels, class_names, sample_weight, root)  # which says it
    answers = [*cells] if isinstance(labels, dict) else ONLY
    describe = unlabelled.describe
    rows, note = labelled_rows(label_values, cells, answers, None, None, describe, "the arrays")
    taken = unlabelled.take(rows)
    kept = {name: [values[row] for row in rows] for name, values in cells.items()}
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)[list(rows)]
    labels = kept if isinstance(labels, dict) else kept[ONLY]
    options = {"root": root, "describe": taken.describe}
    return noted(Records(taken.columns, labels, class_names, sample_weight, **options), note)

"""Class weights where a model gives several answers; Keras's own are for models of one output."""

import numpy as np

from mmzoo.targets.one_class import OneClass
from mmzoo.targets.yes_no import YesNo


def weighted_by_class(x, y, class_weight, heads, options):
    """Class weights as sample weights.

    Args:
        x: what `fit` trains on: arrays, or a `tf.data.Dataset` of `(x, y)` or `(x, y, weights)`.
        y: dict from the name of an answer to its labels; `None` where `x` is a dataset.
        class_weight: dict from the name of an answer to a dict from class index to weight; a class
            that is left out weighs 1.
        heads: dict from the name of an answer to its `Head`.
        options: further arguments of `fit`.

    Returns:
        `(x, options)`, with the weights in the dataset or in `options["sample_weight"]`.

    Raises:
        ValueError: for an answer that there is not, that is not one class a row, or whose class
            index there is not; for data that is neither arrays nor a dataset.
    """
    tables = _tables(class_weight, heads)
    if y is None and not hasattr(x, "map"):
        raise ValueError(
            "`class_weight` of several answers needs arrays or a tf.data.Dataset; received: "
            f"{type(x).__name__}. Let it give the weights itself, as (x, y, sample_weight)."
        )

    def weighted(y, sample_weight, take, ones):
        if sample_weight is None:
            sample_weight = {name: ones(labels) for name, labels in y.items()}
        elif not isinstance(sample_weight, dict):
            sample_weight = dict.fromkeys(y, sample_weight)
        return {
            name: weight * take(tables[name], y[name]) if name in tables else weight
            for name, weight in sample_weight.items()
        }

    if y is not None:
        sample_weight = weighted(
            {name: np.asarray(labels) for name, labels in y.items()},
            options.get("sample_weight"),
            lambda table, labels: table[_indices(labels, len(table), np).astype(int)],
            lambda labels: np.ones(len(labels), "float32"),
        )
        return x, {**options, "sample_weight": sample_weight}

    import tensorflow as tf

    def of_batch(x, y, sample_weight=None):
        return x, y, weighted(
            y, sample_weight,
            lambda table, labels: tf.gather(
                table, tf.cast(_indices(labels, len(table), tf), tf.int32)
            ),
            lambda labels: tf.ones(tf.shape(labels)[:1]),
        )  # fmt: skip

    return x.map(of_batch), options


def _indices(labels, classes, library):
    """`(B,)` class indices of labels `(B,)`, `(B, 1)`, or one-hot `(B, classes)`."""
    if len(labels.shape) == 2 and labels.shape[1] == classes:
        return library.argmax(labels, 1)
    return library.reshape(labels, [-1])


def _tables(class_weight, heads):
    """Dict from the name of an answer to the weights of its classes, `(classes,)` float32."""
    if not all(isinstance(weights, dict) for weights in class_weight.values()):
        raise ValueError(
            "With several answers `class_weight` is a dict from the name of an answer to a dict "
            f"from class index to weight; received: {class_weight!r}."
        )
    tables = {}
    for name, weights in class_weight.items():
        if name not in heads:
            raise ValueError(
                f"`class_weight` has an answer {name!r}; the model's are: {', '.join(heads)}."
            )
        target = heads[name].target()
        if not isinstance(target, (OneClass, YesNo)):
            raise ValueError(
                f"`class_weight` needs an answer of one class a row; {name!r} is answered by "
                f"{type(heads[name]).__name__}. Give its rows a `sample_weight` instead."
            )
        classes = 2 if isinstance(target, YesNo) else heads[name].units
        strange = [index for index in weights if index not in range(classes)]
        if strange:
            raise ValueError(
                f"`class_weight` of {name!r} has the class index {strange[0]!r}; its {classes} "
                f"classes have 0 to {classes - 1}."
            )
        tables[name] = np.array([weights.get(i, 1.0) for i in range(classes)], "float32")
    return tables

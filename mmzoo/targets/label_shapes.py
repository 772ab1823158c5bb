"""Labels in every shape the heads accept, checked and brought into one."""

import numpy as np


def check_labels(labels, task, units, class_names=None):
    """Brings the labels of a batch into the one shape that the figures are computed from.

    Args:
        labels: array of numbers. Multiclass: class indices `(B,)` or `(B, 1)`, or one-hot
            `(B, units)`. Binary: 0 or 1, `(B,)` or `(B, 1)`. Multilabel: 0 or 1, `(B, units)`.
            Regression: `(B,)` for one unit, or `(B, units)`.
        task: `"multiclass"`, `"binary"`, `"multilabel"` or `"regression"`.
        units: number of outputs of the head.
        class_names: names for messages, or `None`.

    Returns:
        Multiclass and binary: `(B,)` int64. Multilabel: `(B, units)` int64. Regression:
        `(B, units)` float64.

    Raises:
        ValueError: for labels that are not numbers, NaN, of another shape, or outside the classes.

    Example:

    >>> check_labels([[0, 1, 0], [0, 0, 1]], task="multiclass", units=3).tolist()
    [1, 2]
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biuf":
        raise ValueError(
            f"The labels must be numbers; received dtype {labels.dtype}. "
            "`records.to_dataset(preprocessor)` encodes class names."
        )
    _check_shape(labels, task, units)
    if not np.isfinite(labels).all():
        raise ValueError(
            f"{int((~np.isfinite(labels)).sum())} labels of a batch of {len(labels)} rows are NaN "
            "or infinite. Leave such rows out."
        )
    if task == "regression":
        return labels.reshape(-1, units).astype("float64")
    if task == "multiclass" and labels.ndim == 2 and labels.shape[1] == units:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError(
                f"Labels of shape (B, {units}) must be one-hot: a single 1 in each row, else 0. "
                "Evaluation has no figures for labels that are spread over several classes."
            )
        return labels.argmax(axis=1)
    classes = units if task == "multiclass" else 2
    outside = np.unique(labels[~np.isin(labels, np.arange(classes))])
    if outside.size:
        names = "" if class_names is None else f" ({_shortened(class_names)})"
        raise ValueError(
            f"The labels {_shortened(outside.tolist())} lie outside the classes: a {task} label is "
            f"an integer from 0 to {classes - 1}{names}."
        )
    return (labels if task == "multilabel" else labels.reshape(-1)).astype("int64")


def _check_shape(labels, task, units):
    """Raises unless the head accepts labels of this shape."""
    allowed = {
        "multiclass": {(): "(B,)", (1,): "(B, 1)", (units,): f"(B, {units}) one-hot"},
        "binary": {(): "(B,)", (1,): "(B, 1)"},
        "multilabel": {(units,): f"(B, {units})"},
        "regression": {(units,): f"(B, {units})"} | ({(): "(B,)"} if units == 1 else {}),
    }[task]
    if labels.ndim == 0 or labels.shape[1:] not in allowed:
        raise ValueError(
            f"The labels of a {task} head with units={units} must have the shape "
            f"{' or '.join(allowed.values())}; received: {labels.shape}."
        )


def _shortened(values, most=10):
    """The first few values, separated by commas."""
    text = ", ".join(str(value) for value in values[:most])
    return text + (", ..." if len(values) > most else "")

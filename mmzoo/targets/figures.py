"""The figures of a report, all of them computed by scikit-learn."""

import numpy as np

from mmzoo.targets import reliability
from mmzoo.utils.optional_packages import require

AVERAGES = ("micro", "macro", "weighted")


def multiclass_figures(labels, probabilities, class_names, sample_weight=None):
    """Figures for mutually exclusive classes.

    Args:
        labels: `(N,)` int class indices.
        probabilities: `(N, K)` float.
        class_names: `K` names.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of arguments for `Report`.
    """
    metrics = require("sklearn.metrics", extra="report")
    classes = np.arange(len(class_names))
    # In double precision, and renormalised there, as log_loss wants it.
    probabilities = probabilities.astype("float64")
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    figures = {
        "accuracy": metrics.accuracy_score(labels, predicted, sample_weight=sample_weight),
        "log_loss": metrics.log_loss(
            labels, probabilities, labels=classes, sample_weight=sample_weight
        ),
        "confusion_matrix": metrics.confusion_matrix(
            labels, predicted, labels=classes, sample_weight=sample_weight
        ),
        **reliability.of_one_class(labels, probabilities, sample_weight),
    }
    occurs = np.isin(classes, labels) | np.isin(classes, predicted)
    figures |= _retrieval(labels, predicted, occurs, class_names, sample_weight)
    is_class = labels[:, None] == classes
    return figures | _ranking(is_class, probabilities, class_names, figures, sample_weight)


def binary_figures(labels, probabilities, class_names, sample_weight=None):
    """Figures for one yes/no answer; "yes" is predicted where its probability exceeds 0.5.

    Args:
        labels: `(N,)` int, 0 or 1.
        probabilities: `(N, 1)` float, of a 1.
        class_names: the names of 0 and 1.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of arguments for `Report`. ROC AUC, average precision and calibration are those of the
        class 1.
    """
    probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    figures = multiclass_figures(labels, probabilities, class_names, sample_weight)
    positive = figures["per_class"][class_names[1]]
    figures |= {name: positive[name] for name in ("roc_auc", "average_precision")}
    return figures | reliability.of_labels(labels[:, None], probabilities[:, 1:], sample_weight)


def multilabel_figures(labels, probabilities, class_names, sample_weight=None):
    """Figures for several labels at once; one is predicted where its probability exceeds 0.5.

    Args:
        labels: `(N, K)` int, 0 or 1.
        probabilities: `(N, K)` float.
        class_names: `K` names.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of arguments for `Report`.
    """
    metrics = require("sklearn.metrics", extra="report")
    predicted = (probabilities > 0.5).astype("int64")
    losses = [
        metrics.log_loss(label, probability, labels=[0, 1], sample_weight=sample_weight)
        for label, probability in zip(labels.T, probabilities.T.astype("float64"), strict=True)
    ]
    figures = {
        "accuracy": metrics.accuracy_score(labels, predicted, sample_weight=sample_weight),
        "hamming_loss": metrics.hamming_loss(labels, predicted, sample_weight=sample_weight),
        "log_loss": np.mean(losses),
        "confusion_matrix": metrics.multilabel_confusion_matrix(
            labels, predicted, sample_weight=sample_weight
        ),
        **reliability.of_labels(labels, probabilities, sample_weight),
    }
    occurs = labels.any(axis=0) | predicted.any(axis=0)
    figures |= _retrieval(labels, predicted, occurs, class_names, sample_weight)
    return figures | _ranking(labels == 1, probabilities, class_names, figures, sample_weight)


def regression_figures(labels, values, sample_weight=None):
    """Figures for numbers; those of several outputs are averaged evenly.

    Args:
        labels: `(N, units)` float.
        values: `(N, units)` float.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of arguments for `Report`.
    """
    metrics = require("sklearn.metrics", extra="report")
    r2 = None
    if (np.ptp(labels, axis=0) > 0).all():  # else there is no variance to explain
        r2 = metrics.r2_score(labels, values, sample_weight=sample_weight)
    return {
        "mean_absolute_error": metrics.mean_absolute_error(
            labels, values, sample_weight=sample_weight
        ),
        "root_mean_squared_error": metrics.root_mean_squared_error(
            labels, values, sample_weight=sample_weight
        ),
        "r2": r2,
    }


def _retrieval(labels, predicted, occurs, class_names, sample_weight):
    """Precision, recall and F1, averaged over the classes that occur, and of each class."""
    metrics = require("sklearn.metrics", extra="report")
    occurring = np.flatnonzero(occurs)

    def scores(average):
        if not occurring.size:  # no label is set and none predicted
            return [None] * 4 if average else [[]] * 4
        return metrics.precision_recall_fscore_support(
            labels,
            predicted,
            labels=occurring,
            average=average,
            sample_weight=sample_weight,
            zero_division=0,
        )

    figures = {"precision": {}, "recall": {}, "f1": {}}
    for average in AVERAGES:
        for figure, value in zip(figures, scores(average), strict=False):
            figures[figure][average] = value
    nothing = {"precision": None, "recall": None, "f1": None, "support": 0}
    figures["per_class"] = {name: dict(nothing) for name in class_names}
    for index, *values in zip(occurring, *scores(None), strict=True):
        figures["per_class"][class_names[index]] = dict(zip(nothing, values, strict=True))
    return figures


def _ranking(is_class, scores, class_names, figures, sample_weight):
    """ROC AUC and average precision, one class against the rest: each, and the mean."""
    metrics = require("sklearn.metrics", extra="report")
    per_class, left_out = {}, []
    for index, name in enumerate(class_names):
        positive, score = is_class[:, index], scores[:, index]
        roc_auc = average_precision = None
        if positive.any() and not positive.all():
            roc_auc = metrics.roc_auc_score(positive, score, sample_weight=sample_weight)
            average_precision = metrics.average_precision_score(
                positive, score, sample_weight=sample_weight
            )
        else:
            left_out.append(name)
        per_class[name] = {
            **figures["per_class"][name],
            "roc_auc": roc_auc,
            "average_precision": average_precision,
        }

    def mean(figure):
        values = [each[figure] for each in per_class.values() if each[figure] is not None]
        return np.mean(values) if values else None

    return {
        "per_class": per_class,
        "roc_auc": mean("roc_auc"),
        "average_precision": mean("average_precision"),
        "classes_left_out": left_out,
    }


def best_thresholds(labels, probabilities, by, per_class=True, sample_weight=None):
    """Probabilities from which on a label is best said to hold.

    Args:
        labels: `(N, K)` int, 0 or 1.
        probabilities: `(N, K)` float.
        by: `"f1"`: the highest F1; `{"precision": p}`: the highest recall with a precision of at
            least `p`; `{"recall": r}`: the highest precision with a recall of at least `r`. Where a
            precision can't be had, the threshold of the highest precision.
        per_class: whether each label has its own; else the micro average decides on one.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        List of `K` floats. A label that no row has, or every row, keeps 0.5.

    Raises:
        ValueError: for another `by`, or no rows.

    Example:

    >>> labels = np.array([[0], [0], [1], [1]])
    >>> best_thresholds(labels, np.array([[0.1], [0.3], [0.2], [0.4]]), {"precision": 1.0})
    [0.35]
    """
    wanted = {"precision": None, "recall": None}
    if isinstance(by, dict) and len(by) == 1 and {*by} <= {*wanted}:
        wanted |= by
    elif by != "f1":
        raise ValueError(
            "Thresholds are chosen by 'f1', {'precision': p} or {'recall': r}; received: "
            f"{by!r}."
        )
    if any(value is not None and not 0 < value <= 1 for value in wanted.values()):
        raise ValueError(f"A precision or recall wanted must be in (0, 1]; received: {by!r}.")
    if not len(labels):
        raise ValueError("Thresholds need validation rows; there are none.")
    weights = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight)
    if not per_class:
        repeated = np.repeat(weights, labels.shape[1])
        chosen = _best_threshold(labels.reshape(-1), probabilities.reshape(-1), wanted, repeated)
        return [chosen] * labels.shape[1]
    return [
        _best_threshold(label, probability, wanted, weights)
        for label, probability in zip(labels.T, probabilities.T, strict=True)
    ]


def _best_threshold(labels, probabilities, wanted, weights):
    """The threshold of one label, half way between two probabilities that occur."""
    if not labels.any() or labels.all():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    sorted_probabilities = probabilities[order].astype("float64")
    true = np.cumsum(weights[order] * labels[order])
    said = np.cumsum(weights[order])
    # Rows of one probability are chosen together: the last of them counts.
    last = np.append(np.diff(sorted_probabilities) < 0, True)
    true, said, at = true[last], said[last], sorted_probabilities[last]
    precision, recall = true / said, true / true[-1]
    if wanted["precision"] is not None:
        good = precision >= wanted["precision"] - 1e-12
        best = np.where(good, recall, -1).argmax() if good.any() else precision.argmax()
    elif wanted["recall"] is not None:
        best = np.where(recall >= wanted["recall"] - 1e-12, precision, -1).argmax()
    else:
        best = (2 * precision * recall / np.maximum(precision + recall, 1e-12)).argmax()
    below = at[best + 1] if best + 1 < len(at) else 0.0
    return round(float((at[best] + below) / 2), 6) if at[best] - below > 1e-5 else float(at[best])


def threshold_figures(labels, probabilities, thresholds, names, sample_weight=None):
    """Figures of the answers that thresholds choose.

    Args:
        labels: `(N, K)` int, 0 or 1.
        probabilities: `(N, K)` float.
        thresholds: `K` floats.
        names: of the labels.
        sample_weight: `(N,)` positive floats, or `None`.

    Returns:
        Dict of `thresholds`, by name; `accuracy`, of rows where every label is right; and
        `precision`, `recall` and `f1`, each a dict of averages where there are several labels.
    """
    metrics = require("sklearn.metrics", extra="report")
    chosen = (probabilities >= np.asarray(thresholds, "float32")).astype("int64")
    result = {
        "thresholds": dict(zip(names, map(float, thresholds), strict=True)),
        "accuracy": metrics.accuracy_score(labels, chosen, sample_weight=sample_weight),
    }
    averages = ("binary",) if labels.shape[1] == 1 else AVERAGES
    for average in averages:
        values = metrics.precision_recall_fscore_support(
            labels[:, 0] if average == "binary" else labels,
            chosen[:, 0] if average == "binary" else chosen,
            average=average,
            sample_weight=sample_weight,
            zero_division=0,
        )
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            if average == "binary":
                result[name] = value
            else:
                result.setdefault(name, {})[average] = value
    return result

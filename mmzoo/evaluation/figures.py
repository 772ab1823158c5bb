"""The figures of a report, all of them computed by scikit-learn."""

import numpy as np

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
        Dict of arguments for `Report`. ROC AUC and average precision are those of the class 1.
    """
    probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    figures = multiclass_figures(labels, probabilities, class_names, sample_weight)
    positive = figures["per_class"][class_names[1]]
    return figures | {name: positive[name] for name in ("roc_auc", "average_precision")}


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

"""One class out of several."""

import keras
import numpy as np

from mmzoo.targets import figures, reliability
from mmzoo.targets.class_target import TOP
from mmzoo.targets.compared import Compared
from mmzoo.targets.exclusive_classes import ExclusiveClasses
from mmzoo.targets.isotonic import along_points, isotonic_points
from mmzoo.targets.reliability import BINS, ERROR
from mmzoo.targets.temperature import best_temperature, cross_entropies, softmax


@keras.saving.register_keras_serializable(package="mmzoo")
class OneClass(ExclusiveClasses):
    """Each row belongs to one of `K` classes; the prediction is `(B, K)` probabilities.

    Args:
        class_names: names of the classes, in the order of the outputs; `None`: those that occur.
        units: number of classes.
        replies: dict from class name to the text that an exported model answers, or `None`.

    Example:

    >>> target = OneClass(["cat", "dog"])
    >>> target.encode(["dog", "cat"]).tolist()
    [1, 0]
    >>> target.columns(np.array([[0.25, 0.75]]))["predicted"]
    ['dog']
    """

    kind = "class"
    task = "multiclass"

    def __init__(self, class_names=None, units=None, replies=None):
        if units is None and class_names is not None:
            units = len(class_names)
        super().__init__(class_names, units)
        self.replies = replies

    def get_config(self):
        return {"class_names": self.class_names, "units": self.units, "replies": self.replies}

    def check_kind(self, labels, describe):
        if isinstance(labels, np.ndarray) and labels.ndim == 1:
            check_indices(labels, self.class_names, describe)
        if isinstance(labels, list) or not np.isin(labels, (0, 1)).all():
            return  # names, or distributions over the classes
        counts = labels.reshape(len(labels), -1).sum(axis=1)
        wrong = np.flatnonzero(counts != 1)
        if labels.ndim == 2 and wrong.size:
            raise ValueError(
                f"{describe(int(wrong[0]))}: {counts[wrong[0]]:g} labels, but the head takes one a "
                "row. For any number of labels take the head Sigmoid."
            )

    def outputs(self, prediction, decoded=None):
        import tensorflow as tf

        best, indices = self._best(prediction)
        outputs = {"probabilities": prediction, **best, **self._doubt_outputs(prediction)}
        if self.replies:
            replies = tf.constant([self.replies[name] for name in self.class_names])
            outputs["replies"] = tf.gather(replies, indices)
        return outputs

    def describe_outputs(self):
        units = self.units or len(self.class_names)
        outputs = {
            "probabilities": (f"(B, {units})", "of each class, in the order below"),
            **self._describe_best(units),
            **self._describe_doubt(units),
        }
        if self.replies:
            outputs["replies"] = (f"(B, {min(TOP, units)})", "the texts that answer them")
        return outputs

    def columns(self, prediction, delimiter="|"):
        if self.class_names is None:
            columns = {f"score_{unit}": prediction[:, unit] for unit in range(prediction.shape[1])}
        else:
            columns = best_columns(prediction, self.class_names)
        return {**columns, **self._doubt_columns(prediction, delimiter)}

    def probabilities(self, logits):
        return softmax(logits)

    def logits_of(self, probabilities):
        return np.log(probabilities)

    def isotonic_points(self, y, probabilities, sample_weight=None):
        """As of any `ClassTarget`, each class against the others."""
        classes = probabilities.shape[1]
        return isotonic_points(probabilities, np.eye(classes, dtype=int)[y], classes, sample_weight)

    def along_points(self, prediction, points):
        """As of any `ClassTarget`, brought back to a sum of 1."""
        against_others = along_points(prediction, points)
        return against_others / keras.ops.sum(against_others, axis=-1, keepdims=True)

    def check_varied(self, y):
        """Raises a `ValueError` where rows are all of one class, so that nothing can be calibrated.

        Args:
            y: what `check_y` returned.
        """
        if len(np.unique(y)) < 2:
            raise ValueError(
                f"All rows are of the class {self.names(y[0] + 1)[y[0]]!r}; to calibrate it takes "
                "rows of two or more."
            )

    def temperatures(self, y, logits, sample_weight=None):
        """The temperature by which the log loss of these rows is the lowest.

        Args:
            y: what `check_y` returned.
            logits: `(N, units)` float.
            sample_weight: `(N,)` positive floats, or `None`.

        Returns:
            List of one float; of `SeveralClasses` one a label.
        """
        return [best_temperature(logits, y, sample_weight)]

    def calibration_figures(self, y, logits, sample_weight=None, bins=BINS):
        """As of any `ClassTarget`, with `y` `(N,)`, class indices."""
        found = reliability.of_one_class(y, self.probabilities(logits), sample_weight, bins)
        loss = np.average(cross_entropies(logits, y), weights=sample_weight)
        return {"log_loss": float(loss), ERROR: found[ERROR]}

    def compared(self, labels, answers, beside=None):
        is_class, there = self.truths(labels, answers.shape[1])
        return compared_classes(is_class, there, answers, self.names(answers.shape[1]))

    def said_at(self, labels, answers):
        is_class, there = self.truths(labels, answers.shape[1])
        known = np.where(there[:, None], answers, np.nan)
        return self.names(answers.shape[1]), is_class, known

    def figures(self, y, prediction, sample_weight=None):
        names = self.names(prediction.shape[1])
        results = figures.multiclass_figures(y, prediction, names, sample_weight)
        results |= self._doubt_figures(y, prediction, sample_weight)
        return {"task": self.task, "class_names": names, **results}


def check_indices(labels, class_names, describe):
    """Raises a `ValueError` for a number that is no index of a class.

    Args:
        labels: `(rows,)` floats; NaN where a label is missing.
        class_names: names of the classes, or `None`.
        describe: function from a position to how a message should call that row.
    """
    count = np.inf if class_names is None else len(class_names)
    wrong = ~np.isnan(labels) & ((labels != np.floor(labels)) | (labels < 0) | (labels >= count))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{describe(row)}: the label {labels[row]:.15g} is no class, but the head answers with "
            "one. For numbers to predict take the head Regression; for classes that are called by "
            "numbers: regression=False."
        )


def best_columns(probabilities, class_names):
    """The columns `predicted` and `score`: the best class and its probability.

    Args:
        probabilities: `(rows, classes)`; NaN in rows without a prediction.
        class_names: names of the classes.
    """
    absent = np.isnan(probabilities).any(axis=1)
    best = [class_names[index] for index in probabilities.argmax(axis=1)]
    return {
        "predicted": [None if none else name for name, none in zip(best, absent, strict=True)],
        "score": probabilities.max(axis=1),
    }


def compared_classes(is_class, there, probabilities, names):
    """Classes beside those that were answered, see `mmzoo.targets.Target.compared`.

    Args:
        is_class: `(rows, K)` bool: the class of each row.
        there: `(rows,)` bool: whether it is known.
        probabilities: `(rows, K)`; NaN in rows without an answer.
        names: of the classes.

    Returns:
        List of `mmzoo.targets.compared.Compared`.
    """
    rows = []
    for truth, known, shares in zip(is_class.argmax(axis=1), there, probabilities, strict=True):
        row = Compared(truth=names[truth] if known else None)
        if not np.isnan(shares).any():
            order = np.argsort(-shares, kind="stable")
            row.answer = names[order[0]]
            row.scores = [(names[unit], float(shares[unit])) for unit in order[:TOP]]
            if known:
                row.loss = float(-np.log(max(shares[truth], 1e-37)))
                row.right = bool(order[0] == truth)
                row.keys = [f"{truth}>{order[0]}"]
        rows.append(row)
    return rows

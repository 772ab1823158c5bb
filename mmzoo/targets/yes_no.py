"""Yes or no."""

import keras
import numpy as np

from mmzoo.targets import figures
from mmzoo.targets.exclusive_classes import ExclusiveClasses
from mmzoo.targets.one_class import best_columns, compared_classes
from mmzoo.targets.reliability import BINS
from mmzoo.targets.temperature import against_zero, best_temperature


@keras.saving.register_keras_serializable(package="mmzoo")
class YesNo(ExclusiveClasses):
    """One of two classes; the prediction is `(B, 1)`, the probability of the second.

    Args:
        class_names: the two answers, `[no, yes]`; `None`: the two that occur.
        thresholds: list of the probability from which on the answer is yes; `None`: 0.5.

    Example:

    >>> target = YesNo(["no", "yes"], thresholds=[0.2])
    >>> target.columns(np.array([[0.25], [0.1]]))["predicted"]
    ['yes', 'no']
    """

    kind = "yes_no"
    task = "binary"

    def __init__(self, class_names=None, thresholds=None):
        super().__init__(class_names, 1, thresholds)

    def get_config(self):
        return {"class_names": self.class_names, "thresholds": self.thresholds}

    def of_all_classes(self, prediction):
        """`(N, 1)`, of yes -> `(N, 2)`, of no and yes."""
        both = [1 - prediction, prediction]
        is_array = isinstance(prediction, np.ndarray)
        return np.concatenate(both, axis=1) if is_array else keras.ops.concatenate(both, axis=1)

    def check_kind(self, labels, describe):
        if not isinstance(labels, np.ndarray) or labels.ndim != 1:
            return
        wrong = (labels < 0) | (labels > 1)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"{describe(row)}: the label {labels[row]:.15g} is neither no, 0, nor yes, 1. For "
                "numbers to predict take the head Regression."
            )

    def outputs(self, prediction, decoded=None):
        import tensorflow as tf

        best, _ = self._best(self.of_all_classes(prediction))
        names = tf.constant(self.names(2))
        chosen = tf.gather(names, tf.cast(self._is_yes(prediction[:, 0]), tf.int32))
        outputs = {"probabilities": prediction, **best, "chosen": chosen}
        return {**outputs, **self._doubt_outputs(prediction)}

    def _is_yes(self, probability):
        # Without a threshold the likelier one is the answer, as in `labels`.
        return probability > 0.5 if self.thresholds is None else probability >= self.thresholds[0]

    def describe_outputs(self):
        chosen = "the answer: yes from a probability of "
        chosen += "0.5 on" if self.thresholds is None else f"{self.thresholds[0]:.4g} on"
        return {
            "probabilities": ("(B, 1)", "of yes, the second class"),
            **self._describe_best(2),
            "chosen": ("(B,)", chosen),
            **self._describe_doubt(2),
        }

    def columns(self, prediction, delimiter="|"):
        both = self.of_all_classes(prediction)
        doubt = self._doubt_columns(prediction, delimiter)
        if self.class_names is None:
            return {"score": prediction[:, 0], **doubt}
        columns = best_columns(both, self.class_names)
        if self.thresholds is None:
            return {**columns, **doubt}
        yes = self._is_yes(prediction[:, 0])
        predicted = [
            None if np.isnan(p) else self.class_names[int(answer)]
            for p, answer in zip(prediction[:, 0], yes, strict=True)
        ]
        score = np.where(yes, both[:, 1], both[:, 0])
        return {"predicted": predicted, "score": score, **doubt}

    def score_columns(self, prediction):
        return super().score_columns(self.of_all_classes(prediction))

    def check_varied(self, y):
        """See `OneClass.check_varied`."""
        if len(np.unique(y)) < 2:
            raise ValueError(
                f"All rows are {self.names(2)[y[0]]!r}; to calibrate it takes rows of both answers."
            )

    def temperatures(self, y, logits, sample_weight=None):
        """See `OneClass.temperatures`."""
        return [best_temperature(against_zero(logits[:, 0]), y, sample_weight)]

    def calibration_figures(self, y, logits, sample_weight=None, bins=BINS):
        """As of any `ClassTarget`, with `y` `(N,)`."""
        return super().calibration_figures(y[:, None], logits, sample_weight, bins)

    def compared(self, labels, answers, beside=None):
        """The answer is that of the threshold; the keys are those of 0.5, as the figures are."""
        is_class, there = self.truths(labels, 2)
        rows = compared_classes(is_class, there, self.of_all_classes(answers), self.names(2))
        for row, is_yes in zip(rows, self._is_yes(answers[:, 0]), strict=True):
            if row.answer is not None:
                row.answer = self.names(2)[int(is_yes)]
                row.right = None if row.truth is None else row.answer == row.truth
        return rows

    def said_at(self, labels, answers):
        is_class, there = self.truths(labels, 2)
        return self.names(2)[1:], is_class[:, 1:], np.where(there[:, None], answers, np.nan)

    def figures(self, y, prediction, sample_weight=None):
        names = self.names(2)
        results = figures.binary_figures(y, prediction, names, sample_weight)
        results |= self._doubt_figures(y, prediction, sample_weight)
        if self.thresholds is not None:
            results["at_thresholds"] = figures.threshold_figures(
                y[:, None], prediction, self.thresholds, names[1:], sample_weight
            )
        return {"task": self.task, "class_names": names, **results}

    def choose_thresholds(self, y, prediction, by, per_class=True, sample_weight=None):
        """See `SeveralClasses.choose_thresholds`."""
        return figures.best_thresholds(y[:, None], prediction, by, True, sample_weight)

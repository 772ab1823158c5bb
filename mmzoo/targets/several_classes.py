"""Any number of classes at once."""

import keras
import numpy as np

from mmzoo.targets import figures
from mmzoo.targets.class_target import TOP, ClassTarget
from mmzoo.targets.compared import Compared
from mmzoo.targets.temperature import best_temperatures

#: How a row without any label is shown.
NOTHING = "(none)"


@keras.saving.register_keras_serializable(package="mmzoo")
class SeveralClasses(ClassTarget):
    """A row has any of `K` labels; the prediction is `(B, K)` independent probabilities.

    Args:
        class_names: names of the labels, in the order of the outputs; `None`: those that occur.
        units: number of labels.
        thresholds: list of `units` probabilities from which on a label is chosen; `None`: 0.5.

    Example:

    >>> target = SeveralClasses(["red", "round", "big"])
    >>> columns = target.columns(np.array([[0.9, 0.2, 0.5], [np.nan] * 3]))
    >>> columns["predicted"], columns["score_round"].tolist()
    (['red|big', None], [0.2, nan])
    """

    kind = "several_classes"
    task = "multilabel"

    def __init__(self, class_names=None, units=None, thresholds=None):
        if units is None and class_names is not None:
            units = len(class_names)
        super().__init__(class_names, units, thresholds)

    def get_config(self):
        return {"class_names": self.class_names, "units": self.units, "thresholds": self.thresholds}

    def check_kind(self, labels, describe):
        if isinstance(labels, list):
            raise ValueError(
                "The rows have one label each, but the head takes several: a list of names a row, "
                "or one string with `label_delimiter=`. For one class a row take the head Softmax."
            )

    def limits(self, count):
        """The thresholds of so many labels."""
        return [0.5] * count if self.thresholds is None else self.thresholds

    def outputs(self, prediction, decoded=None):
        import tensorflow as tf

        count = prediction.shape[-1]
        best, _ = self._best(prediction)
        over = prediction >= tf.constant(self.limits(count), prediction.dtype)
        # Those that are chosen come first, the likeliest foremost; then empty strings.
        order = tf.argsort(tf.where(over, prediction, -1.0), direction="DESCENDING", stable=True)
        names = tf.gather(tf.constant(self.names(count)), order)
        chosen = tf.where(tf.gather(over, order, batch_dims=1), names, "")
        return {"probabilities": prediction, **best, "chosen": chosen}

    def describe_outputs(self):
        limits = self.limits(self.units)
        if len(set(limits)) == 1:
            rule = f"{limits[0]:.4g} on"
        else:
            pairs = zip(self.names(self.units), limits, strict=True)
            rule = ", ".join(f"{limit:.4g} (`{name}`)" for name, limit in pairs) + " on"
        return {
            "probabilities": (f"(B, {self.units})", "of each label, in the order below"),
            **self._describe_best(self.units),
            "chosen": (
                f"(B, {self.units})",
                f"names of the labels with a probability from {rule}, best first, then empty ones",
            ),
        }

    def columns(self, prediction, delimiter="|"):
        count = prediction.shape[1]
        names = self.names(count)
        absent = np.isnan(prediction).any(axis=1)
        over = prediction >= np.asarray(self.limits(count), "float32")
        chosen = [
            None if none else delimiter.join(np.array(names, object)[row])
            for row, none in zip(over, absent, strict=True)
        ]
        scores = {f"score_{name}": prediction[:, unit] for unit, name in enumerate(names)}
        return {"predicted": chosen, **scores}

    def check_varied(self, y):
        """See `OneClass.check_varied`; it takes one label that varies."""
        if not (y.any(axis=0) & ~y.all(axis=0)).any():
            raise ValueError(
                "Every label is said of all rows, or of none; to calibrate it takes rows of both."
            )

    def temperatures(self, y, logits, sample_weight=None):
        """See `OneClass.temperatures`."""
        return best_temperatures(logits, y, sample_weight)

    def truths(self, labels, count):
        return self.encode(labels) == 1, np.array(self.present(labels))

    def compared(self, labels, answers, beside=None):
        is_class, there = self.truths(labels, answers.shape[1])
        names = np.array(self.names(answers.shape[1]), object)
        limits = np.asarray(self.limits(answers.shape[1]), "float32")
        rows = []
        for truth, known, shares in zip(is_class, there, answers, strict=True):
            row = Compared(truth=", ".join(names[truth]) or NOTHING if known else None)
            if not np.isnan(shares).any():
                chosen = shares >= limits
                order = np.argsort(-shares, kind="stable")[:TOP]
                row.answer = ", ".join(names[chosen]) or NOTHING
                row.scores = [(names[unit], float(shares[unit])) for unit in order]
                if known:
                    likely = np.where(truth, shares, 1 - shares.astype("float64"))
                    row.loss = float(-np.log(np.maximum(likely, 1e-37)).mean())
                    row.right = bool((chosen == truth).all())
                    missed, wrong = truth & (shares <= 0.5), ~truth & (shares > 0.5)
                    row.keys = [f"missed {unit}" for unit in np.flatnonzero(missed)]
                    row.keys += [f"wrong {unit}" for unit in np.flatnonzero(wrong)]
            rows.append(row)
        return rows

    def said_at(self, labels, answers):
        is_class, there = self.truths(labels, answers.shape[1])
        known = np.where(there[:, None], answers, np.nan)
        return self.names(answers.shape[1]), is_class, known

    def figures(self, y, prediction, sample_weight=None):
        names = self.names(prediction.shape[1])
        results = figures.multilabel_figures(y, prediction, names, sample_weight)
        if self.thresholds is not None:
            results["at_thresholds"] = figures.threshold_figures(
                y, prediction, self.thresholds, names, sample_weight
            )
        return {"task": self.task, "class_names": names, **results}

    def figures_by_row(self, y, prediction):
        right = ((prediction > 0.5) == y).all(axis=1).astype("float64")
        return {"accuracy": (right, np.ones(len(y)))}

    def traits(self, y):
        names = self.names(y.shape[1])
        return {
            f"label {name}": np.where(of_label > 0, "yes", "no")
            for name, of_label in zip(names, y.T, strict=True)
        }

    def choose_thresholds(self, y, prediction, by, per_class=True, sample_weight=None):
        """Thresholds that suit these rows best.

        Args:
            y: what `check_y` returned.
            prediction: `(rows, K)` probabilities.
            by: `"f1"`, or a dict with a precision or a recall wanted: `{"precision": 0.9}`.
            per_class: whether each label has its own threshold, or all have one.
            sample_weight: `(rows,)` positive floats, or `None`.

        Returns:
            List of `K` floats.
        """
        return figures.best_thresholds(y, prediction, by, per_class, sample_weight)

"""What all answers out of a table of classes have in common."""

import numpy as np

from mmzoo.raw.spelling import spelling_notes
from mmzoo.targets import reliability
from mmzoo.targets.calibration_summary import calibration_summary
from mmzoo.targets.isotonic import along_points, isotonic_points
from mmzoo.targets.label_shapes import check_labels
from mmzoo.targets.labels import checked_with_missing, class_counts, known_names, label_notes
from mmzoo.targets.reliability import BINS, ERROR
from mmzoo.targets.target import Target
from mmzoo.targets.temperature import against_zero, cross_entropies, softmax
from mmzoo.utils.identifiers import nearest_hint

#: The most classes that `labels` and `scores` list.
TOP = 5


class ClassTarget(Target):
    """Classes by name: the table is given by the head, or learned from the labels.

    Args:
        class_names: names of the classes, in the order of the outputs; `None`: those that occur.
        units: number of outputs of the head; `None`: any.
        thresholds: list of probabilities from which on a class is chosen, or `None`: 0.5.
    """

    main_output = "probabilities"
    #: What the report calls it.
    task = None
    calibration_methods = ("temperature", "isotonic")

    def __init__(self, class_names=None, units=None, thresholds=None):
        self.class_names = None if class_names is None else list(class_names)
        self.units = units
        self.thresholds = None if thresholds is None else list(thresholds)

    def check(self, labels, describe="row {}".format):
        """A list of class names, `None` where one is missing, or `(rows, classes)` of 0 and 1."""
        checked = checked_with_missing(labels, self.class_names, describe)[0]
        self.check_kind(checked, describe)
        return checked

    def check_kind(self, labels, describe):
        """Raises a `ValueError` for rows with too many labels for this target, or too few.

        Args:
            labels: a list of class names, or `(rows, classes)` of 0 and 1, as records keep them.
            describe: function from a position to how a message should call that row.
        """

    def learn(self, class_names):
        if self.class_names is None and class_names is not None:
            self.class_names = list(class_names)

    def get_state(self):
        return {"class_names": self.class_names}

    def set_state(self, state):
        self.class_names = state.get("class_names", self.class_names)

    def encode(self, labels, describe="row {}".format):
        """Class names -> indices `(rows,)` int32; rows of zeros and ones stay, as float32."""
        if not isinstance(labels, list):
            return np.where(np.isnan(labels), 0, labels).astype("float32")
        if self.class_names is None:
            raise ValueError(
                "The preprocessor has no class names. Call `preprocessor.adapt(records)` with the "
                "labelled training rows."
            )
        table = {name: index for index, name in enumerate(self.class_names)}
        known = known_names(self.class_names)
        names = [None if label is None else known(str(label)) for label in labels]
        for row, (label, name) in enumerate(zip(labels, names, strict=True)):
            if label is not None and name is None:
                shown = ", ".join(self.class_names[:20]) + (", ..." if len(table) > 20 else "")
                raise ValueError(
                    f"{describe(row)}: label {str(label)!r} is not one of the {len(table)} classes "
                    f"the preprocessor knows: {shown}.{nearest_hint(label, table)}"
                )
        return np.array([0 if name is None else table[name] for name in names], "int32")

    def notes(self, labels, class_names):
        return spelling_notes(class_counts(labels, class_names) or {}, "labels")

    def validation_notes(self, labels, class_names):
        return label_notes(labels, class_names)

    def names(self, count):
        """The names of so many classes, or their indices as text where they have none."""
        return self.class_names or [str(index) for index in range(count)]

    def score_columns(self, prediction):
        names = self.names(prediction.shape[1])
        return {f"score_{name}": prediction[:, unit] for unit, name in enumerate(names)}

    def answer_shape(self):
        return (self.units or 1,)

    def check_y(self, y):
        return check_labels(y, self.task, self.units, self.class_names)

    def card_lines(self):
        lines = []
        if self.class_names:
            lines += [f"Classes: {', '.join(f'`{name}`' for name in self.class_names)}.", ""]
        if self.calibration:
            lines += [f"Probabilities are calibrated, {calibration_summary(self.calibration)}.", ""]
        return lines

    def card_facts(self):
        facts = {"class_names": self.class_names}
        return {**facts, "calibration": self.calibration} if self.calibration else facts

    def probabilities(self, logits):
        """What the head's activation makes of its logits, in their precision.

        Args:
            logits: `(N, units)` float.
        """
        return softmax(against_zero(logits))[..., 1]

    def logits_of(self, probabilities):
        """Logits that have these probabilities, in their precision.

        Args:
            probabilities: `(N, units)` float, between 0 and 1.
        """
        return np.log(probabilities) - np.log1p(-probabilities)

    def isotonic_points(self, y, probabilities, sample_weight=None):
        """See `mmzoo.targets.isotonic.isotonic_points`.

        Args:
            y: what `check_y` returned.
            probabilities: `(N, units)` float.
            sample_weight: `(N,)` positive floats, or `None`.
        """
        labels = y.reshape(len(y), -1)
        return isotonic_points(probabilities, labels, 2, sample_weight)

    def along_points(self, prediction, points):
        """Predictions by isotonic regression.

        Args:
            prediction: `(N, units)` float32, array or tensor.
            points: what `isotonic_points` returned.

        Returns:
            `(N, units)` tensor.
        """
        return along_points(prediction, points)

    def calibration_figures(self, y, logits, sample_weight=None, bins=BINS):
        """How good the probabilities are that come of logits.

        Args:
            y: `(N, units)` int, 0 or 1.
            logits: `(N, units)` float.
            sample_weight: `(N,)` positive floats, or `None`.
            bins: most bins of the expected calibration error.

        Returns:
            Dict of `log_loss` and `expected_calibration_error`.
        """
        found = reliability.of_labels(y, self.probabilities(logits), sample_weight, bins)
        losses = cross_entropies(against_zero(logits.reshape(-1)), y.reshape(-1))
        loss = np.average(losses.reshape(y.shape).mean(axis=1), weights=sample_weight)
        return {"log_loss": float(loss), ERROR: found[ERROR]}

    def complete(self, other):
        if self.class_names is None:
            self.class_names = getattr(other, "class_names", None)
        return self

    def check_fits(self, other):
        known = getattr(other, "class_names", None)
        units = self.units
        if known and units is not None and units != len(known) and (units, len(known)) != (1, 2):
            raise ValueError(
                f"Model and preprocessor do not fit: the head has {units} units, the preprocessor "
                f"knows {len(known)} classes: {', '.join(known[:20])}."
            )
        if self.class_names and known and self.class_names != known:
            raise ValueError(
                f"Model and preprocessor do not fit: the head's classes are {self.class_names}, "
                f"the preprocessor's {known}. Give the head "
                "`class_names=records.class_names` of the records the preprocessor was adapted to."
            )

    loss_name = "log loss"

    def truths(self, labels, count):
        """Which of so many classes a row belongs to: `(rows, count)` bool, and which rows say so.

        Args:
            labels: what `check` returned.
            count: number of classes.

        Returns:
            `(is_class, there)`: `(rows, count)` and `(rows,)` bool.
        """
        there = np.array(self.present(labels))
        y = self.encode(labels)
        if y.ndim == 1 or y.shape[1] != count:
            y = np.eye(count)[y.reshape(len(y), -1)[:, 0].astype(int)]
        return y == y.max(axis=1, keepdims=True), there

    def _best(self, probabilities):
        """`labels` and `scores`: the best classes and their probabilities, best first."""
        import tensorflow as tf

        count = probabilities.shape[-1]
        scores, indices = tf.math.top_k(probabilities, k=min(TOP, count))
        names = tf.constant(self.names(count))
        return {"labels": tf.gather(names, indices), "scores": scores}, indices

    def _describe_best(self, classes):
        top = min(TOP, classes)
        return {
            "labels": (f"(B, {top})", "names of the best classes, best first"),
            "scores": (f"(B, {top})", "their probabilities"),
        }

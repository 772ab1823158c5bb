"""What all answers out of a table of classes have in common."""

import numpy as np

from mmzoo.raw.spelling import spelling_notes
from mmzoo.targets import reliability
from mmzoo.targets.label_sets import in_label_set, label_set_figures
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
    #: What `mmzoo.calibrate` found of the head, or `None`.
    calibration = None

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

    def _best(self, probabilities):
        """`labels` and `scores`: the best classes and their probabilities, best first."""
        import tensorflow as tf

        count = probabilities.shape[-1]
        scores, indices = tf.math.top_k(probabilities, k=min(TOP, count))
        names = tf.constant(self.names(count))
        return {"labels": tf.gather(names, indices), "scores": scores}, indices

    @property
    def label_sets(self):
        """Dict of `alpha` and `least_probability` of the label sets, or `None`."""
        return (self.calibration or {}).get("label_sets")

    def _label_set(self, probabilities):
        """`label_set`: the names of the classes in it, the likeliest first, then empty ones."""
        import tensorflow as tf

        if self.label_sets is None:
            return {}
        count = probabilities.shape[-1]
        ranked, indices = tf.math.top_k(probabilities, k=count)
        inside = ranked >= tf.constant(self.label_sets["least_probability"], probabilities.dtype)
        inside = tf.logical_or(inside, tf.equal(ranked, ranked[:, :1]))  # the likeliest always is
        names = tf.gather(tf.constant(self.names(count)), indices)
        return {"label_set": tf.where(inside, names, "")}

    def _describe_label_set(self, classes):
        if self.label_sets is None:
            return {}
        share = 1 - self.label_sets["alpha"]
        meaning = f"names of classes that hold the right one in {share:.4g} of rows, best first"
        return {"label_set": (f"(B, {classes})", f"{meaning}, then empty ones")}

    def _label_set_column(self, probabilities, delimiter):
        """The column `label_set`: the names of the classes in it."""
        if self.label_sets is None:
            return {}
        names = np.array(self.names(probabilities.shape[1]), object)
        absent = np.isnan(probabilities).any(axis=1)
        inside = in_label_set(probabilities, self.label_sets["least_probability"])
        order = np.argsort(-probabilities, axis=1, kind="stable")
        return {
            "label_set": [
                None if none else delimiter.join(names[ranks[row[ranks]]])
                for none, ranks, row in zip(absent, order, inside, strict=True)
            ]
        }

    def _label_set_figures(self, y, probabilities, sample_weight):
        if self.label_sets is None:
            return {}
        return {"label_sets": label_set_figures(y, probabilities, self.label_sets, sample_weight)}

    def _describe_best(self, classes):
        top = min(TOP, classes)
        return {
            "labels": (f"(B, {top})", "names of the best classes, best first"),
            "scores": (f"(B, {top})", "their probabilities"),
        }


def calibration_summary(found):
    """What `mmzoo.calibrate` found, in words.

    Args:
        found: what it returned, of one answer.

    Example:

    >>> figures = {"expected_calibration_error": {"before": 0.08, "after": 0.01},
    ...            "log_loss": {"before": 0.5, "after": 0.4}}
    >>> calibration_summary({"rows": 800, "temperature": 1.5, **figures}).partition(", log")[0]
    'on 800 validation rows: temperature 1.5, expected calibration error from 0.08 to 0.01'
    """
    temperature = found["temperature"]
    if isinstance(temperature, dict):
        lowest, highest = min(temperature.values()), max(temperature.values())
        temperature = f"temperatures of {lowest:.4g} to {highest:.4g}"
    else:
        temperature = f"temperature {temperature:.4g}"
    error, loss = (
        "from {before:.4g} to {after:.4g}".format(**found[name])
        for name in ("expected_calibration_error", "log_loss")
    )
    sets = ""
    if "label_sets" in found:
        share = 1 - found["label_sets"]["alpha"]
        sets = f"; label sets hold the right class in {share:.4g} of rows"
    return (
        f"on {found['rows']:,} validation rows: {temperature}, expected calibration error {error}, "
        f"log loss {loss}{sets}"
    )

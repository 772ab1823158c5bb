"""What answers have in common that are one class out of two or more."""

import numpy as np

from mmzoo.targets.class_target import ClassTarget
from mmzoo.targets.label_sets import in_label_set, label_set_figures, least_probability
from mmzoo.targets.selective import confidence_threshold, selective_figures


class ExclusiveClasses(ClassTarget):
    """One class out of `K`: where it is not sure, a set of them, or none.

    A subclass implements `of_all_classes`.
    """

    def of_all_classes(self, prediction):
        """The probability of every class, `(N, K)`, where a prediction has fewer.

        Args:
            prediction: array or tensor, as the model predicts it.
        """
        return prediction

    # --- What `mmzoo.calibrate` chooses ---

    def figures_by_row(self, y, prediction):
        right = (self.of_all_classes(prediction).argmax(axis=1) == y).astype("float64")
        return {"accuracy": (right, np.ones(len(y)))}

    def traits(self, y):
        names = self.names(max(2, y.max() + 1))
        return {"class": [names[index] for index in y]}

    def least_probability(self, y, logits, alpha, sample_weight=None):
        """The probability from which on a class belongs to the label set.

        Args:
            y: what `check_y` returned.
            logits: `(N, units)` float.
            alpha: share of rows whose class may be missing.
            sample_weight: `(N,)` positive floats, or `None`.
        """
        probabilities = self.of_all_classes(self.probabilities(logits))
        return least_probability(probabilities, y, alpha, sample_weight)

    def abstaining_of(self, y, logits, accuracy, sample_weight=None):
        """The probability of the likeliest class below which the model abstains.

        Args:
            y: what `check_y` returned.
            logits: `(N, units)` float.
            accuracy: share of right ones wanted of the rows that are answered.
            sample_weight: `(N,)` positive floats, or `None`.

        Returns:
            Dict of `wanted`, `threshold`, and the `coverage` and `accuracy` of these rows.
        """
        judged = _judged(y, self.of_all_classes(self.probabilities(logits)))
        threshold = confidence_threshold(*judged, accuracy, sample_weight)
        return {"wanted": accuracy, **selective_figures(*judged, threshold, sample_weight)}

    def accuracy(self, y, logits, sample_weight=None):
        """How often the likeliest class is the right one; arguments as of `abstaining_of`."""
        right = _judged(y, self.of_all_classes(self.probabilities(logits)))[1]
        return float(np.average(right, weights=sample_weight))

    @property
    def label_sets(self):
        """Dict of `alpha` and `least_probability` of the label sets, or `None`."""
        return (self.calibration or {}).get("label_sets")

    @property
    def abstaining(self):
        """What `abstaining_of` returned when the head was calibrated, or `None`."""
        return (self.calibration or {}).get("abstaining")

    # --- What comes of it ---

    def _doubt_outputs(self, prediction):
        """`label_set`, the names of the classes in it, the likeliest first, then empty ones; and
        `abstain`, whether no class is likely enough.
        """
        import tensorflow as tf

        if self.label_sets is None and self.abstaining is None:
            return {}
        probabilities, outputs = self.of_all_classes(prediction), {}
        count = probabilities.shape[-1]
        ranked, indices = tf.math.top_k(probabilities, k=count)
        if self.label_sets is not None:
            least = tf.constant(self.label_sets["least_probability"], probabilities.dtype)
            # The likeliest always is inside.
            inside = tf.logical_or(ranked >= least, tf.equal(ranked, ranked[:, :1]))
            names = tf.gather(tf.constant(self.names(count)), indices)
            outputs["label_set"] = tf.where(inside, names, "")
        if self.abstaining is not None:
            threshold = tf.constant(self.abstaining["threshold"], probabilities.dtype)
            outputs["abstain"] = ranked[:, 0] < threshold
        return outputs

    def _describe_doubt(self, classes):
        described = {}
        if self.label_sets is not None:
            share = 1 - self.label_sets["alpha"]
            meaning = f"names of classes that hold the right one in {share:.4g} of rows, best first"
            described["label_set"] = (f"(B, {classes})", f"{meaning}, then empty ones")
        if self.abstaining is not None:
            meaning = "whether no class has a probability from {threshold:.4g} on; where one has, "
            meaning += "it is the right one in {wanted:.4g} of rows"
            described["abstain"] = ("(B,)", meaning.format(**self.abstaining))
        return described

    def _doubt_columns(self, prediction, delimiter):
        """The columns `label_set`, names of classes; and `abstain`, `True` or `False`."""
        probabilities, columns = self.of_all_classes(prediction), {}
        absent = np.isnan(probabilities).any(axis=1)
        if self.label_sets is not None:
            names = np.array(self.names(probabilities.shape[1]), object)
            inside = in_label_set(probabilities, self.label_sets["least_probability"])
            order = np.argsort(-probabilities, axis=1, kind="stable")
            columns["label_set"] = [
                None if none else delimiter.join(names[ranks[row[ranks]]])
                for none, ranks, row in zip(absent, order, inside, strict=True)
            ]
        if self.abstaining is not None:
            unsure = probabilities.max(axis=1) < np.float32(self.abstaining["threshold"])
            columns["abstain"] = [
                None if none else bool(each) for none, each in zip(absent, unsure, strict=True)
            ]
        return columns

    def _doubt_figures(self, y, prediction, sample_weight):
        """The figures `label_sets` and `selective`."""
        probabilities, found = self.of_all_classes(prediction), {}
        if self.label_sets is not None:
            promise = self.label_sets
            found["label_sets"] = label_set_figures(y, probabilities, promise, sample_weight)
        if self.abstaining is not None:
            judged, threshold = _judged(y, probabilities), self.abstaining["threshold"]
            figures = selective_figures(*judged, threshold, sample_weight)
            found["selective"] = {"wanted": self.abstaining["wanted"], **figures}
        return found


def _judged(y, probabilities):
    """The confidence of each row, and whether it is right."""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == y

"""The base class of targets that are places in a picture."""

import numpy as np

from mmzoo.targets.target import Target


class PlaceTarget(Target):
    """A place in a picture; raw labels and answers are in pixels of the picture as it was sent.

    What decoding, EXIF orientation, resizing and padding did to a row's picture comes with the
    decoded picture, see `mmzoo.preprocessing.codecs.placement`.

    Args:
        picture: name of the picture; the `Preprocessor` then has its placement at hand.
    """

    def __init__(self, picture=None):
        self.picture = picture

    def get_config(self):
        return {"picture": self.picture}

    def placements(self, decoded):
        """`(B, 8)`: how the pictures of a batch are placed; zeros where one is absent."""
        return self._parts_of(decoded)[1]

    def size(self, decoded):
        """Height and width of the picture that the model sees."""
        return tuple(self._parts_of(decoded)[0].shape[1:3])

    def _parts_of(self, decoded):
        """The pixels and placements of a batch of decoded pictures, whether optional or not."""
        import tensorflow as tf

        parts = tf.nest.flatten((decoded or {}).get(self.picture))
        if len(parts) < 2 or parts[1].shape[1:] != (8,):
            raise ValueError(self._unknown())
        return parts

    def check_fits(self, other):
        if other is None:  # labels of a dataset that was made by hand
            return
        if type(other) is not type(self) or other.get_config() != self.get_config():
            raise ValueError(f"Model and preprocessor do not fit: {self._unknown()}")

    def _unknown(self):
        return (
            f"the head answers with a {self.kind}, a place in {self.picture!r}, of which the "
            "preprocessor does not know. Make it with the same head: "
            "`mmzoo.Preprocessor(inputs, head=head)`."
        )

    def iou(self, y, prediction):
        """`(rows,)` array: intersection over union; NaN where there is nothing to find."""
        raise NotImplementedError(f"{type(self).__name__} must implement `iou`.")

    loss_name = "1 - intersection over union"

    def figures(self, y, prediction, sample_weight=None):
        iou = self.iou(y, prediction)
        there = ~np.isnan(iou)
        if not there.any():
            raise ValueError("No row has a place to find, so there is nothing to measure.")
        weight = np.ones(len(iou)) if sample_weight is None else np.asarray(sample_weight)
        return {
            "task": self.kind,
            "mean_iou": float(np.average(iou[there], weights=weight[there])),
            "iou_over_half": float(np.average(iou[there] > 0.5, weights=weight[there])),
        }

    def figures_by_row(self, y, prediction):
        iou = self.iou(y, prediction)
        there = ~np.isnan(iou)
        return {"mean_iou": (np.where(there, iou, 0.0), there.astype("float64"))}


def descriptions(labels, describe):
    """How a message should call each row, as an array of strings."""
    return np.array([describe(row).encode() for row in range(len(labels))], object)


def fail_where(bad, messages):
    """An op that fails, in the graph, with the message of the first row that is bad.

    Args:
        bad: `(B,)` bool.
        messages: `(B,)` string.
    """
    import tensorflow as tf

    def fail():
        first = tf.boolean_mask(messages, bad)[0]
        return tf.debugging.Assert(False, [tf.strings.join(["mmzoo: ", first])])

    return tf.cond(tf.reduce_any(bad), fail, tf.no_op)

"""One class out of several."""

import keras
from keras import ops

from mmzoo.heads.head import Head, check_class_names, log_odds, taken
from mmzoo.heads.logits import recall_logits
from mmzoo.heads.losses import SoftmaxCrossentropy
from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.targets import OneClass


@keras.saving.register_keras_serializable(package="mmzoo")
class Softmax(Head):
    """Probabilities of mutually exclusive classes.

    Labels may be class indices `(B,)` or `(B, 1)`, or one-hot `(B, units)`.

    Args:
        units: number of classes; `None`: as many as `class_names`.
        class_names: their names, in the order of the outputs.
        label_smoothing: share of every label that is spread evenly over the classes.
        replies: dict from each class name to a text, which an exported model returns beside the
            name, as the answer to an intent.

    Call arguments:
        fused: `(B, D)` float.

    Returns:
        `(B, units)` float32, rows sum to 1.

    Raises:
        ValueError: when neither `units` nor `class_names` is given, or they disagree, or `replies`
            has other names.

    Example:

    >>> import numpy as np
    >>> head = Softmax(class_names=["cat", "dog"])
    >>> tuple(head(np.zeros((3, 8), "float32")).shape)
    (3, 2)
    """

    def __init__(self, units=None, class_names=None, label_smoothing=0.0, replies=None, **kwargs):
        if units is None:
            if class_names is None:
                raise ValueError("Softmax needs `units` or `class_names`.")
            units = len(class_names)
        check_class_names(units, class_names, {units}, "Softmax")
        super().__init__(units, class_names, **kwargs)
        if units < 2:
            raise ValueError(
                f"Softmax needs at least 2 classes; received {units}. "
                "For a yes/no answer use Sigmoid(units=1)."
            )
        if replies is not None:
            replies = {str(name): str(text) for name, text in replies.items()}
        if replies is not None and {*replies} != {*(self.class_names or ())}:
            raise ValueError(
                "`replies` needs one text for each of the class names; received class_names="
                f"{self.class_names} and replies to: {list(replies)}."
            )
        self.label_smoothing = label_smoothing
        self.replies = replies

    def target(self):
        return OneClass(self.class_names, self.units, self.replies)

    def activate(self, logits):
        return ops.softmax(logits, axis=-1)

    def answered(self, prediction):
        return prediction.argmax(axis=-1)

    def scores(self, prediction, asked):
        logits = recall_logits(prediction)
        if logits is None:  # by isotonic regression
            return taken(log_odds(prediction), asked)
        chosen = ops.one_hot(ops.convert_to_tensor(asked), self.units, dtype="bool")
        others = ops.where(chosen, IMPOSSIBLE, logits)
        return taken(logits, asked) - ops.logsumexp(others, axis=-1)

    def make_loss(self):
        return SoftmaxCrossentropy(self.label_smoothing)

    def make_metrics(self):
        return ["accuracy"]  # Keras picks the one for indices or one-hot by the labels' shape

    def get_config(self):
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "replies": self.replies,
        }

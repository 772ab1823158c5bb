"""The way back from a prediction to its logits, for exact losses.

A model predicts probabilities, but a loss computed from probabilities is wrong where they
saturate: in float32 a sigmoid is exactly 1 from a logit of 17 on. Keras lets its TensorFlow
losses find the logits as an attribute of the prediction; tracers of JAX take no attributes, so
there the latest pairs are kept in a table.
"""

import collections
import weakref

from mmzoo.keras_compat import attach_logits, attached_logits

#: id of a prediction -> (reference to it, its logits), oldest first. Logits keep their whole trace
#: alive, and through it the prediction, so the table itself has to forget.
_LOGITS = collections.OrderedDict()
_REMEMBERED = 8


def remember_logits(prediction, logits):
    """Ties `logits` to the `prediction` made from them.

    Args:
        prediction: probabilities.
        logits: the tensor they were computed from.

    Returns:
        `prediction`.
    """
    if not attach_logits(prediction, logits):
        _LOGITS[id(prediction)] = weakref.ref(prediction), logits
        if len(_LOGITS) > _REMEMBERED:
            _LOGITS.popitem(last=False)
    return prediction


def recall_logits(prediction):
    """The logits of a prediction, or `None` if it did not come from a head.

    Args:
        prediction: what a head returned, that very tensor.

    Returns:
        The logits or `None`.
    """
    logits = attached_logits(prediction)
    if logits is not None:
        return logits
    reference, logits = _LOGITS.get(id(prediction), (lambda: None, None))
    return logits if reference() is prediction else None

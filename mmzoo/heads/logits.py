"""The way back from a prediction to its logits, for exact losses.

A model predicts probabilities, but a loss computed from probabilities is wrong where they
saturate: in float32 a sigmoid is exactly 1 from a logit of 17 on. Keras lets its TensorFlow
losses find the logits as an attribute of the prediction; tracers of JAX take no attributes, so
there the pair is kept in a table for as long as the prediction lives.
"""

import weakref

_LOGITS = {}


def remember_logits(prediction, logits):
    """Ties `logits` to the `prediction` made from them.

    Args:
        prediction: probabilities.
        logits: the tensor they were computed from.

    Returns:
        `prediction`.
    """
    try:
        prediction._keras_logits = logits
    except AttributeError:
        key = id(prediction)
        _LOGITS[key] = logits
        weakref.finalize(prediction, _LOGITS.pop, key, None)
    return prediction


def recall_logits(prediction):
    """The logits of a prediction, or `None` if it did not come from a head.

    Args:
        prediction: what a head returned, that very tensor.

    Returns:
        The logits or `None`.
    """
    logits = getattr(prediction, "_keras_logits", None)
    return _LOGITS.get(id(prediction)) if logits is None else logits

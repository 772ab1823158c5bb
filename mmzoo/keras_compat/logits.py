"""The attribute by which Keras's losses on TensorFlow find the logits of a prediction."""


def attach_logits(prediction, logits):
    """Ties `logits` to the `prediction` made from them.

    Args:
        prediction: probabilities.
        logits: the tensor they were computed from.

    Returns:
        Whether the prediction takes attributes; tracers of JAX do not.
    """
    try:
        prediction._keras_logits = logits
    except AttributeError:
        return False
    return True


def attached_logits(prediction):
    """What `attach_logits`, or an activation of Keras, tied to a prediction.

    Args:
        prediction: probabilities.

    Returns:
        The logits, or `None`.
    """
    return getattr(prediction, "_keras_logits", None)

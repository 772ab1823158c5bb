"""float16: an embedding whose gradient overflows is noticed, too."""

import keras


def mend_loss_scaling(optimizer):
    """Has a `keras.optimizers.LossScaleOptimizer` look at the gradients of embeddings.

    On TensorFlow these are `tf.IndexedSlices`, for which `keras.ops.isfinite` says `True` whatever
    is in them (Keras 3.15). A step in which only they overflow would be taken, and its infinite
    weights kept; it has to be left out, and the scale halved.

    Args:
        optimizer: any optimizer; others than that are left alone.
    """
    is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if not is_scaled or hasattr(optimizer.check_finite, "mended"):
        return
    check_finite = optimizer.check_finite

    def check_values(gradients):
        return check_finite([getattr(gradient, "values", gradient) for gradient in gradients])

    check_values.mended = True
    optimizer.check_finite = check_values

"""float16: an embedding whose gradient overflows is noticed, too."""

import keras


@keras.saving.register_keras_serializable(package="mmzoo")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """A `keras.optimizers.LossScaleOptimizer` that looks at the gradients of embeddings.

    On TensorFlow these are `tf.IndexedSlices`, for which `keras.ops.isfinite` says `True` whatever
    is in them (Keras 3.15). A step in which only they overflow would be taken, and its infinite
    weights kept; it has to be left out, and the scale halved.

    Args:
        inner_optimizer: as for Keras's.
        initial_scale: as for Keras's.
        dynamic_growth_steps: as for Keras's.
        name: as for Keras's.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid", dtype="mixed_float16")
    >>> isinstance(model.optimizer, LossScaleOptimizer)
    True

    Reference: Micikevicius et al. 2017, arXiv 1710.03740, section 3.2.
    """

    def check_finite(self, grads):
        return super().check_finite([getattr(grad, "values", grad) for grad in grads])

"""What compiled models do not tell."""

#: Attributes that Keras sets in callbacks, and that are not what they remember. It turns the sign
#: of `min_delta` when a callback first compares two figures.
NOT_MEMORY = ("params", "_model", "validation_data", "min_delta")


def set_optimizer(model, optimizer):
    """Gives a compiled model another optimizer, as `compile` would, but keeps its metrics.

    Args:
        model: a compiled `keras.Model`; `fit` may be running.
        optimizer: a `keras.optimizers.Optimizer`.
    """
    given = model._compile_config.config
    direct = given["optimizer"] is model.optimizer  # else Keras scales the loss around it
    given["optimizer"] = optimizer if direct else optimizer.inner_optimizer
    model.optimizer = optimizer


def made_under_strategy(model):
    """Whether a model was made in the scope of a `tf.distribute` strategy.

    Args:
        model: a `keras.Model`.
    """
    return getattr(model, "_distribute_strategy", None) is not None

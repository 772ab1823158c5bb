"""What compiled models do not tell."""

import keras

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


class BuiltUnderStrategy(keras.Model):
    """A model that `fit` can build under a `tf.distribute` strategy from batches of any dtype.

    Keras builds it from the mean of the replicas' shares of a batch, and there is none of booleans,
    such as those that say which input is there. This takes the first share.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        strategy = getattr(self, "_distribute_strategy", None)
        if strategy is not None and iterator is not None:
            for _, _, batches in iterator:
                data_batch = keras.tree.map_structure(
                    lambda x: strategy.experimental_local_results(x)[0], next(batches)
                )
                break
        super()._maybe_symbolic_build(data_batch=data_batch)

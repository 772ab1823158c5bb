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


class BuiltBeforeTraining(keras.Model):
    """A model whose optimizer, losses and metrics `fit` builds before it traces a step.

    TensorFlow traces a function twice that makes variables, which the first step of Keras's `fit`
    does. Of a model that knows its outputs, nothing need be computed to make them before.

    Under a `tf.distribute` strategy Keras builds from the mean of the replicas' shares of a batch,
    and there is none of booleans, such as those that say which input is there. This takes the first
    share.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        strategy = getattr(self, "_distribute_strategy", None)
        if strategy is None:
            self._build_losses_and_metrics(iterator, data_batch)
        elif iterator is not None:
            for _, _, batches in iterator:
                data_batch = keras.tree.map_structure(
                    lambda x: strategy.experimental_local_results(x)[0], next(batches)
                )
                break
        super()._maybe_symbolic_build(data_batch=data_batch)

    def make_train_function(self, force=False):
        unbuilt = self.optimizer is not None and not self.optimizer.built
        if unbuilt and not made_under_strategy(self):
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def _build_losses_and_metrics(self, iterator, data_batch):
        parts = [self._compile_loss, self._compile_metrics]
        if all(part is None or part.built for part in parts):
            return
        data = data_batch
        if data is None:
            data = getattr(iterator._distributed_dataset, "element_spec", None)
        if not isinstance(data, tuple) or len(data) < 2 or data[1] is None:
            return
        y = keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype)), data[1]
        )
        for part in parts:
            if part is not None and not part.built:
                part.build(y, self.output)

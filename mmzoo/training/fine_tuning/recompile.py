"""What has to be made anew when other weights of a compiled model become trainable."""

import contextlib

import keras

from mmzoo.keras_compat import (
    all_layers,
    copy_decay_exclusions,
    rate_or_schedule,
    set_optimizer,
)
from mmzoo.training.fine_tuning.layerwise_adamw import LayerwiseAdamW

#: What Keras traces for the weights of a model, and keeps.
FUNCTIONS = ("train_function", "test_function", "predict_function")


@keras.saving.register_keras_serializable(package="mmzoo")
class ContinuedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule for an optimizer that starts to count in the middle of it.

    Args:
        schedule: a `keras.optimizers.schedules.LearningRateSchedule`.
        offset: the step of `schedule` that is its step 0.

    Example:

    >>> schedule = keras.optimizers.schedules.CosineDecay(1.0, decay_steps=100)
    >>> float(ContinuedSchedule(schedule, 50)(50)) == float(schedule(100))
    True
    """

    def __init__(self, schedule, offset):
        self.schedule = schedule
        self.offset = offset

    def __call__(self, step):
        return self.schedule(step + self.offset)

    def get_config(self):
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "offset": self.offset}

    @classmethod
    def from_config(cls, config):
        return cls(keras.optimizers.schedules.deserialize(config["schedule"]), config["offset"])


@contextlib.contextmanager
def changes_trainable(model, continue_schedule=False):
    """Around code that changes what is trainable in a model, which may be compiled.

    An optimizer is built for a list of weights, and a train step traced for it, so both are made
    anew, if anything changed. The optimizer keeps its settings, not its state: Adam corrects for
    estimates that start at zero by its step count, which is one for all weights.

    Args:
        model: a `keras.Model`.
        continue_schedule: whether the learning rate goes on in its schedule where it is.
    """
    before = _trainable(model)
    yield
    if not model.compiled or _trainable(model) == before:
        return
    if model.optimizer.built:
        set_optimizer(model, _renewed(model, continue_schedule))
    _set_functions(model, dict.fromkeys(FUNCTIONS))


@contextlib.contextmanager
def other_trainable(model):
    """Around a block in which other weights are trainable than before and after it.

    Within, the optimizer fits what is trainable when the block begins, and nothing traced is used.

    Args:
        model: a `keras.Model`.
    """
    if not model.compiled:
        yield
        return
    optimizer = model.optimizer
    if optimizer.built:
        optimizer = _renewed(model)
        optimizer.build(model.trainable_variables)
    with other_optimizer(model, optimizer):
        yield


@contextlib.contextmanager
def other_optimizer(model, optimizer):
    """Around a block in which a compiled model has another optimizer.

    Args:
        model: a compiled `keras.Model`.
        optimizer: a `keras.optimizers.Optimizer`.
    """
    before, functions = model.optimizer, {name: getattr(model, name) for name in FUNCTIONS}
    try:
        set_optimizer(model, optimizer)
        _set_functions(model, dict.fromkeys(FUNCTIONS))
        yield
    finally:
        set_optimizer(model, before)
        _set_functions(model, functions)


def make_train_step(model):
    """Makes what `changes_trainable` took away, in the middle of `fit`."""
    with _strategy_scope(model):
        model.optimizer.build(model.trainable_variables)
    model.make_train_function()


def _strategy_scope(model):
    strategy = getattr(model, "distribute_strategy", None)  # on TensorFlow
    return strategy.scope() if strategy else contextlib.nullcontext()


def _trainable(model):
    layers = [layer.trainable for layer in all_layers(model)]
    return layers, [weight.trainable for weight in model.weights], len(model.trainable_variables)


def _set_functions(model, functions):
    for name, function in functions.items():
        setattr(model, name, function)


def _renewed(model, continue_schedule=False):
    with _strategy_scope(model):
        return _unbuilt(model.optimizer, continue_schedule)


def _unbuilt(optimizer, continue_schedule):
    """An optimizer with the same settings that was not built yet."""
    config = optimizer.get_config()
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = _unbuilt(optimizer.inner_optimizer, continue_schedule)
        config["initial_scale"] = float(optimizer.dynamic_scale)  # found by trial, step by step
        return type(optimizer)(**{**config, "inner_optimizer": inner})
    rate = rate_or_schedule(optimizer)
    if continue_schedule and isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        steps = int(optimizer.iterations) * (optimizer.gradient_accumulation_steps or 1)
        if isinstance(rate, ContinuedSchedule):
            rate, steps = rate.schedule, rate.offset + steps
        rate = ContinuedSchedule(rate, steps)
    if not isinstance(rate, keras.Variable):
        config["learning_rate"] = rate
    if isinstance(optimizer, LayerwiseAdamW):
        config["multipliers"] = optimizer.multipliers
    renewed = type(optimizer).from_config(config)
    copy_decay_exclusions(optimizer, renewed)
    return renewed

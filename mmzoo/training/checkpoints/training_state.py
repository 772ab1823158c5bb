"""What decides how a training goes on, as arrays: captured and restored."""

import numpy as np

from mmzoo.keras_compat import rate_or_schedule
from mmzoo.training.distribution.hosts import host_array
from mmzoo.training.fine_tuning.recompile import ContinuedSchedule

#: Of the model (weights and seeds), of its optimizer, of its metrics.
KINDS = ("model", "optimizer", "metric")


def capture_state(model):
    """Everything in a compiled model that the next step depends on.

    Weights, the optimizer's estimates and its place in the schedule, running metrics, and the
    seeds of dropout, which Keras stores in neither `.keras` nor `.weights.h5`.

    Args:
        model: a compiled `keras.Model` whose optimizer is built.

    Returns:
        `(arrays, facts)`: dict of NumPy arrays, and a JSON-able dict.
    """
    arrays = {
        f"{kind}_{i}": host_array(variable)
        for kind, variables in _variables(model).items()
        for i, variable in enumerate(variables)
    }
    return arrays, {"schedule_offset": getattr(_schedule(model), "offset", 0)}


def restore_state(model, arrays, kinds=KINDS):
    """Sets what `capture_state` returned, perhaps in another process.

    Args:
        model: the same model, compiled alike.
        arrays: dict of NumPy arrays.
        kinds: which of the variables.

    Raises:
        ValueError: when they are of another model or optimizer.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    for kind, variables in _variables(model).items():
        if kind not in kinds:
            continue
        stored = sum(name.rpartition("_")[0] == kind for name in arrays)
        if stored != len(variables):
            raise _other_model(f"{stored} {kind} variables", len(variables))
        for i, variable in enumerate(variables):
            array = arrays[f"{kind}_{i}"]
            if array.shape != tuple(variable.shape):
                raise _other_model(f"{array.shape} for {variable.path}", tuple(variable.shape))
            if array.dtype.kind == "V":  # bfloat16, which files do not know by its name
                array = array.view(np.dtype(variable.dtype))
            variable.assign(array)


def continue_schedule(model, facts):
    """Takes the schedule of the learning rate up where a stage of `GradualUnfreezing` began.

    Args:
        model: a compiled model.
        facts: what `capture_state` returned.
    """
    schedule, offset = _schedule(model), facts["schedule_offset"]
    if offset != getattr(schedule, "offset", 0):
        schedule = getattr(schedule, "schedule", schedule)
        _optimizer(model).learning_rate = ContinuedSchedule(schedule, offset)


def _optimizer(model):
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def _schedule(model):
    return rate_or_schedule(_optimizer(model))


def _variables(model):
    found = model.variables, model.optimizer.variables, model.metrics_variables
    return dict(zip(KINDS, found, strict=True))


def _other_model(stored, found):
    return ValueError(
        f"The checkpoint is of another model or optimizer: it has {stored}, the model {found}. "
        "Build and compile the model as before, or choose another folder."
    )

"""local_copy(): a model that lies on several devices, as one of this process alone."""

import contextlib

import keras

from mmzoo.keras_compat import keeping_shared_objects
from mmzoo.training.distribution.hosts import host_array
from mmzoo.utils.safe_mode import trusted_in_process


@contextlib.contextmanager
def without_distribution():
    """A context in which what is made and computed has nothing to do with other devices."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def local_copy(model, compile=True):
    """A copy of a model that one host can use alone.

    What was trained on several hosts lies on all of them, so it predicts only if all call it. Call
    this on all hosts, since a model-parallel model is gathered for it.

    Args:
        model: a `keras.Model`, such as one built in `mmzoo.training.scope()`.
        compile: whether to compile it as the model is, with the state of the optimizer.

    Returns:
        A `keras.Model` with the same weights.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> local_copy(model).name == model.name
    True
    """
    compile = compile and model.compiled
    with without_distribution(), trusted_in_process():
        with keeping_shared_objects():
            copy = type(model).from_config(model.get_config())
        if compile:
            copy.compile_from_config(model.get_compile_config())
    _copy_values(model, copy)
    if compile and model.optimizer.built:
        if not copy.optimizer.built:
            copy.optimizer.build(copy.trainable_variables)
        _copy_values(model.optimizer, copy.optimizer)
    return copy


def _copy_values(source, target):
    for variable, own in zip(source.variables, target.variables, strict=True):
        own.assign(host_array(variable))

"""local_copy(): a model that lies on several devices, as one of this process alone."""

import contextlib

import keras

from mmzoo.safe_mode import trusted_in_process
from mmzoo.training.hosts import host_array


@contextlib.contextmanager
def without_distribution():
    """A context in which what is made and computed has nothing to do with other devices."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def local_copy(model):
    """A copy of a model that one host can use alone; not compiled.

    What was trained on several hosts lies on all of them, so it predicts only if all call it. Call
    this on all hosts, since a model-parallel model is gathered for it.

    Args:
        model: a `keras.Model`, such as one built in `mmzoo.training.scope()`.

    Returns:
        A `keras.Model` with the same weights.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> local_copy(model).name == model.name
    True
    """
    arrays = [host_array(variable) for variable in model.variables]
    with without_distribution():
        with trusted_in_process():
            copy = type(model).from_config(model.get_config())
        for variable, array in zip(copy.variables, arrays, strict=True):
            variable.assign(array)
    return copy

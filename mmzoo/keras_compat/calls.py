"""A layer's calls, seen and changed from outside for a while."""

import contextlib
import functools


@contextlib.contextmanager
def replaced_calls(functions):
    """A context in which functions stand in the place of layers' `call`.

    Nothing that is compiled or stored knows of it: it is for models that are called eagerly, or
    that JAX differentiates, within the context.

    Args:
        functions: dict from a layer to a function, which is called with the layer's own `call` and
            then with what that would be called with.

    Example:

    >>> import keras, numpy as np
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> with replaced_calls({layer: lambda call, x: 2 * call(x)}):
    ...     print(float(layer(np.ones((1, 3)))[0, 0]))
    6.0
    >>> float(layer(np.ones((1, 3)))[0, 0])
    3.0
    """
    with _replaced_methods("call", functions):
        yield


@contextlib.contextmanager
def _replaced_methods(method, functions):
    """As `replaced_calls`, of any method. Set in the layer's own dict: Keras tracks attributes."""
    before = {layer: vars(layer).get(method) for layer in functions}
    try:
        for layer, function in functions.items():
            vars(layer)[method] = functools.partial(function, getattr(layer, method))
        yield
    finally:
        for layer, own in before.items():
            if own is None:
                vars(layer).pop(method, None)
            else:
                vars(layer)[method] = own

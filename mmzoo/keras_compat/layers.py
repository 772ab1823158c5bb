"""What is inside layers."""

import inspect

import keras


def all_layers(layer):
    """A layer and all layers inside it, at any depth, each once, in the order they were made.

    Args:
        layer: a `keras.layers.Layer`.

    Returns:
        List of layers; `layer` is the first.

    Example:

    >>> dense = keras.layers.Dense(1)
    >>> all_layers(keras.Sequential([dense]))[1] is dense
    True
    """
    return layer._flatten_layers()


def inner_layers(layer):
    """The layers that a layer itself holds, without those inside them, in the order of making.

    Args:
        layer: a `keras.layers.Layer`.

    Returns:
        List of layers.

    Example:

    >>> dense = keras.layers.Dense(1)
    >>> inner_layers(keras.layers.TimeDistributed(dense)) == [dense]
    True
    """
    return layer._flatten_layers(include_self=False, recursive=False)


def own_variables(layer):
    """The variables that a layer itself holds, without those of layers inside it.

    Args:
        layer: a built `keras.layers.Layer`.

    Returns:
        `(trainable, others)`: two lists. Frozen weights stay in the first, statistics and seeds
        are in the second.

    Example:

    >>> norm = keras.layers.BatchNormalization()
    >>> norm.build((None, 2))
    >>> [[variable.name for variable in variables] for variables in own_variables(norm)]
    [['gamma', 'beta'], ['moving_mean', 'moving_variance']]
    """
    return list(layer._trainable_variables), list(layer._non_trainable_variables)


def set_trainable(layer, value):
    """Sets `trainable` of a layer and of all inside it.

    `layer.trainable = value` on TensorFlow changes nothing where the layer has that value, even if
    layers inside it have another.

    Args:
        layer: a `keras.layers.Layer`.
        value: `True` or `False`.
    """
    keras.layers.Layer.trainable.fset(layer, value)


def track_variable(layer, variable):
    """Makes a variable that was made elsewhere a weight of a layer.

    Args:
        layer: a `keras.layers.Layer`, not built yet.
        variable: a `keras.Variable`.
    """
    layer._track_variable(variable)


def attached_mask(tensor):
    """The mask that a layer such as `Embedding(mask_zero=True)` attached to its output.

    Args:
        tensor: a tensor, symbolic or not.

    Returns:
        `(B, T)` bool, or `None`.
    """
    return getattr(tensor, "_keras_mask", None)


def call_arguments(layer):
    """The symbolic arguments that a layer of a functional model was called with.

    Args:
        layer: a layer that is part of one model, once.

    Returns:
        Dict from the name of an argument of `call` to its structure of symbolic tensors.
    """
    arguments = layer._inbound_nodes[0].arguments
    bound = inspect.signature(layer.call).bind(*arguments.args, **arguments.kwargs)
    return dict(bound.arguments)

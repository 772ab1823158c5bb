"""What is frozen inside a layer, told and set again by names that stay."""

import re
import warnings

from mmzoo.keras_compat import all_layers, inner_layers, own_variables


def frozen_inside(layer):
    """What is frozen of a layer and of those inside it, for a config.

    Args:
        layer: a `keras.layers.Layer` that has its weights.

    Returns:
        `[[path, weights], ...]`: the path of a layer, and the names of its frozen weights, or
        `None` where it is frozen as a layer.

    Example:

    >>> import keras
    >>> network = keras.Sequential([keras.layers.Dense(2, name="first"), keras.layers.Dense(1)])
    >>> network.build((None, 3))
    >>> network.layers[0].trainable = False
    >>> network.layers[1].bias.trainable = False
    >>> frozen_inside(network)
    [['first', None], ['dense', ['bias']]]
    """
    frozen = []
    for path, found in layers_by_path(layer).items():
        weights = [key for key, weight in _weights_by_name(found).items() if not weight.trainable]
        if not found.trainable:
            frozen.append([path, None])
        elif weights:
            frozen.append([path, weights])
    return frozen


def freeze_inside(layer, frozen):
    """Freezes what `frozen_inside` told, in the same layer or in one made of its config.

    Weights that are not there are passed over: what LoRA adds is told, and not stored.

    Args:
        layer: a `keras.layers.Layer` that has its weights.
        frozen: what `frozen_inside` returned. In files of format 1, places stood for paths and
            names: of layers among all, of weights among those of their layer.
    """
    layers = layers_by_path(layer)
    for path, weights in frozen:
        if isinstance(path, int):
            found = all_layers(layer)[path]
        elif path in layers:
            found = layers[path]
        else:
            warnings.warn(
                f"{layer.name!r} was stored with {path!r} frozen, and has no such layer inside any "
                "more: freeze again what is to be frozen.",
                stacklevel=2,
            )
            continue
        if weights is None:
            found.trainable = False
            continue
        own = _weights_by_name(found)
        for key in weights:
            weight = list(own.values())[key] if isinstance(key, int) else own.get(key)
            if weight is not None:
                weight.trainable = False


def layers_by_path(layer):
    """A layer and all layers inside it, each once.

    Args:
        layer: a `keras.layers.Layer`.

    Returns:
        Dict from path to layer, in the order of `keras_compat.all_layers`. A path is made of names;
        of those that Keras gave, which differ from process to process, without their numbers. That
        of `layer` itself is empty.

    Example:

    >>> import keras
    >>> network = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(2)])
    >>> list(layers_by_path(network))
    ['', 'dense', 'dense#1']
    """
    found, seen = {"": layer}, {id(layer)}

    def walk(parent, path):
        children = inner_layers(parent)
        names = _unique([_name(child) for child in children])
        for name, child in zip(names, children, strict=True):
            if id(child) not in seen:
                seen.add(id(child))
                found[f"{path}{name}"] = child
                walk(child, f"{path}{name}/")

    walk(layer, "")
    return found


def _name(layer):
    """The name of a layer; without its number, where Keras numbered the names of the class."""
    words = re.sub(r"\W", "", type(layer).__name__)
    words = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", words)
    given_by_keras = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
    return re.sub(rf"^({given_by_keras})_\d+$", r"\1", layer.name)


def _weights_by_name(layer):
    trainable, _ = own_variables(layer)
    return dict(zip(_unique([weight.name for weight in trainable]), trainable, strict=True))


def _unique(names):
    """Names that come again get a number."""
    return [
        f"{name}#{names[:index].count(name)}" if name in names[:index] else name
        for index, name in enumerate(names)
    ]

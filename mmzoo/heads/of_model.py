"""The heads of a model, and what its answers mean."""

import keras

from mmzoo.heads.head import Head


def heads_of(model):
    """The heads of a model by the names of their answers.

    Args:
        model: what `mmzoo.build_model` returned, or any Keras model with such layers.

    Returns:
        Dict from the name of an answer to its `Head`; the name of an only one is `"head"`.

    Raises:
        TypeError: when it is no Keras model.
        ValueError: when it has no head.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"`model` must be a keras.Model; received: {type(model).__name__}.")
    found = _found(model)
    if not found:
        named = next((layer for layer in model.layers if layer.name == "head"), None)
        has = "it has none" if named is None else f"its is a {type(named).__name__}"
        raise ValueError(
            f"The model {model.name!r} must have a layer named 'head' that is an mmzoo.heads.Head; "
            f"{has}. `mmzoo.build_model` makes such models."
        )
    return found


def has_heads(model):
    """Whether a Keras model has a head."""
    return bool(_found(model))


def _found(model):
    heads = [layer for layer in model.layers if isinstance(layer, Head)]
    return {head.name.removesuffix("_head"): head for head in heads}


def targets_of(model, preprocessor=None):
    """What the answers of a model mean.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its `mmzoo.Preprocessor`, which may know the classes that the head does not.

    Returns:
        Dict from the name of an answer to its `mmzoo.targets.Target`.
    """
    known = {} if preprocessor is None else preprocessor.targets
    targets = {}
    for name, head in heads_of(model).items():
        targets[name] = head.target().complete(known.get(name))
        targets[name].calibration = head.calibration
    return targets


def keep_calibrations(model, calibrations):
    """Hands over to heads what `mmzoo.calibrate` found, or that it is of no account any more.

    Where isotonic regression comes or goes, what Keras traced of the model is forgotten.

    Args:
        model: what `mmzoo.build_model` returned.
        calibrations: dict from the name of an answer to what was found of it, or `None`.
    """
    heads, changed = heads_of(model), False
    for name, calibration in calibrations.items():
        before = heads[name].isotonic
        heads[name].calibration = calibration
        changed |= heads[name].isotonic != before
    if changed:
        model.train_function = model.test_function = model.predict_function = None

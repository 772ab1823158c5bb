"""freeze() and unfreeze(): which branches, and how much of each, are trained."""

import keras

from mmzoo.keras_compat import own_variables
from mmzoo.training.fine_tuning.branches import (
    branch_layers,
    layers_with_weights,
    sublayers,
    train_only,
)
from mmzoo.training.fine_tuning.lora import lora_weights
from mmzoo.training.fine_tuning.recompile import changes_trainable
from mmzoo.utils.checks import check_positive_integers


def freeze(model, branch):
    """Freezes a branch: training leaves it as it is, BatchNorm statistics included.

    Of a modality this is the encoder. What leads from there into the fusion block (a projection,
    the token that stands for an absent value) is new where the encoder is pretrained, and belongs
    to the branch `"fusion"`. One encoder given to two modalities is frozen for both.

    A compiled model stays compiled, and the next `fit` respects the change: its optimizer keeps its
    settings but starts anew, at the beginning of its schedule, if it has trained before. To change
    settings, too, call `compile`.

    Args:
        model: what `mmzoo.build_model` returned.
        branch: name of a modality, `"fusion"` or `"head"`.

    Raises:
        ValueError: for an unknown name.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> freeze(model, "text")
    >>> model.get_layer("text_encoder").trainable_weights
    []
    """
    roots = branch_layers(model, branch)
    with changes_trainable(model):
        train_only(roots, [])


def unfreeze(model, branch, top_layers=None, batch_normalization=True):
    """Makes a branch trainable again, all of it or its top layers only.

    What is said of a compiled model at `mmzoo.freeze` holds here, too. A branch with LoRA keeps its
    base frozen: only its adapters become trainable.

    Args:
        model: what `mmzoo.build_model` returned.
        branch: name of a modality, `"fusion"` or `"head"`.
        top_layers: number of layers with weights to train, counted from the top, as
            `mmzoo.branch_table` counts them; the rest is frozen. `None`: all.
        batch_normalization: `False` keeps BatchNorm layers frozen, in inference mode, with the
            statistics of their pretraining (and does not count them). Keras's guide to transfer
            learning advises that for pretrained networks.

    Raises:
        ValueError: for an unknown name, more `top_layers` than there are, or a branch that has
            nothing to train.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> unfreeze(model, "text", top_layers=1)
    >>> [weight.path for weight in model.get_layer("text_encoder").trainable_weights]
    ['text_encoder/norm/gamma', 'text_encoder/norm/beta']

    Reference: https://keras.io/guides/transfer_learning
    """
    weights = weights_of_top(model, branch, top_layers, batch_normalization)
    with changes_trainable(model):
        train_only(branch_layers(model, branch), weights)


def weights_of_top(model, branch, top_layers=None, batch_normalization=True):
    """The weights that `unfreeze` with these arguments makes trainable.

    Args:
        model: as in `unfreeze`.
        branch: as in `unfreeze`.
        top_layers: as in `unfreeze`.
        batch_normalization: as in `unfreeze`.

    Returns:
        List of weights.

    Raises:
        ValueError: as `unfreeze`.
    """
    roots = branch_layers(model, branch)
    inside = sublayers(roots)
    allowed = set(map(id, lora_weights(inside)))
    if not allowed:
        allowed = {
            id(weight)
            for layer in inside
            if batch_normalization or not isinstance(layer, keras.layers.BatchNormalization)
            for variables in own_variables(layer)
            for weight in variables
        }
    layers = [
        [weight for weight in weights if id(weight) in allowed]
        for _, weights in layers_with_weights(roots)
    ]
    layers = [weights for weights in layers if weights]
    if top_layers is not None:
        check_positive_integers("top_layers", top_layers)
        if top_layers > len(layers):
            raise ValueError(
                f"`top_layers` is {top_layers}, but the branch {branch!r} has {len(layers)} layers "
                "to train. Use None for all."
            )
        layers = layers[-top_layers:]
    weights = [weight for weights in layers for weight in weights]
    can_train = {id(weight) for layer in inside for weight in own_variables(layer)[0]}
    if can_train.isdisjoint(map(id, weights)):
        raise ValueError(f"The branch {branch!r} has no weights there that could be trained.")
    return weights

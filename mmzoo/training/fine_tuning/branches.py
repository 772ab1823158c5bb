"""The branches of a model, and the layers of each from the bottom to the top."""

import keras

from mmzoo.encoders import Encoder
from mmzoo.heads import Head
from mmzoo.keras_compat import all_layers, inner_layers, own_variables
from mmzoo.utils.identifiers import unknown


def branches_of(model):
    """The layers of every branch: each modality's encoder by name, the fusion block, the heads.

    What stands between an encoder and the fusion block (a projection, the token of an absent
    modality) counts as fusion: like the block, it is new where the encoder is pretrained. So every
    weight of the model belongs to a branch.

    Args:
        model: what `mmzoo.build_model` returned.

    Returns:
        Dict from the branch's name, a modality's or `"fusion"` or `"head"`, to a list of layers.
        The heads of several answers are one branch; but a language model that writes is one of its
        own, `"language_model"`.

    Raises:
        ValueError: when it is not such a model.
    """
    layers = {layer.name: layer for layer in sorted(model.layers, key=lambda layer: layer.name)}
    heads = [layer for layer in layers.values() if isinstance(layer, Head)]
    if "fusion" not in layers or not heads:
        raise ValueError(
            f"Expected a model of mmzoo.build_model, with a layer 'fusion' and a head; received "
            f"{model.name!r} with: {', '.join(layers)}."
        )
    fusion = layers.pop("fusion")
    encoders, before = {}, []
    for name, layer in layers.items():
        if isinstance(layer, Encoder):
            encoders[name.removesuffix("_encoder")] = [layer]
        elif layer.weights and layer not in heads:
            before.append(layer)
    writing = [head for head in heads if getattr(head, "language_model", None) is not None]
    models = [head.language_model.backbone for head in writing]
    for head in writing:
        inside = [*inner_layers(head), *inner_layers(head.language_model)]
        others = [x for x in inside if x is not head.language_model and x not in models]
        heads[heads.index(head) : heads.index(head) + 1] = others
    own = {"language_model": models} if models else {}
    return {**encoders, "fusion": [*before, fusion], "head": heads, **own}


def branch_layers(model, branch):
    """The layers of one branch.

    Args:
        model: what `mmzoo.build_model` returned.
        branch: its name.

    Returns:
        List of layers.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
    """
    known = branches_of(model)
    if branch not in known:
        raise unknown("branch", branch, known)
    return known[branch]


def layers_with_weights(roots):
    """The layers that `top_layers` and depth count, from the bottom to the top.

    Those of a network inside an encoder count one by one, in the order of `keras.Model.layers`; of
    other layers made of layers the direct sublayers, in the order they were made. So a transformer
    block is one layer.

    Args:
        roots: list of layers, as `branches_of` gives them.

    Returns:
        List of `(layer, weights)`.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> [layer.name for layer, weights in layers_with_weights(branch_layers(model, "text"))]
    ['embedding', 'block_0', 'block_1', 'norm']
    """
    found, seen = [], set()
    for root in roots:
        for layer, weights in _inside(root, expand=True):
            weights = [weight for weight in weights if id(weight) not in seen]
            seen.update(map(id, weights))
            if weights:
                found.append((layer, weights))
    return found


def _inside(layer, expand=False):
    if not (expand or isinstance(layer, (keras.Model, Encoder))):
        return [(layer, layer.weights)]
    children = layer.layers if isinstance(layer, keras.Model) else inner_layers(layer)
    if isinstance(layer, Encoder) and layer.projection is not None:  # made first, used last
        children = [*(child for child in children if child is not layer.projection)]
        children.append(layer.projection)
    below = {id(weight) for child in children for weight in child.weights}
    own = [weight for weight in layer.weights if id(weight) not in below]
    return [(layer, own), *(pair for child in children for pair in _inside(child))]


def sublayers(roots):
    """All layers of a branch, those inside others too, each once.

    Args:
        roots: list of layers, as `branches_of` gives them.

    Returns:
        List of layers.
    """
    layers = [layer for root in roots for layer in all_layers(root)]
    return list({id(layer): layer for layer in layers}.values())


def train_only(roots, weights):
    """Makes some weights of a branch trainable and freezes all others.

    A layer none of whose weights are among them is frozen as a layer, so that BatchNorm stays in
    inference mode.

    Args:
        roots: list of layers, as `branches_of` gives them.
        weights: list of weights.
    """
    chosen = set(map(id, weights))
    for root in roots:
        root.trainable = False
        root.trainable = True  # Keras on TensorFlow passes on only what changes
        for layer in all_layers(root):
            if layer.weights and chosen.isdisjoint(map(id, layer.weights)):
                layer.trainable = False
            elif layer.trainable:
                for weight in own_variables(layer)[0]:
                    weight.trainable = id(weight) in chosen

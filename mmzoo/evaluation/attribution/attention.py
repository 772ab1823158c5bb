"""attention(): what each layer of attention reads, by name."""

import contextlib
import functools

import keras
import numpy as np
from keras import ops

from mmzoo.data.as_records import as_records
from mmzoo.evaluation.attribution.attention_maps import AttentionMaps, Layer, Tokens
from mmzoo.evaluation.attribution.elements import Elements, words_of
from mmzoo.evaluation.attribution.inputs import check_fits, input_batches
from mmzoo.evaluation.attribution.rollout import rollout, rollout_of_fusion
from mmzoo.fusion.attention_fusion import AttentionFusion
from mmzoo.heads import answering_model
from mmzoo.heads.answering_model import inputs_of
from mmzoo.keras_compat import inner_layers, recorded_attention, replaced_calls
from mmzoo.utils.checks import check_positive_integers


def attention(model, preprocessor, rows, *, batch_size=32):
    """What the layers of attention of a model attend to: in its fusion block and its encoders.

    Weights say where a layer looked, not what for: what a token holds may be of no use, or come
    from elsewhere. `mmzoo.attributions` says what counts for an answer. The weights are computed
    beside an ordinary call of the model, in float32; its answers, weights and compiled functions
    stay as they are. What decoders that write attend to is not told.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: `mmzoo.data.Records`, or rows as for `mmzoo.predict`.
        batch_size: rows that are computed at a time.

    Returns:
        `mmzoo.evaluation.AttentionMaps`: the weights of every layer, with the names of what attends
        and what is attended to; by modality the rollout, how much of the fused vector comes from
        each token; and maps of the words over the patches of a picture.

    Raises:
        ValueError: for a model without a layer of attention, and as `mmzoo.predict`.

    Example:

    >>> import numpy as np
    >>> import mmzoo
    >>> inputs = {
    ...     "image": mmzoo.Image(size=(16, 16), encoder={"class_name": "cnn", "config": {
    ...         "filters": [8], "strides": [4], "kernel_size": [4]}}),
    ...     "text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "circle"]),
    ... }
    >>> model = mmzoo.build_model(
    ...     inputs=inputs, fusion="gated_cross_attention", head="sigmoid", dim=8)
    >>> rows = {"image": [np.zeros((16, 16, 3), "uint8")], "text": ["red circle"]}
    >>> found = attention(model, mmzoo.Preprocessor(inputs), rows)
    >>> found.map(0, query="text", key="image").shape
    (2, 4, 4)

    Reference: rollout: Abnar and Zuidema 2020, arXiv 2005.00928; what weights tell: Jain and
    Wallace 2019, arXiv 1902.10186.
    """
    check_positive_integers("batch_size", batch_size)
    check_fits(model, preprocessor)
    rooms = {f"{name}_encoder": model.get_layer(f"{name}_encoder") for name in preprocessor.inputs}
    if model.fusion is not None:
        rooms["fusion"] = model.fusion
    layers = {room: attention_layers(layer) for room, layer in rooms.items()}
    if not any(layers.values()):
        raise ValueError(_without_attention(model))
    records = as_records(rows, preprocessor.inputs).unlabelled()
    network = keras.Model(inputs_of(answering_model(model)), _fused(model))
    names = sorted(preprocessor.inputs)
    order = None
    if isinstance(model.fusion, AttentionFusion):
        order = model.fusion.reading_order(names)
    found, row = AttentionMaps(records=records, preprocessor=preprocessor), 0
    for x in input_batches(records, preprocessor, batch_size):
        weights, masks = _recorded(network, x, rooms, layers)
        for position in range(len(next(iter(x.values())))):
            of_row = {path: array[position] for path, array in weights.items()}
            tokens = {
                name: _tokens(
                    preprocessor.preprocessings[name], name, masks[name][position],
                    {key: value[position] for key, value in x.items()},
                    records.column(name)[row + position], rooms[f"{name}_encoder"],
                )
                for name in names
            }  # fmt: skip
            found.rows.append(_layers_of_row(of_row, tokens, order))
            found.tokens.append(tokens)
            found.rollouts.append(_rollouts(found.rows[-1], tokens, order))
        row += position + 1
    return found


def attention_layers(layer):
    """The layers of attention inside a layer, at any depth, by their paths.

    Args:
        layer: a `keras.layers.Layer`.

    Returns:
        Dict from a path such as `"block_0"` to a `keras.layers.MultiHeadAttention`.
    """
    found = {}

    def walk(layer, path):
        if isinstance(layer, keras.layers.MultiHeadAttention):
            ending = [] if path and path[-1] != "attention" else path[-1:]
            found["/".join(path[: len(path) - len(ending)]) or layer.name] = layer
            return
        for inner in inner_layers(layer):
            walk(inner, [*path, inner.name])

    walk(layer, [])
    return found


def _fused(model):
    """What has to be computed so that all encoders and the fusion block are called."""
    return model.fusion.output if model.fusion is not None else model.output


def _without_attention(model):
    encoders = [f"{name}: {type(e).__name__}" for name, e in model.encoders.items()]
    return (
        f"The model has no layer of attention: neither its encoders ({', '.join(encoders)}) nor "
        f"its fusion block ({type(model.fusion).__name__}). Use mmzoo.attributions(model, "
        "preprocessor, rows), which explains any model by gradients or by covering parts; or build "
        "it with a block that attends, such as fusion='gated_cross_attention'."
    )


def _recorded(network, x, rooms, layers):
    """`(weights, masks)` of a batch: by path `(B, heads, T, S)`, by modality `(B, T)` bool."""
    current, weights, masks = [], {}, {}
    paths = {(room, layer): path for room, of in layers.items() for path, layer in of.items()}
    rows = len(next(iter(x.values())))

    def enter(room, call, *args, **kwargs):
        current.append(room)
        try:
            if room == "fusion":
                given = kwargs["mask"] if "mask" in kwargs else args[1]
                masks.update({name: ops.convert_to_numpy(mask) for name, mask in given.items()})
            result = call(*args, **kwargs)
            if room != "fusion":  # where there is no fusion block
                masks.setdefault(room.removesuffix("_encoder"), ops.convert_to_numpy(result[1]))
            return result
        finally:
            current.pop()

    def record(layer, found):
        room = current[-1] if current else None
        if (room, layer) not in paths:
            return
        path, number = f"{room}/{paths[room, layer]}", 1
        while path in weights:  # called more than once
            number += 1
            path = f"{room}/{paths[room, layer]} ({number})"
        found = ops.convert_to_numpy(found)
        # Frames of a video, which stand in the batch, count as heads.
        weights[path] = found.reshape(rows, -1, *found.shape[2:])

    functions = {layer: functools.partial(enter, room) for room, layer in rooms.items()}
    every = {layer for of in layers.values() for layer in of.values()}
    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced_calls(functions))
        stack.enter_context(recorded_attention(every, record))
        network({key: ops.convert_to_tensor(value) for key, value in x.items()}, training=False)
    return weights, masks


def _tokens(part, name, mask, x, value, encoder):
    """The tokens of a modality as the fusion block gets them, in one row."""
    modality, count = part.modality, len(mask)
    names = modality.input_names(name)
    if modality.optional and not x[f"{name}_present"]:
        return Tokens(mask, Elements("absent"))
    if modality.kind == "text" and "ids" in names and count == len(x[names["ids"]]):
        ids = x[names["ids"]]
        valid = x[names["mask"]] != 0 if "mask" in names else ids != 0
        if (valid == mask).all():
            return Tokens(mask, words_of(part, ids, valid, value))
    grid = getattr(encoder, "grid", None)
    if grid is not None and grid[0] * grid[1] == count:
        return Tokens(mask, Elements("patches"), grid)
    if modality.kind == "tabular" and count in (len(modality.columns), len(modality.columns) + 1):
        names = (*modality.columns, "class token")[:count]
        return Tokens(mask, Elements("cells", names))
    if modality.kind == "audio":
        edges = np.linspace(0, modality.seconds, count + 1)
        return Tokens(mask, Elements("tokens", seconds=edges))
    return Tokens(mask, Elements("tokens"))


def _layers_of_row(weights, tokens, order):
    """Dict from path to `Layer` of one row, without padding."""
    readings = {} if order is None else {
        f"fusion/{reading.block}": reading for stage in order.stages for reading in stage.readings
    }  # fmt: skip
    origins = {}
    for stage in () if order is None else order.stages:
        origins |= {copy: origins.get(name, name) for copy, name in stage.copies.items()}
    found = {}
    for path, array in weights.items():
        room = path.split("/")[0]
        name = room.removesuffix("_encoder")
        if room != "fusion" and tokens[name].elements.kind == "absent":
            continue  # nothing of what the encoder does counts
        if path in readings:
            sides = [readings[path].queries, readings[path].keys]
        elif name in tokens and {*array.shape[1:]} == {len(tokens[name].mask)}:
            sides = [(name,), (name,)]
        else:
            found[path] = Layer(array, None, None)
            continue
        masks = []
        for side in sides:
            count = {
                each: tokens[origins.get(each, each)].mask if origins.get(each, each) in tokens
                else np.ones(order.learned[origins.get(each, each)], bool)
                for each in side
            }  # fmt: skip
            masks.append(count)
        kept = [np.concatenate([*of.values()]) for of in masks]
        array = array[:, kept[0]][:, :, kept[1]]
        found[path] = Layer(array, *({k: int(m.sum()) for k, m in of.items()} for of in masks))
    return found


def _rollouts(layers, tokens, order):
    """Dict from modality to `(T,)`: where the fused vector comes from, by the encoders' inputs."""
    own = {}
    for path, layer in layers.items():
        room = path.split("/")[0]
        if room != "fusion" and layer.queries is not None:
            own.setdefault(room.removesuffix("_encoder"), []).append(layer.weights)
    own = {name: rollout(weights) for name, weights in own.items()}
    if order is None:  # each modality by itself
        return {name: origin.mean(axis=0) for name, origin in own.items() if len(origin)}
    weights = {path.split("/", 1)[1]: layer.weights for path, layer in layers.items()
               if path.startswith("fusion/")}  # fmt: skip
    counts = {name: int(each.mask.sum()) for name, each in tokens.items()}
    shares = rollout_of_fusion(order, weights, counts)
    return {name: share @ own[name] if name in own else share for name, share in shares.items()}

"""build_model(): inputs -> encoders -> fusion -> head, in the functional API.

    raw row --> preprocessing --> encoder --> fusion --> head --> prediction
    bytes,      static tensors,   tokens      one        probabilities,
    strings,    masks,            (B, T, D)   vector     + its loss,
    floats      presence          + mask      (B, D)     + its metrics

This file is the part from the encoders to the head: pure Keras, on any backend, compiled by XLA.
"""

import contextlib
import math

import keras

from mmzoo import encoders, heads, recipes
from mmzoo import fusion as fusions
from mmzoo.encoders.foreign_networks import warn_of_foreign_network
from mmzoo.keras_compat import bounded_variables
from mmzoo.layers import AbsentToken, ModalityDropout, NeutralInput
from mmzoo.modalities import check_inputs
from mmzoo.multimodal_model import MultimodalModel
from mmzoo.utils.memory import bytes_of_memory


def build_model(
    recipe=None,
    *,
    inputs=None,
    fusion=None,
    head=None,
    dim=256,
    modality_dropout=None,
    compile=True,
    loss_weights=None,
    optimizer="adamw",
    dtype=None,
    name=None,
):
    """Builds a multimodal model: one branch a modality, a fusion block and a head.

    The layers are named `<name>_encoder`, `fusion` and `head`; with several answers the heads are
    `<answer>_head`.

    Args:
        recipe: a name from `mmzoo.list_models()` or a `mmzoo.Recipe` to start from.
        inputs: dict from modality name to modality; merged into the recipe's by key. A name
            matches `[a-z][a-z0-9_]*` and is that of the model's input.
        fusion: fusion block: a name from `mmzoo.fusion.names()`, a config dict or an instance.
        head: head: a name from `mmzoo.heads.names()`, a config dict or an instance; a dict of such
            by the name of an answer, where there are several answers.
        dim: width the tokens are projected to, where the fusion block wants that.
        modality_dropout: what training drops of the optional modalities, so that the model learns
            to do without: a rate, a dict of rates by modality name, or a `mmzoo.ModalityDropout`.
        compile: whether to compile with `optimizer`, the head's loss and metrics, and
            `jit_compile="auto"`. You may always compile again.
        loss_weights: with several answers: dict from the name of an answer to the weight of its
            loss, as in `keras.Model.compile`.
        optimizer: as in `keras.Model.compile`.
        dtype: dtype or dtype policy such as `"mixed_bfloat16"`; `None`: Keras's global one. The
            head and the loss always compute in float32. With `"mixed_float16"` Keras scales the
            loss: `model.optimizer` is then a `keras.optimizers.LossScaleOptimizer`.
        name: name of the model.

    Returns:
        A `mmzoo.MultimodalModel`, a functional `keras.Model`, from a dict of tensors,
        `{name: (B, ...)}`, to `(B, units)` float32, or to a dict of these by the name of an answer.
        A modality with `optional=True` adds the boolean input `<name>_present`, `(B,)`; a head that
        writes adds the answer so far, `<answer>_previous`, see `mmzoo.heads.Words`.

    Raises:
        ValueError: for an unknown name, an impossible modality name, a part that is missing,
            modality dropout where no modality is optional, or weights that take more than this
            machine's memory.
        TypeError: where something is not a modality, a fusion block or a head.

    Example:

    >>> import mmzoo
    >>> model = build_model(
    ...     inputs={
    ...         "image": mmzoo.Image(size=(64, 64), encoder="cnn"),
    ...         "text": mmzoo.Text(length=16, vocabulary_size=1000, encoder="lstm"),
    ...     },
    ...     fusion="cross_attention",
    ...     head=mmzoo.heads.Softmax(units=13),
    ... )
    >>> model.output_shape
    (None, 13)
    """
    inputs = recipes.model_inputs(recipe, inputs)
    if recipe is not None:
        recipe = recipes.get(recipe)
        fusion = recipe.fusion if fusion is None else fusion
        head = recipe.head if head is None else head
        name = name or recipe.name
    check_inputs(inputs)
    if head is None:
        raise ValueError(f"`head` is missing. Known: {', '.join(heads.names())}.")
    several = heads.are_several(head)
    heads_by_answer = heads.by_answer(head)
    if loss_weights is not None and not (several and {*loss_weights} <= {*heads_by_answer}):
        raise ValueError(
            "`loss_weights` is a dict from the name of an answer to a number, for several answers; "
            f"received: {loss_weights!r}; the answers are: {', '.join(heads_by_answer)}."
        )

    with _within_memory():
        model_inputs, prediction = _connected(
            inputs, fusion, heads_by_answer, several, dim, modality_dropout, dtype
        )
        model = MultimodalModel(
            model_inputs, prediction, name=name or "multimodal_model", dtype=dtype
        )
    if compile:
        model.compile_for_heads(optimizer, loss_weights)
    return model


def _connected(inputs, fusion, heads_by_answer, several, dim, modality_dropout, dtype):
    """`(model_inputs, prediction)`: the tensors that a model begins and ends with."""
    model_inputs, tokens, mask, grids = {}, {}, {}, {}
    for key, modality in inputs.items():
        names = modality.input_names(key)
        for part, (shape, input_dtype) in modality.tensors().items():
            model_inputs[names[part]] = keras.Input(shape, dtype=input_dtype, name=names[part])
        if modality.optional:
            name_present = f"{key}_present"
            model_inputs[name_present] = keras.Input((), dtype="bool", name=name_present)
    present = present_flags(inputs, model_inputs, modality_dropout)

    for key, modality in inputs.items():
        x = {part: model_inputs[name] for part, name in modality.input_names(key).items()}
        if modality.optional:
            neutral = NeutralInput(name=f"{key}_neutral")
            x = {part: neutral(tensor, present[key]) for part, tensor in x.items()}
        x = x if len(x) > 1 else next(iter(x.values()))
        encoder = encoders.get(
            modality.encoder,
            modality.kind,
            name=f"{key}_encoder",
            dtype=dtype,
            main_part=modality.main_part,
            **modality.encoder_defaults(),
        )
        tokens[key], mask[key] = encoder(x)
        warn_of_foreign_network(encoder)
        if encoder.grid is not None:
            grids[key] = encoder.grid

    query = next((key for key, modality in inputs.items() if modality.text_like), None)
    fusion = fusions.get(
        "concat" if fusion is None else fusion, dim=dim, query=query, grids=grids, dtype=dtype
    )
    for key, modality in inputs.items():
        differs = tokens[key].shape[-1] != fusion.dim
        if fusion.projects == "always" or (fusion.projects == "if_needed" and differs):
            project = keras.layers.Dense(fusion.dim, dtype=dtype, name=f"{key}_projection")
            tokens[key] = project(tokens[key])
        if modality.optional:
            absent = AbsentToken(masked=fusion.masks_absent, dtype=dtype, name=f"{key}_absent")
            tokens[key], mask[key] = absent(tokens[key], mask[key], present[key])

    fusion = renamed(fusion, "fusion")
    if any(head.reads_tokens for head in heads_by_answer.values()):
        vector, tokens, mask = fusion.contextualized(tokens, mask)
        for key in present:  # the block saw an absent modality's learned token; a head sees none
            unseen = AbsentToken(masked=True, dtype=dtype, name=f"{key}_unseen")
            tokens[key], mask[key] = unseen(tokens[key], mask[key], present[key])
    else:
        vector = fusion(tokens, mask)
    prediction = {}
    for answer, head in heads_by_answer.items():
        head = renamed(head.fitted_to(inputs, grids), f"{answer}_head" if several else "head")
        besides = {}
        for part, (shape, input_dtype) in head.input_tensors().items():
            input_name = f"{answer}_{part}"
            besides[part] = keras.Input(shape, dtype=input_dtype, name=input_name)
            model_inputs[input_name] = besides[part]
        if head.reads_tokens:
            seen = head.token_mask(mask, model_inputs)
            prediction[answer] = head(vector, tokens, seen, **besides)
        else:
            prediction[answer] = head(vector, **besides)
    if not several:
        (prediction,) = prediction.values()
    return model_inputs, prediction


@contextlib.contextmanager
def _within_memory():
    """Around code that makes layers: refuses a variable that no memory could hold.

    Tried all the same, it would fail in the backend's words, and Keras would try it again whenever
    any other layer is built. Where weights are spread over machines, nothing is known of memory.
    """
    spread = keras.distribution.distribution() is not None
    with bounded_variables(math.inf if spread else bytes_of_memory(), math.inf) as bound:
        try:
            yield
        except Exception:
            if not bound.exceeded:
                raise
        if bound.exceeded:  # which Keras may have made a warning of
            raise ValueError(f"The model is too large for this machine: {bound.exceeded}.")


def present_flags(inputs, model_inputs, modality_dropout):
    """Dict from the name of an optional modality to `(B,)` bool, after modality dropout."""
    optional = [key for key, modality in inputs.items() if modality.optional]
    present = {key: model_inputs[f"{key}_present"] for key in optional}
    if modality_dropout is None:
        return present
    if not optional:
        raise ValueError(
            "`modality_dropout` needs modalities that may be absent; none of "
            f"{', '.join(inputs)} has optional=True."
        )
    if not isinstance(modality_dropout, ModalityDropout):
        always_one = len(optional) < len(inputs)
        modality_dropout = ModalityDropout(modality_dropout, keep_one=not always_one)
    return renamed(modality_dropout, "modality_dropout")(present)


def renamed(layer, name):
    """`layer` under the name the model promises; a copy if it was called otherwise."""
    if layer.built:
        raise ValueError(
            f"The layer {layer.name!r} is already part of a model, so it can't be {name!r} of "
            "another. Make a new one."
        )
    if layer.name == name:
        return layer
    shared = layer.shared_parts() if isinstance(layer, heads.Head) else {}
    return type(layer).from_config({**layer.get_config(), **shared, "name": name})

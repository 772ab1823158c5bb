"""LoRA: small trained matrices beside the frozen weights of an encoder."""

import contextlib
import math
import os
import tempfile
import warnings

import keras
import numpy as np
from keras import ops

from mmzoo.keras_compat import (
    all_layers,
    base_weight,
    lora_matrices,
    remove_lora,
    restore_lora,
)
from mmzoo.training.fine_tuning.branches import branch_layers, branches_of, sublayers, train_only
from mmzoo.training.fine_tuning.recompile import changes_trainable, other_trainable
from mmzoo.utils.checks import check_positive_integers


def enable_lora(model, rank, branches=None, alpha=None):
    """Freezes branches and puts a trainable low-rank update beside each of their projections.

    The update `alpha / rank * A @ B` stands beside the kernel of every dense, einsum-dense (so all
    projections inside attention), convolutional and embedding layer that is larger than it; it
    starts at zero, so predictions do not change. Everything else in these branches is frozen;
    fusion and head train on. A compiled model stays compiled, as with `mmzoo.freeze`.

    Training done, `mmzoo.save` and `mmzoo.export_savedmodel` write a model with the updates merged
    into the kernels; `save_lora` writes only what was trained.

    Args:
        model: what `mmzoo.build_model` returned.
        rank: width of the update, from 1 on; usually 4 to 16.
        branches: name of a branch, or list of names; `None`: every encoder.
        alpha: scale of the update; `None` means `rank`.

    Raises:
        ValueError: for an unknown branch, one that has LoRA already, or one without a layer that is
            larger than an update of this rank.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> enable_lora(model, rank=4)
    >>> print(mmzoo.training.branch_table(model))
    branch  layers  parameters  trainable  learning rate
    ----------------------------------------------------
    text         4     423,976     25,896  x 1
    fusion       1      33,024     33,024  x 1
    head         1         257        257  x 1
    ----------------------------------------------------
    total        6     457,257     59,177  x 1

    Reference: Hu et al. 2021, arXiv 2106.09685.
    """
    check_positive_integers("rank", rank)
    if branches is None:
        branches = [name for name in branches_of(model) if name not in ("fusion", "head")]
    roots = {
        branch: branch_layers(model, branch)
        for branch in ([branches] if isinstance(branches, str) else branches)
    }
    adaptable = {}
    for branch, layers in roots.items():
        if with_lora(sublayers(layers)):
            raise ValueError(
                f"The branch {branch!r} has LoRA already. Call `mmzoo.training.merge_lora(model)` "
                "first."
            )
        found = [layer for layer in sublayers(layers) if _is_adaptable(layer, rank)]
        if not found:
            raise ValueError(
                f"The branch {branch!r} has no dense, convolutional or embedding layer that is "
                f"larger than an update of rank {rank}."
            )
        adaptable.update((id(layer), layer) for layer in found)
    with changes_trainable(model):
        for layer in adaptable.values():
            layer.enable_lora(int(rank), lora_alpha=alpha)
        for layers in roots.values():
            train_only(layers, lora_weights(sublayers(layers)))


def merge_lora(model):
    """Adds the updates of LoRA to the kernels they stand beside, for good.

    The model predicts the same and has no LoRA any more; those layers stay frozen until
    `mmzoo.unfreeze`.

    Args:
        model: a model with LoRA.

    Raises:
        ValueError: when it has none.
    """
    layers = with_lora(all_layers(model))
    if not layers:
        raise ValueError("The model has no LoRA. `mmzoo.enable_lora(model, rank)` adds it.")
    with changes_trainable(model):
        for layer in layers:
            _merge(layer)
            layer.trainable = False


def merged_copy(model):
    """A model of its own that predicts the same as one with LoRA, and has none.

    It is compiled as `model` is, with an optimizer that starts anew, for what is trainable besides
    LoRA. `model` is not touched, so it may train or predict at the same time, if its weights may be
    read so.

    Args:
        model: what `mmzoo.build_model` returned.

    Returns:
        A `keras.Model`; `model` itself where it has no LoRA.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> enable_lora(model, rank=4)
    >>> [weight.path for weight in merged_copy(model).weights if "lora" in weight.path]
    []
    """
    layers = all_layers(model)
    if not with_lora(layers):
        return model
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.keras")
        model.save(file)
        copy = keras.saving.load_model(file, compile=False, safe_mode=False)  # it is our own
    for layer, twin in zip(layers, all_layers(copy), strict=True):
        if getattr(twin, "lora_enabled", False):  # empty: Keras stores it merged, ...
            remove_lora(twin)
        if getattr(layer, "lora_enabled", False):  # ... but rounded where it computes in bfloat16
            base_weight(twin).assign(_merged(layer))
    if model.compiled:
        copy.compile_from_config(_settings_without_lora(model))
    return copy


def _settings_without_lora(model):
    """How a model is compiled, without the multipliers of the matrices of LoRA."""
    settings = model.get_compile_config()
    optimizer = settings["optimizer"]["config"]
    optimizer = optimizer.get("inner_optimizer", {"config": optimizer})["config"]
    if optimizer.get("multipliers"):
        matrices = set(map(id, lora_weights(all_layers(model))))
        pairs = zip(model.trainable_variables, optimizer["multipliers"], strict=True)
        optimizer["multipliers"] = [factor for w, factor in pairs if id(w) not in matrices]
    return settings


@contextlib.contextmanager
def lora_merged(model):
    """Deprecated: `mmzoo.training.merged_copy` leaves the model as it is.

    Within the block the model has the updates of LoRA in its kernels, and no LoRA. Afterwards it is
    as before, to the bit. A model without LoRA stays as it is.

    Args:
        model: what `mmzoo.build_model` returned.
    """
    warnings.warn(
        "`lora_merged` is deprecated: use `mmzoo.training.merged_copy(model)`.",
        DeprecationWarning,
        stacklevel=3,
    )
    before = []
    try:
        for layer in with_lora(all_layers(model)):
            base = np.array(ops.convert_to_numpy(base_weight(layer)))
            before.append((layer, base, layer.lora_rank, lora_weights([layer])))
            _merge(layer)
        with other_trainable(model) if before else contextlib.nullcontext():
            yield
    finally:
        for layer, base, rank, matrices in before:
            base_weight(layer).assign(base)
            restore_lora(layer, rank, matrices)


def with_lora(layers):
    """Those of some layers that have LoRA."""
    return [layer for layer in layers if getattr(layer, "lora_enabled", False)]


def lora_weights(layers):
    """The matrices `A` and `B` of some layers, in one list."""
    return [matrix for layer in with_lora(layers) for matrix in lora_matrices(layer)]


def lora_shapes(layer, rank):
    """The shapes of `A` and `B` that a layer would have, or `None` where it can't have LoRA."""
    weight = base_weight(layer)
    if weight is None:
        return None
    if weight.constraint is not None or layer.quantization_mode is not None:
        return None
    return (*weight.shape[:-1], rank), (rank, weight.shape[-1])


def _is_adaptable(layer, rank):
    """Whether a layer can have LoRA, and has more weights than that."""
    shapes = lora_shapes(layer, rank)
    return shapes is not None and sum(map(math.prod, shapes)) < math.prod(base_weight(layer).shape)


def _merged(layer):
    """The weight with the update added, in its full precision."""
    first, second = lora_matrices(layer)
    update = ops.matmul(first, second) * (layer.lora_alpha / layer.lora_rank)
    return ops.add(ops.cast(base_weight(layer), "float32"), update)


def _merge(layer):
    base_weight(layer).assign(_merged(layer))
    remove_lora(layer)

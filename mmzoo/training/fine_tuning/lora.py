"""LoRA: small trained matrices beside the frozen weights of an encoder."""

import contextlib
import math

import keras
import numpy as np
from keras import ops

from mmzoo.training.fine_tuning.branches import branch_layers, branches_of, sublayers, train_only
from mmzoo.training.fine_tuning.recompile import changes_trainable, other_trainable
from mmzoo.utils.checks import check_positive_integers

#: What layers call the weight that LoRA stands beside, and its two matrices.
KERNEL = ("_kernel", "lora_kernel_a", "lora_kernel_b")
EMBEDDINGS = ("_embeddings", "lora_embeddings_a", "lora_embeddings_b")


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
    layers = with_lora(model._flatten_layers())
    if not layers:
        raise ValueError("The model has no LoRA. `mmzoo.enable_lora(model, rank)` adds it.")
    with changes_trainable(model):
        for layer in layers:
            _merge(layer)
            layer.trainable = False


@contextlib.contextmanager
def lora_merged(model):
    """Within the block the model has the updates of LoRA in its kernels, and no LoRA.

    Afterwards it is as before, to the bit. A model without LoRA stays as it is.

    Args:
        model: what `mmzoo.build_model` returned.
    """
    before = []
    try:
        for layer in with_lora(model._flatten_layers()):
            base = np.array(ops.convert_to_numpy(_weight(layer)))
            before.append((layer, base, layer.lora_rank, lora_weights([layer])))
            _merge(layer)
        with other_trainable(model) if before else contextlib.nullcontext():
            yield
    finally:
        for layer, base, rank, matrices in before:
            _weight(layer).assign(base)
            _attach(layer, rank, matrices)


def with_lora(layers):
    """Those of some layers that have LoRA."""
    return [layer for layer in layers if getattr(layer, "lora_enabled", False)]


def lora_weights(layers):
    """The matrices `A` and `B` of some layers, in one list."""
    return [getattr(layer, name) for layer in with_lora(layers) for name in _names(layer)[1:]]


def lora_shapes(layer, rank):
    """The shapes of `A` and `B` that a layer would have, or `None` where it can't have LoRA."""
    weight = getattr(layer, _names(layer)[0], None)
    if not hasattr(layer, "lora_enabled") or weight is None:
        return None
    if weight.constraint is not None or layer.quantization_mode is not None:
        return None
    return (*weight.shape[:-1], rank), (rank, weight.shape[-1])


def _is_adaptable(layer, rank):
    """Whether a layer can have LoRA, and has more weights than that."""
    shapes = lora_shapes(layer, rank)
    return shapes is not None and sum(map(math.prod, shapes)) < math.prod(_weight(layer).shape)


def _names(layer):
    return EMBEDDINGS if hasattr(layer, "embeddings_initializer") else KERNEL


def _weight(layer):
    """The weight that LoRA stands beside."""
    return getattr(layer, _names(layer)[0])


def _merge(layer):
    """Adds the update to the weight, in its full precision, and takes the matrices away."""
    first, second = lora_weights([layer])
    update = ops.matmul(first, second) * (layer.lora_alpha / layer.lora_rank)
    weight = _weight(layer)
    weight.assign(ops.add(ops.cast(weight, "float32"), update))
    layer.lora_enabled, layer.lora_rank = False, None
    for name in _names(layer)[1:]:
        layer._untrack_variable(getattr(layer, name))
        # Past Keras's `__delattr__`, which collects garbage each time: half a second a matrix.
        super(keras.layers.Layer, layer).__delattr__(name)


def _attach(layer, rank, matrices):
    """Undoes what `_merge` took away."""
    layer._tracker.unlock()
    for name, matrix in zip(_names(layer)[1:], matrices, strict=True):
        trainable, matrix.trainable = matrix.trainable, True  # a layer keeps them apart for good
        setattr(layer, name, matrix)
        matrix.trainable = trainable
    layer._tracker.lock()
    layer.lora_enabled, layer.lora_rank = True, rank

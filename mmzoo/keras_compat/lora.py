"""The weights that Keras's LoRA stands beside, and how it comes and goes."""

import keras

#: What layers call the weight that LoRA stands beside, and its two matrices.
KERNEL = ("_kernel", "lora_kernel_a", "lora_kernel_b")
EMBEDDINGS = ("_embeddings", "lora_embeddings_a", "lora_embeddings_b")


def base_weight(layer):
    """The weight that LoRA stands beside; `layer.kernel` would have it added already.

    Args:
        layer: a built layer.

    Returns:
        A `keras.Variable`; `None` where the layer can't have LoRA.

    Example:

    >>> dense = keras.layers.Dense(1)
    >>> dense.build((None, 2))
    >>> tuple(base_weight(dense).shape)
    (2, 1)
    """
    return getattr(layer, _names(layer)[0], None) if hasattr(layer, "lora_enabled") else None


def lora_matrices(layer):
    """The matrices `A` and `B` of a layer with LoRA.

    Args:
        layer: a layer with LoRA.

    Returns:
        List of two `keras.Variable`s, `(..., rank)` and `(rank, outputs)`.
    """
    return [getattr(layer, name) for name in _names(layer)[1:]]


def remove_lora(layer):
    """Takes the matrices of LoRA away from a layer, as if it never had any.

    Args:
        layer: a layer with LoRA.
    """
    matrices = lora_matrices(layer)
    layer.lora_enabled, layer.lora_rank = False, None
    for name, matrix in zip(_names(layer)[1:], matrices, strict=True):
        layer._untrack_variable(matrix)
        # Past Keras's `__delattr__`, which collects garbage each time: half a second a matrix.
        super(keras.layers.Layer, layer).__delattr__(name)


def restore_lora(layer, rank, matrices):
    """Puts back what `remove_lora` took away.

    Args:
        layer: the layer.
        rank: its rank before.
        matrices: what `lora_matrices` gave before.
    """
    layer._tracker.unlock()
    for name, matrix in zip(_names(layer)[1:], matrices, strict=True):
        trainable, matrix.trainable = matrix.trainable, True  # a layer keeps them apart for good
        setattr(layer, name, matrix)
        matrix.trainable = trainable
    layer._tracker.lock()
    layer.lora_enabled, layer.lora_rank = True, rank


def _names(layer):
    return EMBEDDINGS if hasattr(layer, "embeddings_initializer") else KERNEL

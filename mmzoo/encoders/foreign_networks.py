"""What goes wrong, without a word, with networks of others as encoders."""

import os
import warnings

import keras

from mmzoo.keras_compat import all_layers
from mmzoo.layers import Conv2D


def faulty_convolutions(layer):
    """The layers inside that TensorFlow can't train safely on a processor with AVX-512.

    These are convolutions with windows of one pixel, stride 2 and fewer than 16 input channels; in
    docs/design.md see "Known faults of others".

    Args:
        layer: a layer or model that is built.

    Returns:
        List of `keras.layers.Conv1D` and `Conv2D`; mmzoo's own are not among them.

    Example:

    >>> import keras
    >>> layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1, 2, name="shortcut")]
    >>> [layer.name for layer in faulty_convolutions(keras.Sequential(layers))]
    ['shortcut']
    """
    kinds = (keras.layers.Conv1D, keras.layers.Conv2D)
    return [
        inner
        for inner in all_layers(layer)
        if isinstance(inner, kinds)
        and not isinstance(inner, Conv2D)
        and inner.built
        and max(inner.kernel_size) == 1
        and max(inner.strides) == 2
        and inner.kernel.shape[-2] * inner.groups < 16
    ]


def warn_of_foreign_network(encoder):
    """Warns of what goes wrong with a network in an encoder, and does not show.

    Layers that TensorFlow would overwrite memory with, and layers that look for channels where
    mmzoo does not have them.

    Args:
        encoder: an encoder that is built.
    """
    layers = _channels_first(encoder)
    if layers:
        warnings.warn(
            f"{encoder.name!r} has layers with data_format='channels_first': {_names(layers)}. "
            "mmzoo's pictures are (batch, height, width, channels). Make the network with "
            "data_format='channels_last', or let it transpose its input.",
            stacklevel=3,
        )
    layers = faulty_convolutions(encoder)
    if (
        layers
        and keras.backend.backend() == "tensorflow"
        and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"
    ):
        warnings.warn(
            f"{encoder.name!r} has 1x1 convolutions of stride 2 with fewer than 16 input channels: "
            f"{_names(layers)}. On a processor with AVX-512, the gradient of such a layer makes "
            "TensorFlow write past its memory, and the process may die in training. Put "
            "mmzoo.layers.Conv2D in their place, which computes the same, or set the environment "
            "variable TF_ENABLE_ONEDNN_OPTS=0 before TensorFlow is imported.",
            stacklevel=3,
        )


def _channels_first(layer):
    return [x for x in all_layers(layer) if getattr(x, "data_format", None) == "channels_first"]


def _names(layers):
    return ", ".join(layer.name for layer in layers)

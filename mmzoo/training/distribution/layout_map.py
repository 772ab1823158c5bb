"""Which weights of a model are split over devices, and along which of their axes."""

import keras

#: Pattern of a path, and the axis that is split: what attention heads and hidden units have of
#: their own. Names are those of mmzoo's layers and of KerasHub's.
SPLIT = {
    r".*/(query|key|value)/kernel": (None, "model", None),
    r".*/(query|key|value)/bias": ("model", None),
    r".*/attention_output/kernel": ("model", None, None),
    r".*/(feedforward_hidden|.*feedforward_intermediate_dense)/kernel": (None, "model"),
    r".*/(feedforward_hidden|.*feedforward_intermediate_dense)/bias": ("model",),
    r".*/(feedforward_output|.*feedforward_output_dense)/kernel": ("model", None),
    r".*/embeddings": (None, "model"),
}


def layout_map(devices, model_parallel):
    """How the weights of transformers lie on a mesh of devices.

    In attention every device of a group has some of the heads, in the feed-forward network some of
    the hidden units, in an embedding some of the columns. So a block needs two sums over the
    group, one behind each of its halves. All other weights are on every device.

    Args:
        devices: list of names of devices, as of `keras.distribution.list_devices()`.
        model_parallel: how many of them share one copy of the model.

    Returns:
        A `keras.distribution.LayoutMap`, to which patterns for further layers may be added; its
        mesh has the axes `batch` and `model`.

    Raises:
        ValueError: when the devices can't be divided into such groups.

    Example:

    >>> layouts = layout_map(["cpu:0", "cpu:1", "cpu:2", "cpu:3"], model_parallel=2)
    >>> layouts["text_encoder/block_0/attention/query/kernel"].axes
    (None, 'model', None)

    Reference: Shoeybi et al. 2019, arXiv 1909.08053.
    """
    if model_parallel < 1 or len(devices) % model_parallel:
        raise ValueError(
            f"`model_parallel` must divide the number of devices, {len(devices)}; received: "
            f"{model_parallel}."
        )
    shape = len(devices) // model_parallel, model_parallel
    mesh = keras.distribution.DeviceMesh(shape, ["batch", "model"], devices)
    layouts = keras.distribution.LayoutMap(mesh)
    for pattern, axes in SPLIT.items():
        layouts[pattern] = axes
    return layouts


class WhereItDivides(keras.distribution.ModelParallel):
    """Model parallelism that leaves weights whole which can't be split evenly.

    Such as three attention heads on two devices. Arguments: as of
    `keras.distribution.ModelParallel`.
    """

    def get_variable_layout(self, variable):
        layout = super().get_variable_layout(variable)
        sizes = dict(zip(self.device_mesh.axis_names, self.device_mesh.shape, strict=True))
        parts = [sizes.get(axis, 1) for axis in layout.axes]
        if len(parts) == len(variable.shape) and not any(
            size % part for size, part in zip(variable.shape, parts, strict=True)
        ):
            return layout
        whole = [None] * len(variable.shape)
        return keras.distribution.TensorLayout(whole, self.device_mesh)

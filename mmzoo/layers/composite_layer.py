"""The base class of layers made of layers."""

import functools
import inspect
from typing import ClassVar

import keras

from mmzoo.keras_compat import all_layers, set_trainable
from mmzoo.layers.frozen import freeze_inside, frozen_inside


class CompositeLayer(keras.layers.Layer):
    """A layer that owns others and takes its masks as explicit tensors.

    `layer.build(shape)` makes all weights, as of any Keras layer: a subclass makes in its `build`
    what it owns itself, if there is such a thing, and the layers inside are then built by a
    symbolic call. The shapes are those of the arguments of `call`, in their order or by name
    (`tokens_shape` or `tokens`), a dict of shapes for a dict of tensors. A `mask` may be left out.

    Two more Keras defaults do not fit such layers. Masks that Keras attaches to tensors end here:
    tokens and their mask travel side by side. And Keras stores `trainable` of this layer only, so
    that a frozen one would come back with sublayers that train.

    Args:
        frozen: what is frozen inside, as `get_config` stores it; set `trainable` or call
            `mmzoo.freeze` instead.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    #: Dtypes of what is not float among the arguments of `call`, by name, for building from shapes:
    #: a dtype, also of all tensors of a dict, or a dict of them by key.
    input_dtypes: ClassVar = {"mask": "bool", "padding_mask": "bool", "present": "bool"}

    def __new__(cls, *args, **kwargs):
        layer = super().__new__(cls, *args, **kwargs)
        build_own = layer.build

        @functools.wraps(build_own)
        def build(*shapes, **named_shapes):
            if layer._in_first_call:  # which builds what is inside
                build_own(*shapes, **named_shapes)
                return
            shapes = _shapes_by_argument(layer, shapes, named_shapes)
            build_own(**_accepted_shapes(build_own, shapes))
            if not all(inner.built for inner in all_layers(layer)):
                try:
                    _SymbolicCall(layer).compute_output_spec(**_symbolic_arguments(layer, shapes))
                except BaseException:
                    layer.built = False
                    raise
            layer._start()

        layer.build = build
        return layer

    def __init__(self, frozen=(), **kwargs):
        super().__init__(**kwargs)
        self._frozen_at_start = list(frozen)
        self._started = False
        self._in_first_call = False

    def build(self, *args, **shapes):
        """Makes the weights of this layer and of the layers inside.

        A subclass that has weights, or layers that depend on shapes, makes them here; the layers
        inside are built afterwards, whether it calls `super().build` or not.

        Args:
            *args: shapes of the arguments of `call`, in their order.
            **shapes: the same by name, such as `tokens_shape`.
        """

    def __call__(self, *args, **kwargs):
        if self._started:
            return super().__call__(*args, **kwargs)
        self._in_first_call = True
        try:
            outputs = super().__call__(*args, **kwargs)
        finally:
            self._in_first_call = False
        self._start()
        return outputs

    def _start(self):
        """Freezes what is to be frozen, once the layers inside have their weights."""
        if not self._started:
            self._started = True
            if not self.trainable:
                for layer in all_layers(self)[1:]:
                    layer.trainable = False
            freeze_inside(self, self._frozen_at_start)

    def __setattr__(self, name, value):
        if name == "trainable":  # on TensorFlow Keras skips what this layer has, not what is inside
            set_trainable(self, value)
        else:
            super().__setattr__(name, value)

    def get_build_config(self):
        """`None`: what holds this layer builds it when it is loaded, by calling it."""

    def compute_mask(self, inputs, previous_mask):
        """No mask is attached to the output."""

    def get_config(self):
        frozen = self._frozen_at_start
        if self._started:
            frozen = frozen_inside(self) if self.trainable else []
        return {**super().get_config(), **({"frozen": frozen} if frozen else {})}


class _SymbolicCall(keras.Operation):
    """The call of a layer, for Keras to run on symbolic tensors."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, **arguments):
        return self.layer(**arguments)


def _shapes_by_argument(layer, shapes, named_shapes):
    """What `build` was given: argument of `call` -> shape, or dict of shapes."""
    parameters = inspect.signature(layer.call).parameters
    names = list(parameters)
    by_name = {name.removesuffix("_shape"): shape for name, shape in named_shapes.items()}
    by_name = {**dict(zip(names, shapes, strict=False)), **by_name}
    unknown = sorted(set(by_name) - set(names))
    if unknown or len(shapes) > len(names):
        raise ValueError(
            f"`build` of {type(layer).__name__} takes the shapes of the arguments of its `call`, "
            f"{', '.join(names)}; received {len(shapes)} shapes without a name, and: "
            f"{', '.join(named_shapes) or 'none with one'}."
        )
    given = {name: by_name[name] for name in names if by_name.get(name) is not None}
    first = next(iter(given.values()), None)
    if "mask" in names and "mask" not in given and first is not None:
        given["mask"] = _map_shapes(lambda shape: tuple(shape)[:2], first)
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in given
    ]
    if missing:
        raise ValueError(
            f"`build` of {type(layer).__name__} needs the shapes of {', '.join(missing)}, too."
        )
    return given


def _accepted_shapes(build, shapes):
    """The shapes that a `build` takes, by its own names, as Keras matches them."""
    named = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    parameters = inspect.signature(build).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.kind in named]
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()))}
    shapes = {f"{name}_shape": shape for name, shape in shapes.items()}
    return {name: shapes[name] for name in names if name in shapes}


def _symbolic_arguments(layer, shapes):
    """Symbolic tensors of these shapes, by argument."""
    default = layer.compute_dtype if layer.autocast else "float32"

    def tensors(shape, dtype):
        if isinstance(shape, dict):
            dtypes = dtype if isinstance(dtype, dict) else dict.fromkeys(shape, dtype)
            return {key: tensors(inner, dtypes.get(key)) for key, inner in shape.items()}
        dtype = dtype if isinstance(dtype, str) else default
        return _map_shapes(lambda one: keras.KerasTensor(one, dtype=dtype), shape)

    return {name: tensors(shape, layer.input_dtypes.get(name)) for name, shape in shapes.items()}


def _map_shapes(function, shapes):
    """Applies a function to a shape, or to each shape of a dict or list of them."""
    if isinstance(shapes, dict):
        return {key: _map_shapes(function, shape) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, int) for size in shapes):
        return function(tuple(shapes))
    return [_map_shapes(function, shape) for shape in shapes]

"""Properties of any layer or model, in pure Keras: on TensorFlow and on JAX."""

import json
import os
import tempfile

import keras
import numpy as np
from keras import ops

#: Ends of the paths of weights whose gradient is zero by mathematics, and why.
WITHOUT_GRADIENT = {
    # Attention weights are a softmax over the keys; what the key bias adds to a query's scores is
    # the same for every key, and a softmax does not see it.
    "attention/key/bias": "softmax is invariant to a constant",
}


def run_properties(properties, case, leave_out=()):
    """Asserts one property after the other.

    Args:
        properties: dict from name to a function of the case that raises an `AssertionError`.
        case: what they are asserted of; its string is what messages call it.
        leave_out: names of properties that are not asserted.

    Raises:
        ValueError: for a name in `leave_out` that is no property.
        AssertionError: names the property.
    """
    unknown = set(leave_out) - set(properties)
    if unknown:
        raise ValueError(f"No such property: {sorted(unknown)}. There are: {list(properties)}.")
    for name, holds in properties.items():
        if name in leave_out:
            continue
        try:
            holds(case)
        except Exception as error:  # what it promises and fails to do counts as well
            raise AssertionError(f"{case} lacks the property {name!r}: {error}") from error


def disturb(layer, scale=0.05):
    """Noise on all weights of a layer or model: what starts at zero must not hide anything."""
    generator = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        noise = generator.normal(scale=scale, size=weight.shape)
        weight.assign(ops.convert_to_numpy(weight) + noise.astype("float32"))


def as_arrays(structure):
    """Tensors as NumPy."""
    return keras.tree.map_structure(ops.convert_to_numpy, structure)


def answer(layer, *inputs, method="__call__", **options):
    """What a built layer or model returns, as NumPy.

    JAX compiles it as a whole, once for all inputs of a shape; op by op would take far longer.

    Args:
        layer: a layer or model that has its weights.
        *inputs: arrays, and dicts of arrays.
        method: name of what to call.
        **options: further arguments, which are no arrays, such as `training`.

    Returns:
        As the method does, with arrays in place of tensors.
    """
    if keras.backend.backend() != "jax":
        return as_arrays(getattr(layer, method)(*inputs, **options))
    import jax

    variables = list(layer.variables)

    def function(values, inputs):
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)):
            return getattr(layer, method)(*inputs, **options)

    # `vars`: Keras would track what is set as an attribute.
    compiled = vars(layer).setdefault("answers_compiled", {})
    key = (method, *sorted(options.items()), len(variables))
    compiled.setdefault(key, jax.jit(function))
    return as_arrays(compiled[key]([variable.value for variable in variables], inputs))


def build_with(layer, *inputs, method="__call__"):
    """Makes a layer's weights, without computing anything.

    Args:
        layer: a layer.
        *inputs: what it will be called with: arrays, and dicts of arrays.
        method: name of what will be called.
    """
    getattr(layer, method)(*keras.tree.map_structure(symbolic, inputs))


def symbolic(array, name=None):
    """A model's input for an array of rows; Keras computes in float32."""
    dtype = "float32" if array.dtype.kind == "f" else array.dtype.name
    return keras.Input(array.shape[1:], dtype=dtype, name=name)


def copy_of(layer, **changes):
    """A copy of a layer without its weights, from its config as it would be read from a file."""
    config = json.loads(json.dumps(layer.get_config()))
    return type(layer).from_config({**config, **changes})


def assert_config_round_trips(layer):
    """The config is JSON, and a layer made of it has the same."""
    config = layer.get_config()
    again = copy_of(layer).get_config()
    assert json.dumps(again, sort_keys=True) == json.dumps(config, sort_keys=True), (
        f"the config of a copy is {again}, that of the original {config}"
    )


def assert_saved_and_loaded(model, x):
    """A model that was saved and loaded, in safe mode, answers alike to the bit.

    Args:
        model: a functional model.
        x: what to call it with.
    """
    expected = answer(model, x, training=False)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
    found = answer(loaded, x, training=False)
    for one, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())


def assert_shapes_are_those_promised(layers, inputs, x):
    """Shapes and dtypes that Keras knows of outputs are those of what comes out.

    Args:
        layers: layers of a functional model.
        inputs: its inputs.
        x: what to call it with.
    """
    inspector = keras.Model(inputs, {layer.name: layer.output for layer in layers})
    outputs = answer(inspector, x)
    rows = len(keras.tree.flatten(x)[0])
    for layer in layers:
        tensors = keras.tree.flatten(layer.output)
        for tensor, value in zip(tensors, keras.tree.flatten(outputs[layer.name]), strict=True):
            expected = tuple(
                actual if size is None else size
                for size, actual in zip(tensor.shape, value.shape, strict=True)
            )
            found = tuple(value.shape)
            assert found == expected and found[0] == rows, (
                f"{layer.name} gave the shape {found}, Keras knows of {tensor.shape}"
            )
            assert keras.backend.standardize_dtype(value.dtype) == tensor.dtype, (
                f"{layer.name} gave {value.dtype}, Keras knows of {tensor.dtype}"
            )


def gradients(model, x, loss):
    """Gradient of a loss by every trainable weight.

    Args:
        model: a built model.
        x: what to call it with.
        loss: function from what the model returns, in training, to a scalar.

    Returns:
        Dict from the path of a weight to an array, `None` where it has no part in the loss.
    """
    return gradient_function(model, loss)(x)


def gradient_function(model, loss):
    """As `gradients`, as a function that JAX compiles once for all batches of a shape.

    Args:
        model: a built model.
        loss: function from what the model returns, in training, and from further arguments, to a
            scalar.

    Returns:
        Function from what to call the model with, and the further arguments of `loss`, to what
        `gradients` returns.
    """
    of_backend = {"tensorflow": _by_tape, "jax": _by_jax()}.get(keras.backend.backend())
    if of_backend is None:
        raise ValueError("Gradients are tested on TensorFlow and JAX only.")

    def function(x, *data):
        weights = model.trainable_variables
        return {
            weight.path: None if value is None else ops.convert_to_numpy(value)
            for weight, value in zip(
                weights, of_backend(model, loss, weights, x, data), strict=True
            )
        }

    return function


def _by_tape(model, loss, weights, x, data):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(model(x, training=True), *data)
    values = tape.gradient(value, [weight.value for weight in weights])
    return [None if value is None else tf.convert_to_tensor(value) for value in values]


def _by_jax():
    """A function as `_by_tape`, which keeps what it compiled for each set of weights."""
    compiled = {}

    def slopes(model, loss, weights, x, data):
        import jax

        def of(trainable, state, x, data):
            return loss(model.stateless_call(trainable, state, x, training=True)[0], *data)

        function = compiled.setdefault(tuple(map(id, weights)), jax.jit(jax.grad(of)))
        state = [variable.value for variable in model.non_trainable_variables]
        return function([weight.value for weight in weights], state, x, data)

    return slopes


def assert_gradients(gradients, without_gradient=()):
    """Every weight has a gradient, finite and not zero.

    Args:
        gradients: what `gradients` returned.
        without_gradient: further ends of paths of weights that need none.
    """
    ends = (*WITHOUT_GRADIENT, *without_gradient)
    for path, gradient in gradients.items():
        assert gradient is not None, f"{path} is not connected to the loss"
        assert np.isfinite(gradient).all(), f"{path} has a gradient that is not finite"
        if not path.endswith(ends):
            assert np.abs(gradient).max() > 0, f"{path} has no gradient"


def weighted_sum(outputs):
    """A loss of any outputs: each of their numbers counts, and none as much as another."""
    total = 0.0
    for output in keras.tree.flatten(outputs):
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(output.dtype)):
            size = int(np.prod(output.shape))
            weights = np.random.default_rng(5).normal(size=size).astype("float32")
            flat = ops.reshape(ops.cast(output, "float32"), (-1,))
            total += ops.sum(flat * weights)
    return total


def assert_half_precision(layer, outputs):
    """Weights are float32, outputs finite numbers.

    Args:
        layer: a layer of a mixed policy.
        outputs: what it returned.
    """
    dtypes = {weight.dtype for weight in layer.trainable_variables}
    assert dtypes <= {"float32"}, f"weights are {sorted(dtypes)}"
    for output in keras.tree.flatten(outputs):
        array = ops.convert_to_numpy(ops.cast(output, "float32"))
        assert np.isfinite(array).all(), "an output is not finite"

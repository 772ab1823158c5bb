"""A TensorFlow SavedModel as a Keras layer whose variables train and travel with the model."""

import re
import shutil

import keras
import tensorflow as tf

from mmzoo.keras_compat import track_variable
from mmzoo.saved_model.module_call import ModuleCall
from mmzoo.saved_model.module_folder import in_new_format, load_onto, own_copy


class SavedModelLayer(keras.layers.Layer):
    """Calls a SavedModel, trains its variables, and carries its files inside `.keras`.

    Its weights are the module's own variables, not copies: those that the call uses, and trainable
    among them those that the chosen outputs have a gradient for. While the layer is frozen the
    module runs in inference mode.

    Keras rebuilds a saved layer before it reads the archive's assets. Until then the layer has
    variables and outputs of the right shapes (`state`); `load_assets` loads the module onto these
    same variables, which by then an optimizer may know.

    Args:
        folder: folder of a SavedModel, or what `module_folder` found; `None`: `load_assets` brings
            it.
        signature: name of the signature to call; `None`: the module itself where it can be called,
            else its only or its default signature.
        output_key: name or list of names of the outputs to return; `None`: the only one, or the
            one called `"default"`.
        arguments: dict of further keyword arguments of the call.
        state: what `state()` returned, for a layer without a folder.
        trainable: whether the module's variables train.
        **kwargs: `name`.

    Call arguments:
        x: tensor, or dict of tensors, as the module takes it.

    Returns:
        List of tensors, one an output.

    Raises:
        ValueError: for a signature or an output that is not there, or `trainable=True` where
            nothing can be trained.
    """

    def __init__(
        self,
        folder=None,
        signature=None,
        output_key=None,
        arguments=None,
        state=None,
        trainable=False,
        **kwargs,
    ):
        super().__init__(dtype="float32", **kwargs)
        self.signature = signature
        self.output_key = output_key
        self.arguments = dict(arguments or {})
        self.module = None
        self.folder = None
        self.input_specs, self.output_specs = None, []
        self._module_variables = []
        self._knows_jit = False
        if folder is None:
            self._module_variables = [_empty_variable(spec) for spec in state["variables"]]
            self._used, self._trained = state["used"], state["trained"]
            self.input_specs = _restored(state["inputs"])
            self.output_specs = [_restored(spec) for spec in state["outputs"]]
            self.supports_jit, self._knows_jit = state["supports_jit"], True
            self._has_losses = state["has_losses"]
        else:
            self._load(folder)
            self._used, self._trained = self._run.reach(self._module_variables, self.input_specs)
            self._has_losses = bool(getattr(self.module, "regularization_losses", None))
        if trainable and not self._trained:
            raise ValueError(
                "This module has no variable that its output has a gradient for: a frozen graph is "
                "good for feature extraction only. Use `trainable=False`."
            )
        for index in self._used:
            self._share(index)
        self.trainable = trainable
        self.built = True

    def call(self, x, training=None):
        if self.module is None:
            return self._shapes_only(x)
        x = self._fitted(x)
        if not self._knows_jit:
            with tf.init_scope():
                trained = [self._module_variables[index] for index in self._trained]
                specs = tf.nest.map_structure(_static_spec, x)
                self.supports_jit = self._run.compiles(trained, specs)
            self._knows_jit = True
        outputs = self._run(x, bool(training) and self.trainable)
        self.output_specs = [tf.TensorSpec([None, *out.shape[1:]], out.dtype) for out in outputs]
        return outputs

    @property
    def input_names(self):
        """Names of the module's inputs where it takes a dict, else `None`."""
        return sorted(self.input_specs) if isinstance(self.input_specs, dict) else None

    @property
    def takes_strings(self):
        """Whether the module's one input is a string tensor."""
        return getattr(self.input_specs, "dtype", None) == tf.string

    @property
    def picture_size(self):
        """`(height, width)` of the pictures that the module takes, `None` where it takes any."""
        shape = getattr(self.input_specs, "shape", None)
        if shape is None or shape.rank != 4 or None in shape.as_list()[1:3]:
            return None
        return tuple(shape.as_list()[1:3])

    def state(self):
        """What a layer that is rebuilt without the module's files has to know, JSON-able."""
        return {
            "variables": [
                {"shape": v.shape.as_list(), "dtype": v.dtype.name, "name": v.name}
                for v in self._module_variables
            ],
            "used": self._used,
            "trained": self._trained,
            "inputs": tf.nest.map_structure(_stored, self.input_specs),
            "outputs": [_stored(spec) for spec in self.output_specs],
            "supports_jit": self.supports_jit,
            "has_losses": self._has_losses,
        }

    def save_assets(self, dir_path):
        """Puts the module's files into the archive."""
        shutil.copytree(self.folder.name, dir_path, dirs_exist_ok=True)

    def load_assets(self, dir_path):
        """Loads the module of the archive onto the variables that are there."""
        # The module's own checkpoint must not overwrite what fine-tuning stored.
        values = {index: self._module_variables[index].numpy() for index in self._used}
        self._load(dir_path)
        for index, value in values.items():
            self._module_variables[index].assign(value)

    # Loading

    def _load(self, folder):
        """Loads the module, onto the variables that are there if there are any."""
        self.folder = own_copy(folder)
        module, variables = load_onto(self.folder.name, self._module_variables)
        if hasattr(module, "prune"):  # TensorFlow 1's format, which takes no variables
            self.folder = in_new_format(module)
            module, variables = load_onto(self.folder.name, [])
        self.module, self._module_variables = module, variables
        self._run = ModuleCall(module, self.signature, self.output_key, self.arguments)
        if self.input_specs is None:
            self.input_specs = self._run.input_specs()

    # Calling

    def _fitted(self, x):
        """`x` in the dtypes and structure of the module's inputs."""
        if isinstance(self.input_specs, dict):
            if not isinstance(x, dict) or set(x) != set(self.input_specs):
                raise ValueError(
                    f"The module takes a dict with {self.input_names}; received: "
                    f"{sorted(x) if isinstance(x, dict) else x}."
                )
            return {key: _cast(x[key], spec, key) for key, spec in self.input_specs.items()}
        return _cast(x, self.input_specs, "x")

    def _shapes_only(self, x):
        """What the module will return, as far as Keras needs it to rebuild a model."""
        if tf.executing_eagerly():
            raise ValueError(
                "The files of this TF-Hub module were not loaded. They are in the `.keras` file: "
                "load the model with keras.saving.load_model(path, safe_mode=False)."
            )
        return [tf.compat.v1.placeholder(spec.dtype, spec.shape) for spec in self.output_specs]

    # Variables

    def _share(self, index):
        """Makes a weight of a variable of the module."""
        variable = self._module_variables[index]
        shared = keras.Variable(
            variable,
            dtype=variable.dtype.name,
            trainable=index in self._trained,
            autocast=False,
            # Keras allows no slash, TensorFlow no colon, and names may come twice.
            name=f"{re.sub('[/:]', '_', variable.name.removesuffix(':0'))}_{index}",
        )
        if self._trained and index == self._trained[0] and self._has_losses:
            shared.regularizer = self._regularization_loss
        track_variable(self, shared)

    def _regularization_loss(self, variable):
        """The module's own losses, which it reports as functions."""
        return tf.add_n([tf.cast(loss(), tf.float32) for loss in self.module.regularization_losses])


def _cast(x, spec, name):
    x = tf.convert_to_tensor(x)
    if (x.dtype == tf.string) != (spec.dtype == tf.string):
        raise ValueError(
            f"The module takes {spec.dtype.name} for {name!r} (shape {spec.shape}); received "
            f"{x.dtype.name} of shape {x.shape}."
        )
    if not spec.shape.is_compatible_with(x.shape):
        raise ValueError(
            f"The module takes {name!r} of shape {spec.shape}; received shape {x.shape}. Give the "
            "modality that size."
        )
    return x if x.dtype == spec.dtype else tf.cast(x, spec.dtype)


def _static_spec(x):
    """Of a batch of two; where a length is open, of eight."""
    return tf.TensorSpec([2, *(8 if size is None else size for size in x.shape[1:])], x.dtype)


def _stored(spec):
    return {"shape": spec.shape.as_list(), "dtype": spec.dtype.name}


def _restored(stored):
    if "dtype" in stored and not isinstance(stored["dtype"], dict):
        return tf.TensorSpec(stored["shape"], stored["dtype"])
    return {key: _restored(spec) for key, spec in stored.items()}


def _empty_variable(spec):
    dtype = tf.as_dtype(spec["dtype"])
    value = tf.fill(spec["shape"], "") if dtype == tf.string else tf.zeros(spec["shape"], dtype)
    return tf.Variable(value, name=spec["name"].removesuffix(":0"))

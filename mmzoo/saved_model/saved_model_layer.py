"""A TensorFlow SavedModel as a Keras layer whose variables train and travel with the model."""

import os
import re
import shutil
import tempfile
import uuid
import weakref

import keras
import tensorflow as tf

from mmzoo.keras_compat import function_called, track_variable

#: Folders of the modules that are alive in this process, by id: what a copy of a layer is made of.
_FOLDERS = weakref.WeakValueDictionary()


class SavedModelLayer(keras.layers.Layer):
    """Calls a SavedModel, trains its variables, and carries its files inside `.keras`.

    Its weights are the module's own variables, not copies: those that the call uses, and trainable
    among them those that the chosen outputs have a gradient for. While the layer is frozen the
    module runs in inference mode.

    Keras rebuilds a saved layer before it reads the archive's assets. Until then the layer has
    variables and outputs of the right shapes (`state`); `load_assets` loads the module onto these
    same variables, which by then an optimizer may know.

    Args:
        folder: folder of a SavedModel; `None`: `load_assets` brings it.
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
            self._used, self._trained = self._reach()
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
                self.supports_jit = self._compiles(tf.nest.map_structure(_static_spec, x))
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
        self.folder = _own_copy(folder)
        module, variables = _load_onto(self.folder.name, self._module_variables)
        if hasattr(module, "prune"):  # TensorFlow 1's format, which takes no variables
            self.folder = _in_new_format(module)
            module, variables = _load_onto(self.folder.name, [])
        self.module, self._module_variables = module, variables
        self._function, self._takes_training = self._endpoint()
        if self.input_specs is None:
            self.input_specs = self._own_specs()

    def _endpoint(self):
        """The function to call, and whether it takes `training`."""
        signatures = dict(getattr(self.module, "signatures", {}))
        if self.signature is None and callable(self.module):
            function = self.module.__call__
            parameters = function.function_type.parameters
            return function, "training" in parameters
        name = self.signature
        if name is None:
            usual = [key for key in ("serving_default", "default") if key in signatures]
            name = usual[0] if usual else (next(iter(signatures)) if len(signatures) == 1 else None)
        if name not in signatures:
            raise ValueError(
                f"The module has no signature {name!r}. It "
                + (f"has: {', '.join(sorted(signatures))}." if signatures else "has none at all.")
            )
        return signatures[name], False

    def _own_specs(self):
        """The `tf.TensorSpec` of the input, or a dict of them."""
        if hasattr(self._function, "structured_input_signature"):  # a signature
            specs = self._function.structured_input_signature[1]
            return dict(specs) if len(specs) > 1 else next(iter(specs.values()))
        for concrete in self._function.concrete_functions:
            arguments = concrete.structured_input_signature[0]
            if arguments:
                return arguments[0]
        raise ValueError("The module can be called, but no call of it was traced before saving.")

    # Calling

    def _run(self, x, training):
        """The chosen outputs, as a list."""
        if hasattr(self._function, "structured_input_signature"):
            names = self._function.structured_input_signature[1]
            x = x if isinstance(x, dict) else {next(iter(names)): x}
            return self._chosen(self._function(**x, **self.arguments))
        mode = {"training": training} if self._takes_training else {}
        return self._chosen(self._function(x, **mode, **self.arguments))

    def _chosen(self, outputs):
        if isinstance(outputs, (list, tuple)):
            outputs = {str(i): output for i, output in enumerate(outputs)}
        if not isinstance(outputs, dict):
            if self.output_key is not None:
                raise ValueError(
                    f"The module returns one tensor, so `output_key` must be None; received: "
                    f"{self.output_key!r}."
                )
            return [outputs]
        keys = self.output_key
        if keys is None:
            keys = "default" if "default" in outputs else list(outputs)
            if len(outputs) > 1 and keys != "default":
                raise ValueError(
                    f"The module has several outputs: {', '.join(sorted(outputs))}. Choose one, or "
                    "a list of them, with `output_key=`."
                )
        keys = [keys] if isinstance(keys, str) else list(keys)
        missing = [key for key in keys if key not in outputs]
        if missing:
            raise ValueError(
                f"The module has no output {missing[0]!r}; it has: {', '.join(sorted(outputs))}."
            )
        return [outputs[key] for key in keys]

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

    def _reach(self):
        """Indices of the variables that the call uses, and of those that it can train."""

        def forward(x):
            outputs = []
            for training in {False, self._takes_training}:
                outputs += self._run(x, training)
            return outputs

        def gradients(x):
            with tf.GradientTape() as tape:
                tape.watch([self._module_variables[index] for index in candidates])
                total = _sum(self._run(x, self._takes_training))
            found = tape.gradient(total, [self._module_variables[index] for index in candidates])
            reached.extend(g is not None for g in found)
            return total

        try:
            concrete = tf.function(forward, autograph=False).get_concrete_function(self.input_specs)
        except (TypeError, ValueError):
            if not self._takes_training:
                raise
            self._takes_training = False  # it was only traced without it, or with it left open
            concrete = tf.function(forward, autograph=False).get_concrete_function(self.input_specs)
        handles = {id(outer): inner for outer, inner in concrete.graph.captures}
        reaching = _reaching(concrete.graph, concrete.graph.outputs)
        used, connected = [], set()
        for i, variable in enumerate(self._module_variables):
            if id(variable.handle) in handles:
                used.append(i)
                if handles[id(variable.handle)].name in reaching:
                    connected.add(i)
        listed = getattr(self.module, "trainable_variables", None)
        listed = None if listed is None else {id(v) for v in listed}
        candidates = [
            i
            for i in sorted(connected)
            if self._module_variables[i].trainable
            and self._module_variables[i].dtype.is_floating
            and (listed is None or id(self._module_variables[i]) in listed)
        ]
        reached = []
        try:
            tf.function(gradients, autograph=False).get_concrete_function(self.input_specs)
        except LookupError:  # an operation that has no gradient
            reached = [False] * len(candidates)
        trained = [i for i, has_gradient in zip(candidates, reached, strict=True) if has_gradient]
        return used, trained

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

    # XLA

    def _compiles(self, specs):
        """Whether XLA compiles the call and its gradient."""
        if any(spec.dtype == tf.string for spec in tf.nest.flatten(specs)):
            return False
        variables = [self._module_variables[index] for index in self._trained]

        @tf.function(jit_compile=True, autograph=False)
        def step(x):
            with tf.GradientTape() as tape:
                total = _sum(self._run(x, self._takes_training))
            return total, tape.gradient(total, variables)

        try:
            step.experimental_get_compiler_ir(specs)(stage="hlo")
        except Exception:  # whatever stops the compiler
            return False
        return True


def _reaching(graph, tensors):
    """Names of the tensors of a graph that `tensors` are computed from.

    Looks into the functions that the graph calls, as a gradient does not: for an input that an
    output has nothing to do with, the gradient of a call is zero rather than none.
    """
    names, waiting = set(), list(tensors)
    while waiting:
        tensor = waiting.pop()
        if tensor.name in names:
            continue
        names.add(tensor.name)
        operation = tensor.op
        inputs = list(operation.inputs)
        if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
            called = function_called(graph, operation)
            within = _reaching(called, [called.outputs[tensor.value_index]])
            pairs = zip(inputs, called.inputs, strict=True)
            inputs = [outer for outer, inner in pairs if inner.name in within]
        waiting += inputs
    return names


def _sum(outputs):
    floats = [output for output in outputs if output.dtype.is_floating]
    return tf.add_n([tf.reduce_sum(tf.cast(output, tf.float32)) for output in floats])


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


def _own_copy(folder):
    """A copy of a folder that lives as long as it is used; hard links where they can be made."""
    copy = _new_folder()
    shutil.copytree(folder, copy.name, copy_function=_link_or_copy, dirs_exist_ok=True)
    return copy


def _new_folder():
    folder = tempfile.TemporaryDirectory(prefix="mmzoo-", ignore_cleanup_errors=True)
    folder.id = uuid.uuid4().hex
    _FOLDERS[folder.id] = folder
    return folder


def _link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _load_onto(folder, variables):
    """Loads a SavedModel: `(module, its variables in the order they are made)`.

    Args:
        folder: its folder.
        variables: variables to use instead of new ones, in that order; may be empty.
    """
    waiting, made = list(variables), []

    def creator(next_creator, **kwargs):
        made.append(waiting.pop(0) if waiting else next_creator(**kwargs))
        return made[-1]

    with tf.variable_creator_scope(creator):
        module = tf.saved_model.load(folder)
    return module, made


def _in_new_format(module):
    """Folder of a module of TensorFlow 1's format, written again in that of TensorFlow 2."""
    folder = _new_folder()
    holder = tf.Module()
    holder.module = module
    tf.saved_model.save(holder, folder.name, signatures=dict(module.signatures))
    return folder


def neutral_strings(x, present):
    """`(B,)` strings, empty where `present` is not."""
    return tf.where(present, x, "")


def folder_of(identity):
    """Path of the folder with this id, if it is alive in this process, else `None`."""
    folder = _FOLDERS.get(identity)
    return folder and folder.name

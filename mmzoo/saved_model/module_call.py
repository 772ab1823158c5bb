"""The call of a SavedModel: its function, its inputs and outputs, and the variables it reaches."""

import tensorflow as tf

from mmzoo.keras_compat import function_called


class ModuleCall:
    """Calls a module that was loaded, as `SavedModelLayer`, which explains the arguments, wants it.

    Args:
        module: what `tf.saved_model.load` returned.
        signature: name of a signature, or `None`.
        output_key: name or list of names of outputs, or `None`.
        arguments: dict of further keyword arguments.

    Raises:
        ValueError: for a signature that is not there.
    """

    def __init__(self, module, signature=None, output_key=None, arguments=None):
        self.module = module
        self.output_key = output_key
        self.arguments = dict(arguments or {})
        self.function, self.takes_training = _endpoint(module, signature)
        self.is_signature = hasattr(self.function, "structured_input_signature")

    def __call__(self, x, training=False):
        """The chosen outputs, as a list.

        Args:
            x: tensor, or dict of tensors, in the dtypes of the module.
            training: whether the module is in training mode, where it has one.
        """
        if self.is_signature:
            names = self.function.structured_input_signature[1]
            x = x if isinstance(x, dict) else {next(iter(names)): x}
            return self._chosen(self.function(**x, **self.arguments))
        mode = {"training": training} if self.takes_training else {}
        return self._chosen(self.function(x, **mode, **self.arguments))

    def input_specs(self):
        """The `tf.TensorSpec` of the input, or a dict of them."""
        if self.is_signature:
            specs = self.function.structured_input_signature[1]
            return dict(specs) if len(specs) > 1 else next(iter(specs.values()))
        for concrete in self.function.concrete_functions:
            arguments = concrete.structured_input_signature[0]
            if arguments:
                return arguments[0]
        raise ValueError("The module can be called, but no call of it was traced before saving.")

    def reach(self, variables, specs):
        """Indices of the variables that the call uses, and of those that it can train.

        Args:
            variables: those of the module.
            specs: what `input_specs` returned.

        Returns:
            Two lists of integers.
        """

        def forward(x):
            outputs = []
            for training in {False, self.takes_training}:
                outputs += self(x, training)
            return outputs

        def gradients(x):
            with tf.GradientTape() as tape:
                tape.watch([variables[index] for index in candidates])
                total = _sum(self(x, self.takes_training))
            found = tape.gradient(total, [variables[index] for index in candidates])
            reached.extend(g is not None for g in found)
            return total

        try:
            concrete = tf.function(forward, autograph=False).get_concrete_function(specs)
        except (TypeError, ValueError):
            if not self.takes_training:
                raise
            self.takes_training = False  # it was only traced without it, or with it left open
            concrete = tf.function(forward, autograph=False).get_concrete_function(specs)
        handles = {id(outer): inner for outer, inner in concrete.graph.captures}
        reaching = _reaching(concrete.graph, concrete.graph.outputs)
        used, connected = [], set()
        for i, variable in enumerate(variables):
            if id(variable.handle) in handles:
                used.append(i)
                if handles[id(variable.handle)].name in reaching:
                    connected.add(i)
        listed = getattr(self.module, "trainable_variables", None)
        listed = None if listed is None else {id(v) for v in listed}
        candidates = [
            i
            for i in sorted(connected)
            if variables[i].trainable
            and variables[i].dtype.is_floating
            and (listed is None or id(variables[i]) in listed)
        ]
        reached = []
        try:
            tf.function(gradients, autograph=False).get_concrete_function(specs)
        except LookupError:  # an operation that has no gradient
            reached = [False] * len(candidates)
        trained = [i for i, has_gradient in zip(candidates, reached, strict=True) if has_gradient]
        return used, trained

    def compiles(self, variables, specs):
        """Whether XLA compiles the call and its gradient.

        Args:
            variables: those that are trained.
            specs: `tf.TensorSpec`s of static shapes.
        """
        if any(spec.dtype == tf.string for spec in tf.nest.flatten(specs)):
            return False

        @tf.function(jit_compile=True, autograph=False)
        def step(x):
            with tf.GradientTape() as tape:
                total = _sum(self(x, self.takes_training))
            return total, tape.gradient(total, variables)

        try:
            step.experimental_get_compiler_ir(specs)(stage="hlo")
        except Exception:  # whatever stops the compiler
            return False
        return True

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


def _endpoint(module, signature):
    """The function to call, and whether it takes `training`."""
    signatures = dict(getattr(module, "signatures", {}))
    if signature is None and callable(module):
        function = module.__call__
        parameters = function.function_type.parameters
        return function, "training" in parameters
    name = signature
    if name is None:
        usual = [key for key in ("serving_default", "default") if key in signatures]
        name = usual[0] if usual else (next(iter(signatures)) if len(signatures) == 1 else None)
    if name not in signatures:
        raise ValueError(
            f"The module has no signature {name!r}. It "
            + (f"has: {', '.join(sorted(signatures))}." if signatures else "has none at all.")
        )
    return signatures[name], False


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

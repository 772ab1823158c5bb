"""xla_report(): is the train step compiled, how often, and if not, why."""

import dataclasses

import keras

from mmzoo.keras_compat import (
    all_layers,
    compilations,
    is_op_determinism_enabled,
    made_under_strategy,
    watch_compilations,
)
from mmzoo.multimodal_model import MultimodalModel


@dataclasses.dataclass(frozen=True)
class XlaReport:
    """Whether XLA compiles the train step of a model here.

    Args:
        compiled: whether it does.
        reason: why, in a sentence.
        backend: Keras's backend.
        device: kind of device that will be used: `"CPU"`, `"GPU"` or `"TPU"`.
        device_name: what the device calls itself, or `""`.
        blockers: paths and classes of the layers that prevent compilation anywhere.
        variable_inputs: names of the inputs without a static shape: every new shape is compiled
            anew.
        compilations: tuple with a dict for each time that the train step was compiled so far (on
            TensorFlow without XLA: traced), from the name of an input, or `"labels"`,
            `"sample_weight"`, to the `(shape, dtype)` it was for.
    """

    compiled: bool
    reason: str
    backend: str
    device: str
    device_name: str
    blockers: tuple
    variable_inputs: tuple
    compilations: tuple

    def __str__(self):
        device = ": ".join(part for part in (self.device, self.device_name) if part)
        lines = [
            f"XLA: {'on' if self.compiled else 'off'} ({self.backend}, {device}). {self.reason}"
        ]
        lines += [f"  prevented by {path} ({kind})" for path, kind in self.blockers]
        lines += [
            f"  input {name!r} has no static shape: each new shape compiles again"
            for name in self.variable_inputs
        ]
        lines += self._history()
        return "\n".join(lines)

    def _history(self):
        """Lines on what the train step was compiled for, and what was new each time."""
        count = len(self.compilations)
        times = {1: "once", 2: "twice"}.get(count, f"{count} times")
        if not self.compilations:
            return ["  the train step has not run yet"]
        verb = "compiled" if self.compiled else "traced"
        lines = [f"  the train step was {verb} {times}, first for {_listed(self.compilations[0])}"]
        for i in range(1, count):
            earlier, signature = self.compilations[:i], self.compilations[i]
            new = {
                name: found
                for name, found in signature.items()
                if all(found != other.get(name) for other in earlier)
            }
            if new:
                lines.append(f"    then for {_listed(new)}")
            elif signature in earlier:
                lines.append("    then for shapes it knew, since `compile` was called again")
            else:
                lines.append(f"    then for {_listed(signature)}, new together")
        return lines


def _listed(signature):
    return ", ".join(f"{name} {shape} {dtype}" for name, (shape, dtype) in signature.items())


def xla_report(model):
    """Says whether the train step of a compiled model runs through XLA on this machine.

    Keras leaves XLA off without a word: on a machine without an accelerator, under
    `tf.distribute`, with op determinism, and where one layer does not support it. After a `fit` the
    report also says how often the step was compiled, and which shapes made that necessary; models
    of `mmzoo.build_model` and `mmzoo.load` are watched from the start, others from their first
    report on.

    Args:
        model: a compiled `keras.Model`.

    Returns:
        An `XlaReport`; print it.

    Raises:
        ValueError: when the model is not compiled (`compile`) yet.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> xla_report(model).blockers
    ()
    """
    if not model.compiled:
        raise ValueError("The model is not compiled. Call `model.compile(...)` first.")
    if not isinstance(model, MultimodalModel):
        watch_compilations(model)
    backend, (device, device_name) = keras.backend.backend(), _device()
    blockers = tuple(
        (layer.path, type(layer).__name__)
        for layer in all_layers(model)[1:]
        if not layer.supports_jit
    )
    inputs = model.input if isinstance(model.input, dict) else {}
    return XlaReport(
        compiled=bool(model.jit_compile) and not model.run_eagerly,
        reason=_reason(model, backend, device, blockers),
        backend=backend,
        device=device,
        device_name=device_name,
        blockers=blockers,
        variable_inputs=tuple(name for name, x in inputs.items() if None in tuple(x.shape)[1:]),
        compilations=tuple(compilations(model)),
    )


def _reason(model, backend, device, blockers):
    if model.run_eagerly:
        return "The model was compiled with run_eagerly=True."
    if model.jit_compile:
        return "The whole train step is one compiled program."
    if blockers:
        return "Layers of the model can't be compiled."
    if backend == "tensorflow":
        if is_op_determinism_enabled():
            return "Op determinism is enabled."
        if made_under_strategy(model):
            return "The model was made under a tf.distribute strategy."
        if device == "CPU":
            return (
                "On a CPU TensorFlow's own kernels are usually faster, so jit_compile='auto' "
                "leaves XLA off; jit_compile=True turns it on."
            )
    return "The model was compiled with jit_compile=False."


def _device():
    """Kind and name of the device that Keras will use."""
    if keras.backend.backend() == "jax":
        import jax

        kind, name = jax.default_backend().upper(), jax.devices()[0].device_kind
        return kind, "" if name.upper() == kind else name
    import tensorflow as tf

    devices = {device.device_type: device for device in tf.config.list_physical_devices()}
    kind = next((kind for kind in ("TPU", "GPU") if kind in devices), "CPU")
    details = tf.config.experimental.get_device_details(devices[kind]) if kind == "GPU" else {}
    return kind, details.get("device_name", "")

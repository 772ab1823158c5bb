"""xla_report(): is the train step compiled, and if not, why."""

import dataclasses

import keras


@dataclasses.dataclass(frozen=True)
class XlaReport:
    """Whether XLA compiles the train step of a model here.

    Args:
        compiled: whether it does.
        reason: why, in a sentence.
        backend: Keras's backend.
        device: kind of device that will be used: `"CPU"`, `"GPU"` or `"TPU"`.
        blockers: paths and classes of the layers that prevent compilation anywhere.
        variable_inputs: names of the inputs without a static shape: every new shape is compiled
            anew.
    """

    compiled: bool
    reason: str
    backend: str
    device: str
    blockers: tuple
    variable_inputs: tuple

    def __str__(self):
        lines = [
            f"XLA: {'on' if self.compiled else 'off'} ({self.backend}, {self.device}). "
            f"{self.reason}"
        ]
        lines += [f"  prevented by {path} ({kind})" for path, kind in self.blockers]
        lines += [
            f"  input {name!r} has no static shape: each new shape compiles again"
            for name in self.variable_inputs
        ]
        return "\n".join(lines)


def xla_report(model):
    """Says whether the train step of a compiled model runs through XLA on this machine.

    Keras leaves XLA off without a word: on a machine without an accelerator, under
    `tf.distribute`, with op determinism, and where one layer does not support it.

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
    backend, device = keras.backend.backend(), _device()
    blockers = tuple(
        (layer.path, type(layer).__name__)
        for layer in model._flatten_layers(include_self=False)
        if not layer.supports_jit
    )
    inputs = model.input if isinstance(model.input, dict) else {}
    return XlaReport(
        compiled=bool(model.jit_compile) and not model.run_eagerly,
        reason=_reason(model, backend, device, blockers),
        backend=backend,
        device=device,
        blockers=blockers,
        variable_inputs=tuple(name for name, x in inputs.items() if None in tuple(x.shape)[1:]),
    )


def _reason(model, backend, device, blockers):
    if model.run_eagerly:
        return "The model was compiled with run_eagerly=True."
    if model.jit_compile:
        return "The whole train step is one compiled program."
    if blockers:
        return "Layers of the model can't be compiled."
    if backend == "tensorflow":
        from tensorflow.python.framework.config import is_op_determinism_enabled

        if is_op_determinism_enabled():  # where Keras looks, too: there is no public name
            return "Op determinism is enabled."
        if getattr(model, "_distribute_strategy", None) is not None:
            return "The model was made under a tf.distribute strategy."
        if device == "CPU":
            return (
                "On a CPU TensorFlow's own kernels are usually faster, so jit_compile='auto' "
                "leaves XLA off; jit_compile=True turns it on."
            )
    return "The model was compiled with jit_compile=False."


def _device():
    """Kind of the device that Keras will use."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend().upper()
    import tensorflow as tf

    kinds = {device.device_type for device in tf.config.list_physical_devices()}
    return next((kind for kind in ("TPU", "GPU") if kind in kinds), "CPU")

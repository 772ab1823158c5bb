"""An exported model, in the runtime of its format, where a Keras model is expected."""

import json
import os

import keras
import numpy as np

from mmzoo.export.writing_steps import written
from mmzoo.utils.optional_packages import require


class ExportedModel(keras.Model):
    """What `export_savedmodel` wrote, from tensors to predictions, for `mmzoo.evaluate`.

    Args:
        folder: what `export_savedmodel` returned.
        heads: dict from the name of an answer to the head of the model that was exported.

    Raises:
        ImportError: when the runtime, of the extra `litert` or `onnx`, is missing.
    """

    def __init__(self, folder, heads):
        super().__init__()
        self.answer_heads = list(heads.values())
        about = _about(folder)
        self._rows = about["batch_size"]
        self._outputs = {name: facts["main_output"] for name, facts in about["answers"].items()}
        self._answer = RUNTIMES[about["format"]](folder, list(self._outputs.values()))

    def predict_on_batch(self, x):
        """Predictions of a dict of arrays, in batches of the size it is bound to."""
        count = len(next(iter(x.values())))
        rows = self._rows or count
        answers = [
            self._answer({name: values[start : start + rows] for name, values in x.items()})
            for start in range(0, count, rows)
        ]
        predictions = {
            name: np.concatenate([answer[output] for answer in answers])
            for name, output in self._outputs.items()
        }
        return predictions.get("head", predictions)

    def answer_raw(self, rows):
        """All outputs for raw rows, a dict of arrays; `None` in a format that takes none.

        Args:
            rows: dict from the name of an input of the signature to a tensor.
        """
        loaded = getattr(self._answer, "loaded", None)
        if loaded is None:
            return None
        answers = loaded.signatures["serving_default"](**rows)
        return {name: output.numpy() for name, output in answers.items()}


def _savedmodel(folder, outputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(folder)
    answer = loaded.signatures["tensors"]
    specs = answer.structured_input_signature[1]

    def call(x):
        answers = answer(**{key: tf.cast(x[key], spec.dtype) for key, spec in specs.items()})
        return {name: answers[name].numpy() for name in outputs}

    call.loaded = loaded  # its variables live as long as it does
    return call


def _litert(folder, outputs):
    interpreter = require("ai_edge_litert.interpreter", "litert").Interpreter(
        os.path.join(folder, "model.tflite")
    )

    def function(signature):
        answer = interpreter.get_signature_runner(signature)
        dtypes = {name: spec["dtype"] for name, spec in answer.get_input_details().items()}
        return lambda x: answer(**{name: x[name].astype(dtypes[name]) for name in dtypes})

    if "step" in interpreter.get_signature_list():
        return _writing(function("read"), function("step"), folder, outputs)
    answer = function("serving_default")

    def call(x):
        answers = answer(x)
        return answers if len(outputs) > 1 else dict(zip(outputs, answers.values(), strict=True))

    return call


def _onnx(folder, outputs):
    runtime = require("onnxruntime", "onnx")
    dtypes = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(bool)": "bool"}

    def function(name):
        session = runtime.InferenceSession(os.path.join(folder, f"{name}.onnx"))
        taken = {spec.name: dtypes[spec.type] for spec in session.get_inputs()}
        given = [spec.name for spec in session.get_outputs()]

        def call(x):
            answers = session.run(None, {name: x[name].astype(taken[name]) for name in taken})
            return dict(zip(given, answers, strict=True))

        return call

    if os.path.exists(os.path.join(folder, "step.onnx")):
        return _writing(function("read"), function("step"), folder, outputs)
    return function("model")


def _writing(read, step, folder, outputs):
    """The function of a file that holds both of a model that writes."""
    answers = _about(folder)["answers"]
    (answer,) = (name for name, facts in answers.items() if facts.get("writes"))
    return lambda x: written(read, step, x, answer, answers[answer], outputs)


def _about(folder):
    with open(os.path.join(folder, "assets.extra", "model.json"), encoding="utf-8") as file:
        return json.load(file)


#: Format -> function from a folder and the names of outputs to one from a dict of arrays to a dict.
RUNTIMES = {"savedmodel": _savedmodel, "litert": _litert, "onnx": _onnx}

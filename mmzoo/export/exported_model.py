"""An exported model, in the runtime of its format, where a Keras model is expected."""

import json
import os

import keras
import numpy as np

from mmzoo.utils.optional_packages import require


class ExportedModel(keras.Model):
    """What `export_savedmodel` wrote, from tensors to predictions, for `mmzoo.evaluate`.

    Args:
        folder: what `export_savedmodel` returned.
        head: the head of the model that was exported.

    Raises:
        ImportError: when the runtime, of the extra `litert` or `onnx`, is missing.
    """

    def __init__(self, folder, head):
        super().__init__()
        self.head = head
        with open(os.path.join(folder, "assets.extra", "model.json"), encoding="utf-8") as file:
            about = json.load(file)
        self._rows = about["batch_size"]
        self._answer = RUNTIMES[about["format"]](folder)

    def predict_on_batch(self, x):
        """Predictions `(B, units)` of a dict of arrays, in batches of the size it is bound to."""
        count = len(next(iter(x.values())))
        rows = self._rows or count
        answers = [
            self._answer({name: values[start : start + rows] for name, values in x.items()})
            for start in range(0, count, rows)
        ]
        return np.concatenate(answers)


def _savedmodel(folder):
    import tensorflow as tf

    loaded = tf.saved_model.load(folder)
    answer = loaded.signatures["tensors"]
    specs = answer.structured_input_signature[1]
    name = "values" if "values" in answer.structured_outputs else "probabilities"

    def call(x):
        return answer(**{key: tf.cast(x[key], spec.dtype) for key, spec in specs.items()})[name]

    call.loaded = loaded  # its variables live as long as it does
    return call


def _litert(folder):
    interpreter = require("ai_edge_litert.interpreter", "litert").Interpreter(
        os.path.join(folder, "model.tflite")
    )
    answer = interpreter.get_signature_runner("serving_default")
    dtypes = {name: spec["dtype"] for name, spec in answer.get_input_details().items()}

    def call(x):
        (prediction,) = answer(**{name: x[name].astype(dtypes[name]) for name in dtypes}).values()
        return prediction

    return call


def _onnx(folder):
    session = require("onnxruntime", "onnx").InferenceSession(os.path.join(folder, "model.onnx"))
    names = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(bool)": "bool"}
    dtypes = {spec.name: names[spec.type] for spec in session.get_inputs()}

    def call(x):
        return session.run(None, {name: x[name].astype(dtypes[name]) for name in dtypes})[0]

    return call


#: Format -> function from a folder to one from a dict of arrays to predictions.
RUNTIMES = {"savedmodel": _savedmodel, "litert": _litert, "onnx": _onnx}

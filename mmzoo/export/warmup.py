"""Requests that TensorFlow Serving answers for itself before it takes any from outside."""

import os

import tensorflow as tf

#: Where TensorFlow Serving looks for them, below the folder of a version.
FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
#: TensorFlow Serving refuses a file with more.
MOST_REQUESTS = 1000


def write_warmup(folder, model_name, signature, batches):
    """Writes `tf_serving_warmup_requests`: a TFRecord file of `PredictionLog` messages.

    Args:
        folder: that of the SavedModel.
        model_name: name of the model in the requests.
        signature: name of the signature that is asked.
        batches: list of requests, dicts from the name of an input to a tensor or array.

    Raises:
        ValueError: for no requests, or more than TensorFlow Serving takes.

    Reference: https://www.tensorflow.org/tfx/serving/saved_model_warmup
    """
    if not 1 <= len(batches) <= MOST_REQUESTS:
        raise ValueError(
            f"There must be 1 to {MOST_REQUESTS} warm-up requests; received: {len(batches)}."
        )
    path = os.path.join(folder, FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tf.io.TFRecordWriter(path) as file:
        for inputs in batches:
            file.write(prediction_log(model_name, signature, inputs))


def prediction_log(model_name, signature, inputs):
    """A request as `tensorflow.serving.PredictionLog`, serialised.

    The messages are few and frozen, so they are written by hand: the package
    `tensorflow-serving-api` is pinned to one version of TensorFlow. In brackets the field numbers
    of `prediction_log.proto`, `predict.proto` and `model.proto`:

        PredictionLog {predict_log [6]: PredictLog {request [1]: PredictRequest {
            model_spec [1]: ModelSpec {name [1], signature_name [3]},
            inputs [2]: map of {key [1], value [2]: TensorProto},
        }}}

    Args:
        model_name: name of the model.
        signature: name of the signature.
        inputs: dict from the name of an input to a tensor or array.

    Returns:
        Bytes.
    """
    request = _field(1, _field(1, model_name.encode()) + _field(3, signature.encode()))
    for name, values in inputs.items():
        tensor = tf.make_tensor_proto(values).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))


def _field(number, content):
    """A field of a protocol buffer with a length (wire type 2)."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number):
    """A number in groups of seven bits, the lowest first; the top bit says that more follow."""
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)

"""The requests that a SavedModel brings along, to be answered before any from outside."""

import os

import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

#: Where they are, below the folder of a version.
FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
#: What is read of TensorFlow Serving's messages: message -> field -> (number, type, repeated).
#: Their own package is pinned to one version of TensorFlow.
MESSAGES = {
    "ModelSpec": {"signature_name": (3, "string", False)},
    "Input": {"key": (1, "string", False), "value": (2, "bytes", False)},
    "PredictRequest": {"model_spec": (1, "ModelSpec", False), "inputs": (2, "Input", True)},
    "PredictLog": {"request": (1, "PredictRequest", False)},
    "PredictionLog": {"predict_log": (6, "PredictLog", False)},
}


def warmup_requests(folder):
    """Reads `assets.extra/tf_serving_warmup_requests`.

    Args:
        folder: that of the SavedModel.

    Yields:
        `(signature, inputs)`: the name of the signature that is asked, and a dict from the name of
        an input to an array. Requests of another method than `Predict` are left out.

    Reference: https://www.tensorflow.org/tfx/serving/saved_model_warmup
    """
    path = os.path.join(folder, FILE)
    if not os.path.isfile(path):
        return
    log_class = _message_class("PredictionLog")
    for record in tf.data.TFRecordDataset(path):
        log = log_class.FromString(record.numpy())
        if log.HasField("predict_log"):
            request = log.predict_log.request
            inputs = {
                pair.key: tf.make_ndarray(_tensor_proto(pair.value)) for pair in request.inputs
            }
            yield request.model_spec.signature_name or "serving_default", inputs


def _tensor_proto(value):
    return type(tf.make_tensor_proto(0)).FromString(value)


def _message_class(name):
    package = "mmzoo.serving"
    file = descriptor_pb2.FileDescriptorProto(
        name="mmzoo/serving/prediction_log.proto", package=package, syntax="proto3"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for field, (number, kind, repeated) in fields.items():
            scalar = {"string": kinds.TYPE_STRING, "bytes": kinds.TYPE_BYTES}.get(kind)
            described.field.add(
                name=field,
                number=number,
                type=scalar or kinds.TYPE_MESSAGE,
                type_name=None if scalar else f".{package}.{kind}",
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))

"""ModelVersion: one SavedModel, loaded and warmed up."""

import contextlib
import importlib
import json
import os

import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from mmzoo.serving.arrays import absent_value
from mmzoo.serving.batcher import Batcher
from mmzoo.serving.model_folder import FILE
from mmzoo.serving.request import DEFAULT_SIGNATURE
from mmzoo.serving.signature import Signature
from mmzoo.serving.warmup_requests import warmup_requests

#: The signatures of `mmzoo.export_savedmodel` that read raw rows.
OF_RAW_ROWS = ("serving_default", "generate")


class ModelVersion:
    """A version that answers requests.

    Args:
        number: of the version.
        folder: that of the SavedModel.
        limits: `Limits`.
        executor: the `concurrent.futures.Executor` that computes.
        observe: function that is called with the number of rows of every batch.

    Raises:
        ImportError: when the model needs a package that is not installed.
        ValueError: when it can't be loaded, or has no signature to call.
    """

    def __init__(self, number, folder, limits, executor, observe=lambda rows: None):
        self.number = number
        self.folder = folder
        about = _about(folder)
        for package in about.get("packages", ()):  # they register ops
            _import(package, folder)
        self._module = _load(folder)  # its variables live as long as it does
        by_mmzoo = "mmzoo" in about.get("versions", {})
        self.signatures = {
            name: Signature(name, function, by_mmzoo and name in OF_RAW_ROWS)
            for name, function in self._module.signatures.items()
        }
        if not self.signatures:
            raise ValueError(f"{folder} has no signature to call.")
        self._batchers = {
            name: Batcher(signature, limits, executor, observe)
            for name, signature in self.signatures.items()
        }
        #: All signatures, in the JSON form of TensorFlow Serving's `SignatureDef`s.
        self.metadata = _metadata(folder)
        #: How many requests are being answered.
        self.requests = 0
        self._warm_up()

    @property
    def default_signature(self):
        """The signature that requests ask for which name none."""
        first = next(iter(self.signatures.values()))
        return self.signatures.get(DEFAULT_SIGNATURE, first)

    @property
    def waiting_rows(self):
        """How many rows wait to be computed."""
        return sum(batcher.waiting_rows for batcher in self._batchers.values())

    @contextlib.contextmanager
    def in_use(self):
        """A context in which the version is not to be unloaded."""
        self.requests += 1
        try:
            yield self
        finally:
            self.requests -= 1

    async def answer(self, request):
        """The outputs of a `PredictRequest`, as `Batcher.answer` gives them."""
        batcher = self._batchers[request.signature.name]
        return await batcher.answer(request.columns, request.rows)

    def _warm_up(self):
        """Calls what is slow when it is called first: the requests that the model brings along,
        and a row of absent values for each signature that takes such."""
        for signature in self.signatures.values():
            if signature.takes_raw_rows and signature.is_batched:
                signature([{key: absent_value(x)[None] for key, x in signature.inputs.items()}])
        for name, inputs in warmup_requests(self.folder):
            if name not in self.signatures:
                raise ValueError(
                    f"{self.folder}: a warm-up request asks for the signature {name!r}, which the "
                    f"model lacks. It has: {', '.join(self.signatures)}."
                )
            self.signatures[name]([inputs])


def _load(folder):
    try:
        return tf.saved_model.load(folder)
    except Exception as error:  # whatever a damaged file makes TensorFlow raise
        what = str(error).strip().split("\n")[0][:300]
        raise ValueError(f"{folder} can't be loaded as a SavedModel: {what}") from error


def _metadata(folder):
    with open(os.path.join(folder, FILE), "rb") as file:
        saved = saved_model_pb2.SavedModel.FromString(file.read())
    return {
        name: json_format.MessageToDict(
            definition,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for name, definition in sorted(saved.meta_graphs[0].signature_def.items())
    }


def _about(folder):
    """What `mmzoo.export_savedmodel` wrote beside the graph; nothing for a model of others."""
    path = os.path.join(folder, "assets.extra", "model.json")
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _import(package, folder):
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{folder} needs the package {package}, whose ops its graph has: install it ({error})"
        ) from error

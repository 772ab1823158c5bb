"""export_savedmodel(): one artefact that takes raw rows and needs TensorFlow alone."""

import logging
import os
import warnings

import keras

from mmzoo.files import written_whole
from mmzoo.heads import Regression, Sigmoid
from mmzoo.model_card import write_model_card
from mmzoo.saving import check_pair
from mmzoo.training.lora import lora_merged

#: The most classes that `labels` and `scores` list.
TOP = 5


def export_savedmodel(model, preprocessor, path, version=None):
    """Exports preprocessing and model as one SavedModel, whole or not at all.

    It loads where only TensorFlow is installed, unless a tokenizer has ops of another package,
    which a warning then names. LoRA is merged. Signatures:

    * `serving_default`: raw rows, `(B,)` a modality: encoded pictures and sounds, strings;
      `(B, ...)` float32 features. A table has one input a column, `<name>_<column>` (an ASCII name:
      other characters become `_`), of floats or strings; a missing cell is NaN or `""`.
    * `tensors`: the model's own inputs.

    Outputs: `probabilities` (or `values`), `(B, units)`; `labels` and `scores`, the best classes
    and their probabilities, best first, and their `replies`, where the head has some; and from raw
    rows `<name>_ok`, whether the value could be read and is there where it has to be, and `ok`,
    whether all are, `(B,)` bool.

    Beside the graph are a `model_card.md`, and in `assets.extra/` the same for programs: classes,
    versions and the whole preprocessing.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        path: folder to write.
        version: `None` writes to `path`; an integer to `path/version`, as TensorFlow Serving
            expects; `"next"` to the next such number.

    Returns:
        The folder written.

    Raises:
        FileExistsError: when that folder exists and is not empty.
        ValueError: when model and preprocessor do not fit, the preprocessor was never adapted, or
            Keras runs on another backend than TensorFlow.

    Example:

    >>> import mmzoo, os, tempfile, tensorflow as tf
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> path = os.path.join(tempfile.mkdtemp(), "serving")
    >>> served = tf.saved_model.load(export_savedmodel(model, preprocessor, path))
    >>> outputs = served.signatures["serving_default"](text=tf.constant(["red", "a blue one"]))
    >>> sorted(outputs)
    ['labels', 'ok', 'probabilities', 'scores', 'text_ok']
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"A SavedModel needs Keras on TensorFlow; it runs on {keras.backend.backend()}. Save "
            "with mmzoo.save, and load and export where KERAS_BACKEND=tensorflow."
        )
    check_pair(model, preprocessor)
    folder = os.path.join(os.fspath(path), *_version_folder(path, version))
    logger = logging.getLogger("tensorflow")
    level = logger.level
    packages = _packages(preprocessor)
    class_names = _class_names(model, preprocessor)
    with written_whole(folder) as temporary, lora_merged(model):
        logger.setLevel(logging.WARNING)  # it would name the temporary folder
        try:
            _archive(model, preprocessor).write_out(temporary, verbose=False)
        finally:
            logger.setLevel(level)
        write_model_card(temporary, model, preprocessor, class_names, sorted(packages), TOP)
    for package, name in packages.items():
        warnings.warn(
            f"The tokenizer of {name!r} has ops of {package}: where {folder} is served, "
            f"`import {package}` before loading it.",
            stacklevel=2,
        )
    return folder


def _packages(preprocessor):
    """Packages that the graph needs besides TensorFlow -> a modality that needs it."""
    return {
        package: name
        for name, modality in preprocessor.inputs.items()
        for package in getattr(getattr(modality, "tokenizer", None), "packages", ())
    }


def _class_names(model, preprocessor):
    return getattr(model.get_layer("head"), "class_names", None) or preprocessor.class_names


def _version_folder(path, version):
    if version is None:
        return ()
    if version == "next":
        there = os.listdir(path) if os.path.isdir(path) else []
        version = max((int(name) for name in there if name.isdigit()), default=0) + 1
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise ValueError(
            f"`version` must be None, 'next' or an integer from 0 on; received: {version!r}."
        )
    return (str(version),)


def _archive(model, preprocessor):
    """A `keras.export.ExportArchive` with both signatures."""
    import tensorflow as tf

    head = model.get_layer("head")
    class_names = _class_names(model, preprocessor)

    def from_tensors(tensors):
        return _outputs(head, class_names, model(tensors, training=False))

    def from_raw(batch):
        tensors, good = preprocessor.checked_call(batch)
        all_good = tf.reduce_all(tf.stack(list(good.values())), axis=0)
        flags = {f"{name}_ok": ok for name, ok in good.items()}
        return {**from_tensors(tensors), **flags, "ok": all_good}

    archive = keras.export.ExportArchive()
    archive.track(model)
    resources = tf.Module()
    resources.tables = [part.resources() for part in preprocessor.parts.values()]
    archive.track(resources)
    archive.add_endpoint("serving_default", from_raw, [preprocessor.raw_specs()])
    tensors = {name: tf.TensorSpec(x.shape, x.dtype, name=name) for name, x in model.input.items()}
    archive.add_endpoint("tensors", from_tensors, [tensors])
    return archive


def _outputs(head, class_names, prediction):
    """The named outputs of a prediction `(B, units)`."""
    import tensorflow as tf

    if isinstance(head, Regression):
        return {"values": prediction}
    probabilities = prediction
    if isinstance(head, Sigmoid) and head.units == 1:
        probabilities = tf.concat([1 - prediction, prediction], axis=1)  # no, yes
    count = probabilities.shape[-1]
    names = tf.constant(class_names or [str(i) for i in range(count)])
    scores, indices = tf.math.top_k(probabilities, k=min(TOP, count))
    outputs = {
        "probabilities": prediction,
        "labels": tf.gather(names, indices),
        "scores": scores,
    }
    if getattr(head, "replies", None):
        replies = tf.constant([head.replies[name] for name in head.class_names])
        outputs["replies"] = tf.gather(replies, indices)
    return outputs

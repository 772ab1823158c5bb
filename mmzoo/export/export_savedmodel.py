"""export_savedmodel(): one artefact that takes raw rows and needs TensorFlow alone."""

import logging
import os
import warnings

import keras

from mmzoo.data.as_records import as_records
from mmzoo.export.answers import answer_outputs, main_outputs
from mmzoo.export.any_rows import of_any_rows
from mmzoo.export.float32_copy import float32_copy
from mmzoo.export.model_card import write_model_card
from mmzoo.export.writing_steps import WritingSteps, writing_answer
from mmzoo.heads import answering_model, inputs_of, targets_of
from mmzoo.saving import check_pair
from mmzoo.training.fine_tuning.lora import merged_copy
from mmzoo.utils.atomic_files import atomic_folder

FORMATS = ("savedmodel", "litert", "onnx")
WEIGHTS = ("float32", "float16", "int8")
#: What a request says of how texts are drawn, and its dtype.
GENERATION = {"seed": "int32", "temperature": "float32", "max_length": "int32"}


def export_savedmodel(
    model,
    preprocessor,
    path,
    version=None,
    *,
    format="savedmodel",
    weights="float32",
    warmup=None,
):
    """Exports preprocessing and model as one SavedModel, atomically.

    It loads where only TensorFlow is installed, unless a tokenizer has ops of another package,
    which a warning then names. LoRA is merged, and all layers compute in float32, whatever the
    model was trained in. Signatures:

    * `serving_default`: raw rows, `(B,)` a modality: encoded pictures and sounds, strings;
      `(B, ...)` float32 features. A table has one input a column, `<name>_<column>` (an ASCII name:
      other characters become `_`), of floats or strings; a missing cell is NaN or `""`.
    * `tensors`: the model's own inputs.
    * `generate`, where a head writes: raw rows, and the scalars `seed` (int32), `temperature`
      (float32) and `max_length` (int32): texts that are drawn.

    Outputs are those of the head's target: `probabilities` (or `values`), `(B, units)`; `labels`
    and `scores`, the best classes and their probabilities, best first; their `replies`, where the
    head has some; `chosen`, what the thresholds of a sigmoid choose; `label_set`, `abstain`,
    `lower` and `upper`, see `mmzoo.calibrate`; of a head that writes `text`, its `score`, and with
    beams all their `texts` and `scores`. With several answers each is called `<answer>_<output>`.
    From raw rows come also `<name>_ok`, whether the value could be read and is there where it has
    to be, and `ok`, whether all are, `(B,)` bool; of a table with categories `<name>_unknown`, how
    many of a row's cells have a category that is not known, `(B,)` int32.

    Beside the graph are a `model_card.md`, and in `assets.extra/` the same for programs: classes,
    versions and the whole preprocessing.

    The other formats have the model alone: a signature from its tensors, as
    `preprocessor(batch)` makes them, to `probabilities` or `values`. Of a model that writes they
    have two functions, `read` and `step`, and the client loops over the words, greedily: the model
    card shows how.

    Before the folder gets its name, the runtime of the format loads it and answers two made-up
    rows: as the model does, or nothing is left. With `weights` of fewer bits only shapes and
    finiteness are compared; where the runtime (extras `litert`, `onnx`) is not installed, nothing
    is, and a warning says so.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        path: folder to write.
        version: `None` writes to `path`; an integer to `path/version`, as TensorFlow Serving
            expects; `"next"` to the next such number.
        format: `"savedmodel"`; `"litert"`, a `model.tflite`, whose batch is 1 where a layer loops
            over time steps (a warning says so), else any; or `"onnx"`, a `model.onnx` for any batch
            (extra `onnx`).
        weights: `"float32"`, or what large weights are stored as: `"float16"`, half the size, or
            `"int8"`, a quarter, with a scale a channel. A SavedModel computes in float32 all the
            same. Not for ONNX.
        warmup: requests that TensorFlow Serving answers before it takes any from outside: rows as
            for `mmzoo.predict`, at most 1,000, one a request; or `True` for one made up. SavedModel
            only.

    Returns:
        The folder written.

    Raises:
        FileExistsError: when that folder exists and is not empty.
        ValueError: when model and preprocessor do not fit, the preprocessor was never adapted,
            Keras runs on another backend than TensorFlow, an argument has no such choice, or the
            format lacks an op that the model needs (names op and layer), or the exported file does
            not load in its runtime or does not answer as the model does.
        ImportError: when the extra `onnx` is missing, for that format.

    Example:

    >>> import mmzoo, os, tempfile, tensorflow as tf
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> path = os.path.join(tempfile.mkdtemp(), "serving")
    >>> served = tf.saved_model.load(export_savedmodel(model, preprocessor, path))
    >>> outputs = served.signatures["serving_default"](text=tf.constant(["red", "a blue one"]))
    >>> sorted(outputs)
    ['chosen', 'labels', 'ok', 'probabilities', 'scores', 'text_ok']
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"A SavedModel needs Keras on TensorFlow; it runs on {keras.backend.backend()}. Save "
            "with mmzoo.save, and load and export where KERAS_BACKEND=tensorflow."
        )
    _check_choices(format, weights, warmup)
    check_pair(model, preprocessor)
    folder = os.path.join(os.fspath(path), *_version_folder(path, version))
    requests = _requests(preprocessor, warmup)
    packages = _packages(preprocessor) if format == "savedmodel" else {}
    batch_size = None
    model = float32_copy(merged_copy(model))
    with atomic_folder(folder) as temporary:
        if format == "savedmodel":
            _write_savedmodel(model, preprocessor, weights, temporary)
        else:
            batch_size = _write_tensors(model, preprocessor, format, weights, temporary)
        if requests:
            from mmzoo.export.warmup import write_warmup

            write_warmup(temporary, model.name, "serving_default", requests)
        write_model_card(
            temporary,
            model,
            preprocessor,
            format=format,
            weights=weights,
            batch_size=batch_size,
            packages=sorted(packages),
        )
        from mmzoo.export.check_export import check_export

        check_export(temporary, model, preprocessor, format, weights)
    for package, name in packages.items():
        warnings.warn(
            f"The tokenizer of {name!r} has ops of {package}: where {folder} is served, "
            f"`import {package}` before loading it.",
            stacklevel=2,
        )
    if batch_size is not None:
        warnings.warn(
            f"{folder} takes batches of {batch_size}: a layer loops over time steps, which LiteRT "
            "converts for one batch size only.",
            stacklevel=2,
        )
    return folder


def _check_choices(format, weights, warmup):
    for name, value, known in (("format", format, FORMATS), ("weights", weights, WEIGHTS)):
        if value not in known:
            raise ValueError(f"`{name}` must be one of {', '.join(known)}; received: {value!r}.")
    if format == "onnx" and weights != "float32":
        raise ValueError(
            "ONNX files are written with float32 weights. `onnxruntime.quantization` makes others "
            "of them."
        )
    if format != "savedmodel" and warmup is not None:
        raise ValueError(f"`warmup` is for TensorFlow Serving, not for {format}.")


def _requests(preprocessor, warmup):
    """Requests of one row each, dicts from the name of an input to a tensor."""
    if warmup is None or warmup is False:
        return []
    if warmup is True:
        return [preprocessor.raw_batch(None)]
    records = as_records(warmup, preprocessor.inputs)
    records.check(preprocessor.inputs)
    rows = preprocessor.raw_batch(records)
    return [{name: x[row : row + 1] for name, x in rows.items()} for row in range(len(records))]


def _packages(preprocessor):
    """Packages that the graph needs besides TensorFlow -> a modality that needs it."""
    return {
        package: name
        for name, modality in preprocessor.inputs.items()
        for package in modality.packages
    }


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


def _write_savedmodel(model, preprocessor, weights, folder):
    """Writes a SavedModel with both signatures."""
    import tensorflow as tf

    targets = targets_of(model, preprocessor)
    network = answering_model(model)
    call, tracked = _call_of(model, network, weights)

    def from_tensors(tensors, decoded=None, **sampling):
        predictions = of_any_rows(lambda tensors: call(tensors, **sampling))(tensors)
        return answer_outputs(targets, predictions, decoded)

    def from_raw(batch, **sampling):
        tensors, good, decoded = preprocessor.decoded_call(batch)
        all_good = tf.reduce_all(tf.stack(list(good.values())), axis=0)
        flags = {f"{name}_ok": ok for name, ok in good.items()}
        counts = {
            f"{name}_{count}": number
            for name, part in preprocessor.preprocessings.items()
            for count, number in part.served_counts(tensors).items()
        }
        return {**from_tensors(tensors, decoded, **sampling), **flags, **counts, "ok": all_good}

    archive = keras.export.ExportArchive()
    # A module, not the layers themselves: of a tracked layer Keras lists the variables beside those
    # that its endpoints use, as other objects, and then each would be in the file twice.
    resources = tf.Module()
    resources.tables = [part.resources() for part in preprocessor.preprocessings.values()]
    resources.tracked = tracked
    archive.track(resources)
    _add_endpoint(archive, "serving_default", from_raw, preprocessor.raw_specs())
    _add_endpoint(archive, "tensors", lambda tensors: from_tensors(tensors), _specs(network))
    if network is not model:

        def drawn(batch):
            settings = {name: batch[name] for name in GENERATION}
            rows = {name: x for name, x in batch.items() if name not in GENERATION}
            return from_raw(rows, sampler="sample", **settings)

        specs = {name: tf.TensorSpec((), dtype, name) for name, dtype in GENERATION.items()}
        _add_endpoint(archive, "generate", drawn, {**preprocessor.raw_specs(), **specs})
    _write_out(archive, folder)


def _add_endpoint(archive, name, function, specs):
    """Adds a signature that is traced once; with `specs` given to Keras it would be twice."""
    import tensorflow as tf

    traced = tf.function(function, input_signature=[specs], autograph=False)
    traced.get_concrete_function()
    archive.add_endpoint(name, traced)


def _call_of(model, network, weights):
    """A function that calls the network with such weights, and what a graph of it must carry."""

    def answer(tensors, **sampling):
        if network is model:
            return model(tensors, training=False)
        return network.answer(tensors, **sampling)

    if weights == "float32":
        return answer, [model]

    from mmzoo.export.narrow_weights import NarrowWeights

    narrow = NarrowWeights(model, weights)

    def call(tensors, **sampling):
        with narrow.scope():
            return answer(tensors, **sampling)

    return call, [narrow, *narrow.modules]


def _write_tensors(model, preprocessor, format, weights, folder):
    """Writes the model alone in another format; the batch it is bound to, or `None`."""
    import tensorflow as tf

    strings = [name for name, x in model.input.items() if x.dtype == "string"]
    if strings:
        raise ValueError(
            f"{format} files take no strings, but the model's input {strings[0]!r} does: its "
            "encoder has the tokenizer inside. Choose another encoder, or export as a SavedModel."
        )
    targets = targets_of(model, preprocessor)
    steps = WritingSteps(model, targets) if writing_answer(model) is not None else None

    def answer(tensors):
        return main_outputs(targets, model(tensors, training=False))

    specs = _specs(answering_model(model))
    name, function = ("model", answer) if steps is None else ("read", steps.read)
    traced = tf.function(function, autograph=False)
    if format == "onnx":
        from mmzoo.export.onnx import write_onnx

        write_onnx(traced, specs, os.path.join(folder, f"{name}.onnx"))
        if steps is not None:
            of_step = _step_specs(traced.get_concrete_function(specs))
            step = tf.function(steps.step, autograph=False)
            write_onnx(step, of_step, os.path.join(folder, "step.onnx"))
        return None

    from mmzoo.export.litert import needs_static_batch, write_litert

    batch_size = 1 if needs_static_batch(traced.get_concrete_function(specs)) else None
    archive = keras.export.ExportArchive()
    archive.track(model)
    specs = _specs(answering_model(model), batch_size)
    signatures = ["serving_default" if steps is None else "read"]
    _add_endpoint(archive, signatures[0], function, specs)
    if steps is not None:
        of_step = _step_specs(traced.get_concrete_function(specs))
        _add_endpoint(archive, "step", steps.step, of_step)
        signatures.append("step")
    write_litert(archive, os.path.join(folder, "model.tflite"), weights, signatures)
    return batch_size


def _step_specs(read):
    """What a step of writing takes: what the concrete function `read` returns, and a token."""
    import tensorflow as tf

    kept = {
        name: spec
        for name, spec in read.structured_outputs.items()
        if name.startswith(("read_", "state_"))
    }
    # Of rows that are unknown in one tensor no tensor knows the number.
    sizes = {spec.shape[0] for spec in kept.values()}
    rows = sizes.pop() if len(sizes) == 1 else None
    kept = {name: tf.TensorSpec((rows, *x.shape[1:]), x.dtype, name) for name, x in kept.items()}
    ids = tf.TensorSpec((rows,), tf.int32, "ids")
    return {**kept, "ids": ids, "position": tf.TensorSpec((1,), tf.int32, "position")}


def _specs(model, batch_size=None):
    """`tf.TensorSpec`s of the model's inputs."""
    import tensorflow as tf

    return {
        name: tf.TensorSpec((batch_size, *x.shape[1:]), x.dtype, name=name)
        for name, x in inputs_of(model).items()
    }


def _write_out(archive, folder):
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.WARNING)  # it would name the temporary folder
    try:
        archive.write_out(folder, verbose=False)
    finally:
        logger.setLevel(level)

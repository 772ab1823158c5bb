"""save() and load(): model and preprocessor in one folder."""

import contextlib
import json
import os
import shutil
import tempfile
import zipfile

import keras

from mmzoo.heads import has_heads, heads_of, targets_of
from mmzoo.keras_compat import bounded_variables
from mmzoo.multimodal_model import MultimodalModel
from mmzoo.preprocessor import Preprocessor
from mmzoo.training.fine_tuning.lora import merged_copy
from mmzoo.utils.atomic_files import atomic_folder
from mmzoo.utils.checks import check_format_version
from mmzoo.utils.model_file import check_description, check_model_file

FORMAT_VERSION = 2
MODEL_FILE = "model.keras"
PREPROCESSOR_FILE = "preprocessor.json"
FORMAT_FILE = "mmzoo.json"
#: So many layers a model that is loaded may have, or, if that is more, one for so many bytes.
MOST_LAYERS, BYTES_A_LAYER = 4096, 2**18


def save(model, preprocessor, path):
    """Saves a model and its preprocessor into one folder, atomically.

    The folder holds `model.keras`, `preprocessor.json` and `mmzoo.json`. One written by `save`
    before is replaced. LoRA is merged; `mmzoo.training.save_lora` saves it alone.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its `mmzoo.Preprocessor`.
        path: folder to write.

    Raises:
        ValueError: when model and preprocessor do not fit each other, or the preprocessor was
            never adapted.
        FileExistsError: when `path` is a folder with something else in it.

    Example:

    >>> import mmzoo, os, tempfile
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> path = os.path.join(tempfile.mkdtemp(), "model")
    >>> save(model, preprocessor, path)
    >>> sorted(os.listdir(path))
    ['mmzoo.json', 'model.keras', 'preprocessor.json']
    """
    check_pair(model, preprocessor)
    ours = os.path.isdir(path) and set(os.listdir(path)) == {
        MODEL_FILE, PREPROCESSOR_FILE, FORMAT_FILE
    }  # fmt: skip
    with atomic_folder(path, replace=ours) as folder:
        merged_copy(model).save(os.path.join(folder, MODEL_FILE))
        preprocessor.save(os.path.join(folder, PREPROCESSOR_FILE))
        with open(os.path.join(folder, FORMAT_FILE), "w") as file:
            versions = {"format_version": FORMAT_VERSION, "keras": keras.__version__}
            json.dump(versions, file)


def load(path, safe_mode=True, max_bytes=None):
    """Loads what `save` wrote.

    A file need not be trusted: what it holds and asks for is looked at before there is memory for
    it, and a file that is refused leaves nothing behind. Nothing but the folder is read, whatever
    weights or presets the model's parts were made of.

    Args:
        path: the folder.
        safe_mode: whether to refuse models that hold code, as `keras.saving.load_model` does.
        max_bytes: the most bytes that the model may unpack to, and that its weights and its
            optimizer may take in memory; of its descriptions, a sixteenth. `None`: 1 GiB, or four
            times what its file has.

    Returns:
        `(model, preprocessor)`; the model is compiled as it was.

    Raises:
        FileNotFoundError: when `path` is not such a folder.
        ValueError: for a newer format, a model and a preprocessor that do not fit each other, and
            for more than `max_bytes`.
    """
    format_file = os.path.join(path, FORMAT_FILE)
    if not os.path.isfile(format_file):
        raise FileNotFoundError(
            f"{path} is not a model saved by mmzoo.save: it has no {FORMAT_FILE}."
        )
    file, preprocessor_file = (os.path.join(path, name) for name in (MODEL_FILE, PREPROCESSOR_FILE))
    max_bytes = check_model_file(file, max_bytes)
    for description in (format_file, preprocessor_file):
        check_description(description, os.path.getsize(description), max_bytes)
    with open(format_file) as opened:
        version = json.load(opened).get("format_version")
    check_format_version(path, version, FORMAT_VERSION, oldest=1)
    with _newest_format(file, version) as newest:
        model = _load_model(newest, safe_mode, max_bytes)
    preprocessor = Preprocessor.load(preprocessor_file, safe_mode=safe_mode)
    try:
        check_pair(model, preprocessor)
    except ValueError as error:
        raise ValueError(f"{path} was changed since it was saved. {error}") from None
    return model, preprocessor


def _load_model(file, safe_mode, max_bytes):
    most_layers = max(MOST_LAYERS, max_bytes // BYTES_A_LAYER)
    with bounded_variables(max_bytes, most_layers) as bound:
        try:
            model = keras.saving.load_model(file, safe_mode=safe_mode)
        except Exception:
            if not bound.exceeded:
                raise
        if bound.exceeded:  # which Keras may have made a warning of
            raise ValueError(
                f"{file} describes a model that is too large: {bound.exceeded}. If you trust where "
                "it comes from, load it with a larger `max_bytes`."
            )
    return model


@contextlib.contextmanager
def _newest_format(file, version):
    """Path of a file in the newest format: `file` itself, or a temporary copy.

    In format 1 the model was Keras's own `Functional`, which did not know its precision.
    """
    if version == FORMAT_VERSION:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, MODEL_FILE)
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
            for name in old.namelist():
                if name == "config.json":
                    new.writestr(name, json.dumps(_as_multimodal_model(json.loads(old.read(name)))))
                else:
                    with old.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                        shutil.copyfileobj(source, target)
        yield copy


def _as_multimodal_model(config):
    if config["class_name"] != "Functional":
        return config
    name = keras.saving.get_registered_name(MultimodalModel)
    found = {"class_name": MultimodalModel.__name__, "module": MultimodalModel.__module__}
    return {**config, **found, "registered_name": name}


def check_pair(model, preprocessor):
    """Raises a `ValueError` unless the preprocessor makes what the model takes.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: a `mmzoo.Preprocessor`.
    """
    if not isinstance(model.input, dict) or not has_heads(model):
        raise ValueError(
            "The model is not one of mmzoo.build_model: no dict of inputs, or no head."
        )
    made = {
        input_name
        for name, modality in preprocessor.inputs.items()
        for input_name in modality.input_names(name).values()
    }
    made |= {f"{name}_present" for name, m in preprocessor.inputs.items() if m.optional}
    made |= {
        f"{answer}_{part}"
        for answer, head in heads_of(model).items()
        for part in head.input_tensors()
    }
    if set(model.input) != made:
        raise ValueError(
            f"Model and preprocessor do not fit: the model takes {sorted(model.input)}, the "
            f"preprocessor makes {sorted(made)}."
        )
    for name, modality in preprocessor.inputs.items():
        for part, input_name in modality.input_names(name).items():
            shape, dtype = modality.tensors()[part]
            x = model.input[input_name]
            if tuple(x.shape[1:]) != tuple(shape) or x.dtype != dtype:
                raise ValueError(
                    f"Model and preprocessor do not fit: the model's {input_name!r} is {x.dtype} "
                    f"of shape {tuple(x.shape[1:])}, the preprocessor's {dtype} of shape "
                    f"{tuple(shape)}."
                )
    preprocessor.check_adapted()
    for name, target in targets_of(model).items():
        target.check_fits(preprocessor.targets.get(name))

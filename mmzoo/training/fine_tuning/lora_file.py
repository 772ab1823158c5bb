"""save_lora() and load_lora(): what training with LoRA changed, in a small file."""

import hashlib
import json
import os
import zipfile

import numpy as np
from keras import ops

from mmzoo.keras_compat import own_variables
from mmzoo.training.fine_tuning.branches import branches_of, sublayers, train_only
from mmzoo.training.fine_tuning.lora import lora_shapes, lora_weights, with_lora
from mmzoo.training.fine_tuning.recompile import changes_trainable
from mmzoo.utils.atomic_files import atomic_file
from mmzoo.utils.checks import check_format_version

FORMAT_VERSION = 1


def save_lora(model, path):
    """Saves what training with LoRA changes, and nothing else, in one small file.

    That is the matrices of LoRA, and all else that is trained: fusion and head, without which they
    would be of no use. Of the frozen rest the file has a fingerprint. It is written
    atomically, and holds arrays and text, no code.

    Args:
        model: a model with LoRA.
        path: file to write, by custom `*.npz`.

    Raises:
        ValueError: when the model has no LoRA.

    Example:

    >>> import keras, mmzoo, os, tempfile
    >>> from mmzoo.training import enable_lora, load_lora
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> folder = tempfile.mkdtemp()
    >>> model.save(os.path.join(folder, "base.keras"))
    >>> enable_lora(model, rank=2)
    >>> save_lora(model, os.path.join(folder, "lora.npz"))
    >>> again = keras.saving.load_model(os.path.join(folder, "base.keras"))
    >>> load_lora(again, os.path.join(folder, "lora.npz"))
    """
    layers = _layers(model)
    if not with_lora(layers.values()):
        raise ValueError("The model has no LoRA. `mmzoo.enable_lora(model, rank)` adds it.")
    stored, lora = {}, {}
    for key, layer in layers.items():
        statistics = set(map(id, own_variables(layer)[1]))
        for weight_key, weight in _weights(key, layer).items():
            if layer.trainable and (weight.trainable or id(weight) in statistics):
                stored[weight_key] = weight
        if with_lora([layer]):
            lora[key] = {"rank": layer.lora_rank, "alpha": layer.lora_alpha, "layer": layer.path}
            stored[f"{key}/a"], stored[f"{key}/b"] = lora_weights([layer])
    header = {
        "format_version": FORMAT_VERSION,
        "lora": lora,
        "base": _fingerprint(layers, stored),
    }
    arrays = {key: _array(weight) for key, weight in stored.items()}
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with atomic_file(path) as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)


def load_lora(model, path):
    """Puts what `save_lora` saved into the model it was trained on; training can go on.

    Wherever the saved model was frozen, this one must have the same weights. What is trained and
    what is frozen is then as it was. (Keras's `load_weights` sets both matrices of LoRA to zero,
    where their gradients are zero, too.)

    Args:
        model: a model built like the saved one, with or without its LoRA enabled.
        path: the file.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when `save_lora` did not write it, or it does not fit the model, which is then
            left as it was.
    """
    header, arrays = _read(path)
    layers = _layers(model)
    weights = {k: w for key, layer in layers.items() for k, w in _weights(key, layer).items()}
    for key, settings in header["lora"].items():
        _check_layer(path, layers.get(key), settings, [arrays[f"{key}/a"], arrays[f"{key}/b"]])
    if extra := [x.path for k, x in layers.items() if with_lora([x]) and k not in header["lora"]]:
        raise ValueError(f"{path} has no LoRA for {extra[0]!r}. Load it into a model without LoRA.")
    matrices = {f"{key}/{part}" for key in header["lora"] for part in "ab"}
    for key in set(arrays) - matrices:
        if key not in weights or tuple(weights[key].shape) != arrays[key].shape:
            raise ValueError(
                f"{path} does not fit the model: it has a weight of shape {arrays[key].shape} that "
                f"is {tuple(weights[key].shape) if key in weights else 'missing'} here ({key})."
            )
    if _fingerprint(layers, arrays) != header["base"]:
        raise ValueError(
            f"{path} was trained beside other weights than this model has. Load the model as it "
            "was when `enable_lora` was called."
        )
    with changes_trainable(model):
        for key, settings in header["lora"].items():
            if not layers[key].lora_enabled:
                layers[key].enable_lora(settings["rank"], lora_alpha=settings["alpha"])
            weights[f"{key}/a"], weights[f"{key}/b"] = lora_weights([layers[key]])
        for key, array in arrays.items():
            weights[key].assign(array)
        for roots in branches_of(model).values():
            train_only(roots, [weights[key] for key in arrays])


def _layers(model):
    """Dict from a key that another model of the same architecture has, too, to layer."""
    found, seen = {}, set()
    for branch, roots in branches_of(model).items():
        for index, layer in enumerate(sublayers(roots)):
            if id(layer) not in seen:  # two branches may share one
                seen.add(id(layer))
                found[f"{branch}/{index}"] = layer
    return found


def _weights(key, layer):
    """The layer's own weights by key, without those of LoRA."""
    matrices = set(map(id, lora_weights([layer])))
    own = [
        weight
        for variables in own_variables(layer)
        for weight in variables
        if id(weight) not in matrices
    ]
    return {f"{key}/{index}": weight for index, weight in enumerate(own)}


def _fingerprint(layers, stored):
    """Hash of all weights whose keys are not in `stored`."""
    digest = hashlib.sha256()
    for key, layer in layers.items():
        for weight_key, weight in _weights(key, layer).items():
            if weight_key not in stored:
                digest.update(f"{weight_key} {tuple(weight.shape)} ".encode())
                digest.update(np.ascontiguousarray(_array(weight)))
    return digest.hexdigest()


def _array(weight):
    """A weight as NumPy; bfloat16, which NumPy's files do not know, as float32."""
    weight = ops.cast(weight, "float32") if weight.dtype == "bfloat16" else weight
    return ops.convert_to_numpy(weight)


def _read(path):
    """`(header, arrays by key)` of a file."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(str(arrays.pop("header")))
        version = header["format_version"]
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} was not written by save_lora, or is damaged: {error}.") from error
    check_format_version(path, version, FORMAT_VERSION)
    return header, arrays


def _check_layer(path, layer, settings, matrices):
    shapes = None if layer is None else lora_shapes(layer, settings["rank"])
    if shapes != tuple(matrix.shape for matrix in matrices):
        raise ValueError(
            f"{path} does not fit the model: it has LoRA for {settings['layer']!r}, of shapes "
            f"{[matrix.shape for matrix in matrices]}, which is "
            f"{'missing' if layer is None else f'{layer.path!r} of other shapes'} here."
        )
    mine = {"rank": layer.lora_rank, "alpha": layer.lora_alpha}
    if layer.lora_enabled and mine != {name: settings[name] for name in mine}:
        raise ValueError(
            f"{path} has LoRA of rank {settings['rank']} and alpha {settings['alpha']}, the model "
            f"of {mine['rank']} and {mine['alpha']}. Load it into a model without LoRA."
        )

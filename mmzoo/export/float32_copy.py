"""A model that computes in float32, whatever the one it is a copy of was trained in."""

import json
import os
import tempfile
import zipfile

import keras

from mmzoo.keras_compat import all_layers

#: Policies, and what of them computes in float32.
WIDER = dict.fromkeys(("mixed_bfloat16", "mixed_float16", "bfloat16", "float16"), "float32")
#: The file of a `.keras` archive that says how the model is built.
CONFIG = "config.json"


def float32_copy(model):
    """A model of the same weights whose layers all compute in float32.

    An exported file runs where nobody knows of the precision that suited the training, and not
    every runtime has bfloat16. `model` is not touched; the copy is not compiled.

    Args:
        model: what `mmzoo.build_model` returned.

    Returns:
        A `keras.Model`; `model` itself where it computes in float32.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10)}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid", dtype="mixed_bfloat16")
    >>> [each.get_layer("fusion").compute_dtype for each in (model, float32_copy(model))]
    ['bfloat16', 'float32']
    """
    if not any(layer.compute_dtype in WIDER for layer in all_layers(model)):
        return model
    policy = keras.config.dtype_policy()
    with tempfile.TemporaryDirectory() as folder:
        narrow, wide = (os.path.join(folder, f"{name}.keras") for name in ("narrow", "wide"))
        model.save(narrow)
        with zipfile.ZipFile(narrow) as source, zipfile.ZipFile(wide, "w") as target:
            for member in source.infolist():
                content = source.read(member)
                if member.filename == CONFIG:
                    content = json.dumps(_widened(json.loads(content))).encode()
                target.writestr(member, content)
        keras.config.set_dtype_policy("float32")  # for layers inside layers that name no policy
        try:
            return keras.saving.load_model(wide, compile=False, safe_mode=False)  # it is our own
        finally:
            keras.config.set_dtype_policy(policy)


def _widened(config, key=None):
    """A part of a config, in which every policy computes in float32."""
    if isinstance(config, dict):
        is_policy = str(config.get("class_name", "")).endswith("DTypePolicy")
        policy = config.get("config") if is_policy else None
        if isinstance(policy, dict):  # a quantized one says in `source_name` what it computes in
            return {**config, "config": {k: _wider(value) for k, value in policy.items()}}
        return {name: _widened(value, name) for name, value in config.items()}
    if isinstance(config, list):
        return [_widened(value) for value in config]
    return _wider(config) if key == "dtype" else config


def _wider(value):
    return WIDER.get(value, value) if isinstance(value, str) else value

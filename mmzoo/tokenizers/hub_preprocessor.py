"""A text preprocessing module of TF-Hub."""

import base64
import io
import os
import tempfile
import zipfile

import keras

from mmzoo.tokenizers.tokenizer import Tokenizer
from mmzoo.utils.safe_mode import check_code_allowed

#: What modules call the tensors that mmzoo calls so.
PARTS = {"input_word_ids": "ids", "input_mask": "mask", "input_type_ids": "segments"}


@keras.saving.register_keras_serializable(package="mmzoo")
class HubPreprocessor(Tokenizer):
    """Runs a SavedModel that turns `(B,)` strings into a tensor, or a dict of them.

    The module's files are part of the config, so that a saved preprocessor needs no handle. It is
    code: a preprocessor that holds one is loaded with `safe_mode=False`.

    Args:
        folder: folder of the SavedModel.
        files: its files, where there is no folder: what `get_config` stored.
        shapes: `{part: (shape, dtype)}` that it makes; `None`: it is asked.

    Reference: https://www.tensorflow.org/hub/common_signatures/text
    """

    def __init__(self, folder=None, files=None, shapes=None):
        self.files = _packed(folder) if files is None else files
        self._module = None
        if shapes is None:
            import tensorflow as tf

            made = self.tokenize(tf.constant([""]), None)
            shapes = {part: (x.shape.as_list()[1:], x.dtype.name) for part, x in made.items()}
        self.shapes = {part: (tuple(shape), dtype) for part, (shape, dtype) in shapes.items()}

    def tensors(self, length):
        for shape, _ in self.shapes.values():
            if length is not None and shape and length != shape[0]:
                raise ValueError(
                    f"The preprocessing module makes texts of length {shape[0]}; received length="
                    f"{length}. Use that, or `None`."
                )
        return self.shapes

    def tokenize(self, texts, length):
        outputs = self._loaded()(texts)
        outputs = outputs if isinstance(outputs, dict) else {"ids": outputs}
        parts = {PARTS.get(name, name): tensor for name, tensor in outputs.items()}
        return {part: parts[part] for part in sorted(parts, key=lambda part: (part != "ids", part))}

    def resources(self):
        return [self._loaded()]

    def _loaded(self):
        if self._module is None:
            import tensorflow as tf

            with tempfile.TemporaryDirectory() as folder, tf.init_scope():
                content = io.BytesIO(base64.b64decode(self.files))
                zipfile.ZipFile(content).extractall(folder)
                self._module = tf.saved_model.load(folder)
        return self._module

    def get_config(self):
        return {"files": self.files, "shapes": self.shapes}

    @classmethod
    def from_config(cls, config):
        check_code_allowed("This preprocessor holds a TF-Hub module")
        return cls(**config)


def _packed(folder):
    """The files of a folder as a string."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for parent, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(parent, name)
                archive.write(path, os.path.relpath(path, folder))
    return base64.b64encode(content.getvalue()).decode()

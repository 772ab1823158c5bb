"""TF-Hub modules as encoders that fine-tune."""

import functools
import os

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.tokenizers import PARTS, HubPreprocessor, RawStrings
from mmzoo.utils.safe_mode import check_code_allowed

#: What TF-Hub's text modules call the tensors of a `mmzoo.Text`.
TEXT_INPUTS = {part: name for name, part in PARTS.items()}


@keras.saving.register_keras_serializable(package="mmzoo")
class TFHub(Encoder):
    """A TF-Hub module, or any SavedModel, that is trained like a layer.

    Needs Keras on TensorFlow. Takes modules that can be called (TensorFlow 2, `training` passed
    on), modules that only have signatures, and frozen graphs. A saved `.keras` file holds the
    module; since that is code, loading it needs `safe_mode=False`.

    Args:
        handle: local folder of a SavedModel, or a handle of tfhub.dev or Kaggle, which
            `tensorflow_hub` downloads, or finds in the folder `TFHUB_CACHE_DIR`.
        trainable: whether the module's variables train. Frozen, it runs in inference mode: no
            dropout, BatchNorm's statistics stay. May be changed later; compile again then.
        output_key: which of several outputs: a name, or a list of names, whose tokens follow one
            another. `None`: the only one, or the one called `"default"`.
        signature: signature to call; `None`: the module itself, if it can be called.
        arguments: dict of further keyword arguments of the call, such as
            `{"return_endpoints": True}`.
        preprocessor: handle of a text preprocessing module. It runs in the `Preprocessor`.
        value_range: `(lowest, highest)` pixel value that the module expects, from pictures of
            0-255; `None`: in a `mmzoo.Image` `(0, 1)`, TF-Hub's convention, and otherwise what
            comes in stays as it is.
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: tensor the module takes, or a dict of them.

    Returns:
        `(tokens, mask)`. An output of rank 2 is one token, of rank 3 tokens, of rank 4 a feature
        map of `H * W` tokens.

    Raises:
        FileNotFoundError: when the module can't be found or downloaded.
        ValueError: for a signature or output the module does not have, `trainable=True` where
            nothing can be trained, or another backend than TensorFlow.

    Example:

    >>> import tempfile, tensorflow as tf
    >>> module = tf.Module()
    >>> module.kernel = tf.Variable(tf.ones((4, 8)))
    >>> module.__call__ = tf.function(
    ...     lambda x: x @ module.kernel, input_signature=[tf.TensorSpec((None, 4))]
    ... )
    >>> folder = tempfile.mkdtemp()
    >>> tf.saved_model.save(module, folder)
    >>> tokens, mask = TFHub(folder, trainable=True)(tf.ones((2, 4)))
    >>> tokens.shape
    TensorShape([2, 1, 8])

    Reference: https://www.tensorflow.org/hub/common_signatures
    """

    def __init__(
        self,
        handle,
        trainable=False,
        output_key=None,
        signature=None,
        arguments=None,
        preprocessor=None,
        value_range=None,
        module=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # half precision would round what comes in
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"A TF-Hub module is a TensorFlow graph; Keras runs on {keras.backend.backend()}. "
                "Set KERAS_BACKEND=tensorflow before Keras is imported."
            )
        from mmzoo.saved_model.saved_model_layer import SavedModelLayer

        self.handle = os.fspath(handle)
        self.output_key = output_key
        self.signature = signature
        self.arguments = arguments
        self.preprocessor = preprocessor
        self.value_range = value_range
        module = module or {"folder": resolve_module(self.handle)}
        self.module = SavedModelLayer(
            folder=module.get("folder"),
            state=module.get("state"),
            signature=signature,
            output_key=output_key,
            arguments=arguments,
            trainable=trainable,
            name="module",
        )

    @property
    def input_dtypes(self):
        """As of any encoder: those of the module's signature, and integers for a text."""
        specs = self.module.input_specs
        return {"x": "int32" if isinstance(specs, dict) else specs.dtype.name}

    @functools.cached_property
    def tokenizer(self):
        """What a `mmzoo.Text` with this encoder does to strings; `None`: what it always does."""
        if self.preprocessor is not None:
            return HubPreprocessor(resolve_module(self.preprocessor))
        return RawStrings() if self.module.takes_strings else None

    def fill(self, value_range=None):
        """Takes over what the modality knows where this encoder was not told."""
        if self.value_range is None:
            self.value_range = value_range

    def encode(self, x, training=None):
        if isinstance(x, dict) and "waveform" in x and not self.module.input_names:
            x = self._waveform(x["waveform"])
        mask = x.get("mask") if isinstance(x, dict) else None
        if self.value_range is not None:
            lowest, highest = self.value_range
            x = ops.cast(x, "float32") * ((highest - lowest) / 255) + lowest
        if self.module.input_names and not isinstance(x, dict):
            mask = ops.not_equal(x, 0)
            x = {"ids": x}
        if isinstance(x, dict):
            x = self._named(x)
        outputs = self.module(x, training=training)
        parts = [self._tokens(output, mask) for output in outputs]
        widths = {tokens.shape[-1] for tokens, _ in parts}
        if len(widths) > 1:
            raise ValueError(
                f"The outputs {self.output_key} of {self.handle} have different widths, "
                f"{sorted(widths)}, so their tokens can't follow one another. Choose outputs of "
                "one width."
            )
        self.grid = self.grid if len(parts) == 1 else None
        tokens, masks = zip(*parts, strict=True)
        return ops.concatenate(tokens, axis=1), ops.concatenate(masks, axis=1)

    def _waveform(self, x):
        """A sound, with an axis for its one channel where the module wants one."""
        rank = getattr(self.module.input_specs.shape, "rank", None)
        return x[..., None] if rank == 3 else x

    def _named(self, x):
        """The tensors of a text, or of a dict that has the module's own names, as it calls them."""
        names = self.module.input_names or []
        if "ids" not in x or "ids" in names:
            return x
        x = {TEXT_INPUTS.get(part, part): tensor for part, tensor in x.items()}
        ids = x[TEXT_INPUTS["ids"]]
        x.setdefault(TEXT_INPUTS["mask"], ops.cast(ops.not_equal(ids, 0), "int32"))
        x.setdefault(TEXT_INPUTS["segments"], ops.zeros_like(ids))
        return {name: tensor for name, tensor in x.items() if name in names}

    def _tokens(self, output, mask):
        """An output of the module as `(tokens, mask)`."""
        rank = len(output.shape)
        if rank not in (2, 3, 4) or output.shape[-1] is None:
            raise ValueError(
                f"An output of an encoder must be of rank 2, 3 or 4 with a known last dimension; "
                f"{self.handle} gave {output.dtype.name} of shape {output.shape}."
            )
        output = ops.cast(output, self.compute_dtype)
        if rank == 4:
            return self.tokens_of_map(output)
        self.grid = None
        tokens = output[:, None] if rank == 2 else output
        if rank == 3 and mask is not None and mask.shape[1] == tokens.shape[1]:
            return tokens, ops.cast(mask, "bool")
        return tokens, ops.ones(ops.shape(tokens)[:2], dtype="bool")

    def get_config(self):
        return {
            **super().get_config(),
            "handle": self.handle,
            "trainable": self.module.trainable,
            "output_key": self.output_key,
            "signature": self.signature,
            "arguments": self.arguments,
            "preprocessor": self.preprocessor,
            "value_range": self.value_range,
            "module": {"id": self.module.folder.id, "state": self.module.state()},
        }

    @classmethod
    def from_config(cls, config):
        check_code_allowed(f"This model holds the TF-Hub module {config['handle']!r}")
        from mmzoo.saved_model.module_folder import module_folder

        module = config["module"]
        folder = module_folder(module["id"])
        if folder is not None:  # a copy in this process; else a file is loaded, and brings it
            module = {"folder": folder}
        return cls(**{**config, "module": module})


def resolve_module(handle):
    """Folder of a module: a local one, or one that `tensorflow_hub` has or downloads.

    Args:
        handle: path or handle.

    Returns:
        Path of the folder of a SavedModel.

    Raises:
        FileNotFoundError: when there is none.
        ImportError: when the package `tensorflow_hub` can't be imported.
    """
    if os.path.isdir(handle):
        if not os.path.isfile(os.path.join(handle, "saved_model.pb")):
            raise FileNotFoundError(f"{handle} is not a SavedModel: it has no saved_model.pb.")
        return handle
    if "://" not in handle:
        raise FileNotFoundError(
            f"There is no folder {handle}. A TF-Hub handle starts with https://."
        )
    try:
        import tensorflow_hub
    except ImportError as error:
        raise ImportError(
            f"tensorflow-hub can't be imported ({error}). Version 0.16.1 needs `pkg_resources`, "
            'which newer releases of setuptools lack: pip install "setuptools<81"'
        ) from error

    try:
        return tensorflow_hub.resolve(handle)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"The module {handle} could not be downloaded ({error}). Where there is no network, "
            "fetch it elsewhere with `tensorflow_hub.resolve(handle)` and bring that cache here as "
            "the folder that the environment variable TFHUB_CACHE_DIR names; or give the path of "
            "the unpacked module."
        ) from error

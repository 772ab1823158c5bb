"""Any Keras layer or model as an encoder."""

import keras
from keras import ops

from mmzoo.encoders.applications import Applications
from mmzoo.encoders.encoder import Encoder
from mmzoo.keras_compat import attached_mask, mark_as_shared
from mmzoo.layers import CompositeLayer
from mmzoo.utils.safe_mode import trusted_in_process


@keras.saving.register_keras_serializable(package="mmzoo")
class Adapter(Encoder):
    """Makes an encoder of any layer or model: its output becomes tokens.

    `build_model` does this by itself for an instance given as `encoder=`. One instance given to
    several inputs is shared by them, weights and all.

    Args:
        layer: a Keras layer or model. Its output is `(tokens, mask)` as that of an encoder, or one
            tensor: rank 2 is one token, rank 3 are tokens, rank 4 are `H * W` tokens. A mask that
            Keras attached to the output is respected.
        main_part: the part of a modality of several that a layer gets which takes no dict; `None`:
            the modality says it (`Modality.main_part`).
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: what `layer` takes.

    Returns:
        `(tokens, mask)`.

    Raises:
        ValueError: when the output of `layer` has another rank.

    Example:

    >>> import keras, numpy as np
    >>> tokens, mask = Adapter(keras.layers.Conv2D(4, 3))(np.zeros((2, 8, 8, 3), "float32"))
    >>> tuple(tokens.shape)
    (2, 36, 4)
    """

    def __init__(self, layer, main_part=None, **kwargs):
        super().__init__(autocast=False, **kwargs)  # the layer knows in what precision it computes
        self.layer = layer
        self.main_part = main_part

    @property
    def input_dtypes(self):
        """As of any encoder: those of the layer, as far as it says."""
        if isinstance(self.layer, CompositeLayer):
            return self.layer.input_dtypes
        inputs = getattr(self.layer, "input", None)  # of a model, or of a layer of another model
        if isinstance(inputs, keras.KerasTensor):
            return {"x": inputs.dtype}
        if isinstance(inputs, dict):
            return {"x": {name: tensor.dtype for name, tensor in inputs.items()}}
        return super().input_dtypes

    def build(self, x_shape):
        # Not when Keras traces `call`, as it does otherwise: weights loaded in a trace are lost.
        if isinstance(self.layer, Applications) and not self.layer.built:
            self.layer.build(x_shape)

    def encode(self, x, training=None):
        if isinstance(x, dict) and not self._takes_dict():
            # Models of earlier versions do not say which part of a sound or a video it is.
            main = (part for part in (self.main_part, "waveform", "frames") if part in x)
            x = x.get(next(main, None), x)
        output = self.layer(x)
        self.grid = getattr(self.layer, "grid", None)
        if isinstance(output, (tuple, list)) and [len(part.shape) for part in output] == [3, 2]:
            tokens, mask = output
            if keras.backend.standardize_dtype(mask.dtype) == "bool":
                return tokens, mask
        rank = len(getattr(output, "shape", ()))
        if rank not in (2, 3, 4):
            raise ValueError(
                f"The output of an encoder must be (tokens, mask) or one tensor of rank 2, 3 or 4; "
                f"{self.layer.name!r} ({type(self.layer).__name__}) gave: {output!r}."
            )
        mask = attached_mask(output)
        if rank == 2:
            tokens, mask = output[:, None], None
        elif rank == 3:
            tokens = output
        else:
            return self.tokens_of_map(output)
        return tokens, ops.ones(ops.shape(tokens)[:2], dtype="bool") if mask is None else mask

    def _takes_dict(self):
        return isinstance(self.layer, Encoder) or isinstance(
            getattr(self.layer, "input", None), dict
        )

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        mark_as_shared(self.layer, layer)  # so that a loaded model shares it, too
        main_part = {} if self.main_part is None else {"main_part": self.main_part}
        return {**super().get_config(), "layer": layer, **main_part}

    @classmethod
    def from_config(cls, config):
        with trusted_in_process():
            layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})

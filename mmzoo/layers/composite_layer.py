"""The base class of layers made of layers."""

import keras

from mmzoo.keras_compat import all_layers, set_trainable
from mmzoo.layers.frozen import freeze_inside, frozen_inside


class CompositeLayer(keras.layers.Layer):
    """A layer that owns others and takes its masks as explicit tensors.

    Three Keras defaults do not fit such layers. Keras builds their sublayers by tracing `call`, in
    a functional model also when it is loaded, so nothing is left to build from stored shapes. Masks
    that Keras attaches to tensors end here: tokens and their mask travel side by side. And Keras
    stores `trainable` of this layer only, so that a frozen one would come back with sublayers that
    train.

    Args:
        frozen: what is frozen inside, as `get_config` stores it; set `trainable` or call
            `mmzoo.freeze` instead.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    def __init__(self, frozen=(), **kwargs):
        super().__init__(**kwargs)
        self._frozen_at_start = list(frozen)
        self._started = False

    def __call__(self, *args, **kwargs):
        outputs = super().__call__(*args, **kwargs)
        if not self._started:  # now the sublayers have their weights
            self._started = True
            if not self.trainable:
                for layer in all_layers(self)[1:]:
                    layer.trainable = False
            freeze_inside(self, self._frozen_at_start)
        return outputs

    def __setattr__(self, name, value):
        if name == "trainable":  # on TensorFlow Keras skips what this layer has, not what is inside
            set_trainable(self, value)
        else:
            super().__setattr__(name, value)

    def get_build_config(self):
        """`None`: nothing to build before the first call."""

    def compute_mask(self, inputs, previous_mask):
        """No mask is attached to the output."""

    def get_config(self):
        frozen = self._frozen_at_start
        if self._started:
            frozen = frozen_inside(self) if self.trainable else []
        return {**super().get_config(), **({"frozen": frozen} if frozen else {})}

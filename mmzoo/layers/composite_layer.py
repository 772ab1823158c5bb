"""The base class of layers made of layers."""

import keras


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
                for layer in self._flatten_layers(include_self=False):
                    layer.trainable = False
            self._freeze_inside(self._frozen_at_start)
        return outputs

    def __setattr__(self, name, value):
        if name == "trainable":  # on TensorFlow Keras skips what this layer has, not what is inside
            keras.layers.Layer.trainable.fset(self, value)
        else:
            super().__setattr__(name, value)

    def get_build_config(self):
        """`None`: nothing to build before the first call."""

    def compute_mask(self, inputs, previous_mask):
        """No mask is attached to the output."""

    def get_config(self):
        frozen = self._frozen_inside() if self._started else self._frozen_at_start
        return {**super().get_config(), **({"frozen": frozen} if frozen else {})}

    def _frozen_inside(self):
        """`[[layer, weights], ...]` by index; `weights` is `None` where the layer is frozen."""
        if not self.trainable:
            return []
        frozen = []
        for index, layer in enumerate(self._flatten_layers()):
            weights = [i for i, w in enumerate(layer._trainable_variables) if not w.trainable]
            if not layer.trainable:
                frozen.append([index, None])
            elif weights:
                frozen.append([index, weights])
        return frozen

    def _freeze_inside(self, frozen):
        layers = self._flatten_layers()
        for index, weights in frozen:
            if weights is None:
                layers[index].trainable = False
            else:
                for i in weights:
                    layers[index]._trainable_variables[i].trainable = False

"""The base class of layers made of layers."""

import keras


class CompositeLayer(keras.layers.Layer):
    """A layer that owns others and takes its masks as explicit tensors.

    Two Keras defaults do not fit such layers. Keras builds their sublayers by tracing `call`, in a
    functional model also when it is loaded, so nothing is left to build from stored shapes. And
    masks that Keras attaches to tensors end here: tokens and their mask travel side by side.
    """

    def get_build_config(self):
        """`None`: nothing to build before the first call."""

    def compute_mask(self, inputs, previous_mask):
        """No mask is attached to the output."""

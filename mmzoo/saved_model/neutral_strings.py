"""Strings in a model, which only TensorFlow has."""

import tensorflow as tf


def neutral_strings(x, present):
    """`(B,)` strings, empty where `present` is not."""
    return tf.where(present, x, "")

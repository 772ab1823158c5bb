"""Codecs: bytes of pictures and sounds -> numbers, in TensorFlow ops that an export can hold."""

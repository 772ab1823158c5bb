"""Shared by all tests: quiet logs, and a seed a test."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

import keras
import pytest

#: Importing it, as a search for doctests would, hides TensorFlow from this process.
collect_ignore = ["without_tensorflow.py"]


@pytest.fixture(autouse=True)
def _fresh_state():
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")

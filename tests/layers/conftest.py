"""The tiny model of a part, which tests of properties share."""

import keras
import pytest
from keras import ops

from tests.parts import build


@pytest.fixture(autouse=True)
def _graphs_as_they_are():
    """TensorFlow runs the graphs of tiny layers a few times: to rewrite each first takes longer.

    Graphs that are rewritten are those of the other folders, exports and whole models among them.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture(scope="module")
def built(part):
    """Model of a part, and the values it starts with: built once for all tests of a module."""
    model, _ = build(part)
    return model, [ops.convert_to_numpy(variable).copy() for variable in model.variables]


@pytest.fixture
def model(built):
    """The tiny model of a part as it was built, whatever tests before did to its weights."""
    model, values = built
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)
    return model

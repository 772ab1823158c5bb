"""What heads and their targets promise, by the suite for users' own."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.testing import check_head, check_target
from mmzoo.testing.check_head import HEAD_PROPERTIES, HeadCase

#: Registered name -> a head, labels of it, and what is none.
HEADS = {
    "softmax": (mmzoo.heads.Softmax(class_names=["a", "b", "c"]), ["b", "a", "c", "b"], ["d"]),
    "sigmoid": (mmzoo.heads.Sigmoid(class_names=["no", "yes"]), ["yes", "no", "yes"], ["maybe"]),
    "several": (
        mmzoo.heads.Sigmoid(units=3, class_names=["a", "b", "c"]),
        [["a"], ["b", "c"], ["c"]],
        [["d"]],
    ),
    "logarithm": (mmzoo.heads.Regression(scale="log"), [0.5, 3, 7000], [-1.0]),
    "regression": (mmzoo.heads.Regression(), [1.5, -2.0, "3", 70], ["red", float("inf")]),
}


def test_every_registered_head_is_tested():
    # Those that read tokens are in test_places.py: their labels are places in pictures.
    of_vectors = {name for name, head in mmzoo.heads.HEADS.items() if not head.reads_tokens}
    assert set(HEADS) >= of_vectors
    assert set(mmzoo.heads.names()) - of_vectors == {"box", "mask"}


@pytest.fixture(scope="module")
def case(name):
    return HeadCase(*HEADS[name])


@pytest.mark.parametrize("name", HEADS, scope="module")
@pytest.mark.parametrize("holds", HEAD_PROPERTIES)
def test_properties(case, holds):
    HEAD_PROPERTIES[holds](case)


def registered(cls):
    return keras.saving.register_keras_serializable(package="wrong_heads")(cls)


@registered
class Half(mmzoo.heads.Regression):
    """Half precision goes through."""

    def call(self, fused):
        return ops.cast(super().call(fused), "bfloat16")


@registered
class Dead(mmzoo.heads.Regression):
    """Nothing is learned."""

    def activate(self, logits):
        return super().activate(0.0 * logits)


@registered
class Short(mmzoo.targets.Values):
    """A row is lost on the way to a table."""

    def columns(self, prediction, delimiter="|"):
        return {"value": prediction[1:, 0]}


@registered
class Silent(mmzoo.targets.Values):
    """Whatever is no number is 0."""

    def _number(self, label, row, describe):
        return 0.0


@registered
class WithShort(mmzoo.heads.Regression):
    def target(self):
        return Short(1)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (Half(), "predicts_in_full_precision.*bfloat16"),
        (Dead(), "every_weight_gets_a_gradient.*no gradient"),
        (WithShort(), r"names_its_target.*tables_have_a_cell_a_row.*2 cells"),
    ],
)
def test_wrong_heads(head, message):
    with pytest.raises(AssertionError, match=rf"(?s)lacks .*{message}"):
        check_head(head, [1.0, 2.5, -3.0])


def test_wrong_targets():
    prediction = np.ones((2, 1), "float32")
    with pytest.raises(AssertionError, match=r"(?s)wrong_labels_are_refused.*'red' is taken"):
        check_target(Silent(1), [1.0, 2.0], prediction, wrong=["red"])
    with pytest.raises(ValueError, match="as many predictions"):
        check_target(Silent(1), [1.0, 2.0, 3.0], prediction)

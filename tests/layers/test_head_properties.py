"""What heads and their targets promise, by the suite for users' own."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.testing import check_head, check_target
from mmzoo.testing.check_head import HEAD_PROPERTIES, HeadCase
from tests.parts import slow_among

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
ON_GRID = {"image": "image", "grid": [2, 3], "hidden_units": 8}
MASKS = np.random.default_rng(0).integers(-1, 2, (3, 8, 12))
#: As above, of heads that read tokens: a head, labels, and what it learns from. Targets of places
#: have no place without a picture: those are tested in tests/pipeline/test_places.py.
READERS = {
    "box": (
        mmzoo.heads.Box(**ON_GRID),
        [[1, 2, 3, 4], [0, 0, 8, 8], [5, 1, 7, 2]],
        np.array([[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], [0.6, 0.1, 0.9, 0.2]], "float32"),
    ),
    "mask": (
        mmzoo.heads.Mask(size=[8, 12], **ON_GRID),
        [mask.clip(0).astype("uint8") for mask in MASKS],
        MASKS.astype("int16"),
    ),
    "mask of three classes": (
        mmzoo.heads.Mask(["none", "cat", "dog"], size=[7, 11], **ON_GRID),
        [mask.clip(0).astype("uint8") for mask in MASKS],
        (MASKS[:, :7, :11] + 1).astype("int16"),
    ),
    "transcript": (
        mmzoo.heads.Transcript("abc", frames="image", hidden_units=8),
        ["ab", "caa", "b"],
        np.array([[1, 2, 0], [3, 1, 1], [2, 0, 0]], "int32"),
    ),
    "tags": (
        mmzoo.heads.Tags(["B-x", "I-x", "O"], text="text"),
        [["O", "B-x", "I-x", "O"], ["B-x", "O", "B-x"], ["O", "O", "O", "B-x"]],
        np.array([[2, 0, 1, 2], [0, 2, 0, -1], [2, 2, 2, 0]], "int16"),
    ),
}
#: Heads whose own tests hold them to the same.
ELSEWHERE = {"words"}


def test_every_registered_head_is_tested():
    assert {*HEADS, *READERS, *ELSEWHERE} >= set(mmzoo.heads.names())


@pytest.fixture(scope="module")
def case(name):
    if name in HEADS:
        return HeadCase(*HEADS[name])
    head, labels, y = READERS[name]
    return HeadCase(head, labels, y=y)


@pytest.mark.parametrize("name", HEADS, scope="module")
@pytest.mark.parametrize(
    "holds", slow_among(HEAD_PROPERTIES, {"learns_its_labels"}, pytest.mark.end_to_end)
)
def test_properties(case, holds):
    HEAD_PROPERTIES[holds](case)


@pytest.mark.parametrize("name", READERS, scope="module")
@pytest.mark.parametrize(
    "holds",
    slow_among(
        [name for name in HEAD_PROPERTIES if name != "names_its_target"],
        {"is_compiled_by_xla", "learns_its_labels"},
        pytest.mark.end_to_end,
    ),
)
def test_properties_of_heads_that_read_tokens(case, holds):
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


@registered
class Peeks(mmzoo.heads.Regression):
    """What is masked is seen."""

    reads_tokens = True

    def build(self, *args, **shapes):
        self.dense.build((None, 8))

    def call(self, fused, tokens, mask):
        return self.dense(ops.mean(tokens["text"], axis=1) + ops.mean(fused))


def test_a_wrong_head_that_reads_tokens():
    labels = [1.0, 2.5, -3.0]
    with pytest.raises(AssertionError, match="rows_do_not_see_their_neighbours"):
        check_head(Peeks(), labels, leave_out=["takes_a_vector_a_modality"], tokens={"text": 3})
    leave_out = ["takes_a_vector_a_modality", "rows_do_not_see_their_neighbours"]
    with pytest.raises(AssertionError, match="what_is_masked_has_no_influence"):
        check_head(Peeks(), labels, leave_out=leave_out, tokens={"text": 3})
    leave_out.append("what_is_masked_has_no_influence")
    with pytest.raises(AssertionError, match="longer_padding_changes_nothing"):
        check_head(Peeks(), labels, leave_out=leave_out, tokens={"text": None})


def test_wrong_targets():
    prediction = np.ones((2, 1), "float32")
    with pytest.raises(AssertionError, match=r"(?s)wrong_labels_are_refused.*'red' is taken"):
        check_target(Silent(1), [1.0, 2.0], prediction, wrong=["red"])
    with pytest.raises(ValueError, match="as many predictions"):
        check_target(Silent(1), [1.0, 2.0, 3.0], prediction)

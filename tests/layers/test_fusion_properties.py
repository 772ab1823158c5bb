"""What fusion blocks promise, by the suite for users' own ones. Runs on TensorFlow and on JAX."""

import numpy as np
import pytest

import mmzoo
from mmzoo.testing.check_fusion import FUSION_PROPERTIES, FusionCase
from mmzoo.testing.properties import answer, build_with
from tests.layers.test_fusion_equations import DIM, LENGTHS, ROWS, batch, made
from tests.parts import DAILY_FUSIONS, disturb, slow_among

NAMES = ["image", "text"]
every_fusion = pytest.mark.parametrize("name", mmzoo.fusion.names(), scope="module")
#: Models take seconds to build, save and load; one block of each kind does so by default.
OF_MODELS = ("is_saved_and_cloned", "every_weight_gets_a_gradient")


@pytest.fixture(scope="module")
def case(name):
    """A tiny block of a name, with something to fuse: built once for all tests of the module."""
    return FusionCase(made(name))


@every_fusion
@pytest.mark.parametrize("holds", [each for each in FUSION_PROPERTIES if each not in OF_MODELS])
def test_properties(case, holds):
    FUSION_PROPERTIES[holds](case)


@pytest.mark.parametrize(
    "name",
    slow_among(mmzoo.fusion.names(), {*mmzoo.fusion.names()} - {*DAILY_FUSIONS}),
    scope="module",
)
@pytest.mark.parametrize("holds", OF_MODELS)
def test_properties_of_models(case, holds):
    FUSION_PROPERTIES[holds](case)


@every_fusion
def test_the_tokens_are_as_wide_as_promised(case):
    _, streams, _ = case(*case.batch())
    assert {n: s.shape for n, s in streams.items()} == {
        n: (ROWS, LENGTHS[n], DIM) for n in case.names
    }


@every_fusion
def test_tokens_know_of_the_other_modality_and_of_their_own_place(name):
    block = made(name)
    tokens, mask = batch(NAMES)
    build_with(block, tokens, mask, method="contextualized")
    disturb(block, scale=0.3)
    _, streams, _ = answer(block, tokens, mask, method="contextualized")
    for changed in NAMES:
        other = {**tokens, changed: tokens[changed] + np.float32([2, -1] * (DIM // 2))}
        _, again, _ = answer(block, other, mask, method="contextualized")
        for stream in NAMES:
            # In late fusion a modality never sees another, but the mean of their votes does.
            assert not np.allclose(streams[stream], again[stream], atol=1e-4), (changed, stream)
    for stream in NAMES:
        assert not np.allclose(streams[stream][0, 0], streams[stream][0, 1], atol=1e-4)


@pytest.mark.parametrize(
    "name",
    slow_among(
        [name for name in mmzoo.fusion.names() if name != "bilinear"],
        {*mmzoo.fusion.names()} - {*DAILY_FUSIONS},
        pytest.mark.end_to_end,
    ),
)
@pytest.mark.parametrize(
    "names", slow_among([("text",), ("image", "text", "voice")], slow=[("text",)])
)
def test_one_modality_or_three(name, names):
    block = made(name, hidden_units=None) if name == "late" else made(name, hidden_units=[6])
    tokens, mask = batch(names)
    build_with(block, tokens, mask, method="contextualized")
    vector, streams, _ = answer(block, tokens, mask, method="contextualized")
    width = DIM * max(1, len(names) - 1) if name == "pairwise_attention" else DIM
    assert {n: tuple(s.shape) for n, s in streams.items()} == {
        n: (ROWS, LENGTHS[n], width) for n in names
    }
    np.testing.assert_array_equal(vector, answer(block, tokens, mask))


def test_training_reaches_dropout():
    block = mmzoo.fusion.CrossAttention(dim=8, dropout=0.5)
    tokens, mask = batch(NAMES)
    build_with(block, tokens, mask, method="contextualized")
    quiet, again, loud = (
        answer(block, tokens, mask, method="contextualized", **options)[0]
        for options in ({"training": False}, {}, {"training": True})
    )
    np.testing.assert_array_equal(quiet, again)
    assert not np.allclose(quiet, loud)

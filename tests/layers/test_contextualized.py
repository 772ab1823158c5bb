"""What fusion blocks give to heads that read tokens. Pure Keras: runs on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from tests.layers.test_fusion_equations import DIM, LENGTHS, ROWS, batch, made
from tests.parts import disturb, slow_among

every_fusion = pytest.mark.parametrize("name", mmzoo.fusion.names(), scope="module")
NAMES = ["image", "text"]
#: Models take seconds to build, save and load; one block of each kind does so by default.
DAILY = ["concat", "gated_cross_attention"]


@pytest.fixture(scope="module")
def block(name):
    """A tiny block of a name that was called for its vector alone, with noise on its weights."""
    keras.utils.set_random_seed(0)
    block = made(name)
    block(*batch(NAMES))
    disturb(block, scale=0.3)
    return block


def arrays(result):
    """The vector, the tokens and the masks of `contextualized` as NumPy."""
    return keras.tree.map_structure(ops.convert_to_numpy, result)


def noisy(tokens, where):
    """`tokens` with other values at the places `where`, a dict from modality name to `(B, T)`."""
    generator = np.random.default_rng(7)
    changed = {}
    for name, stream in tokens.items():
        noise = generator.normal(scale=9, size=stream.shape).astype("float32")
        changed[name] = np.where(where[name][..., None], noise, stream)
    return changed


def assert_equal_where_valid(one, other, mask, **tolerance):
    for name, valid in mask.items():
        np.testing.assert_allclose(one[name][valid], other[name][valid], **tolerance)


@every_fusion
def test_the_vector_is_the_same_and_no_weight_is_new(block):
    weights = [weight.path for weight in block.weights]
    tokens, mask = batch(NAMES)
    vector, streams, valid = block.contextualized(tokens, mask)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(vector), ops.convert_to_numpy(block(tokens, mask))
    )
    assert [weight.path for weight in block.weights] == weights
    for name in NAMES:
        assert tuple(streams[name].shape) == (ROWS, LENGTHS[name], DIM)
        np.testing.assert_array_equal(ops.convert_to_numpy(valid[name]), mask[name])


@every_fusion
def test_tokens_know_of_the_other_modality_and_of_their_own_place(block, name):
    tokens, mask = batch(NAMES)
    _, streams, _ = arrays(block.contextualized(tokens, mask))
    for changed in NAMES:
        other = {**tokens, changed: tokens[changed] + np.float32([2, -1] * (DIM // 2))}
        _, again, _ = arrays(block.contextualized(other, mask))
        for stream in NAMES:
            # In late fusion a modality never sees another, but the mean of their votes does.
            assert not np.allclose(streams[stream], again[stream], atol=1e-4), (changed, stream)
    for stream in NAMES:
        assert not np.allclose(streams[stream][0, 0], streams[stream][0, 1], atol=1e-4)


@every_fusion
def test_padding_has_no_influence(block):
    tokens, mask = batch(NAMES)
    mask["image"][0, 2:] = False
    vector, streams, _ = arrays(block.contextualized(tokens, mask))
    padding = {name: ~valid for name, valid in mask.items()}
    vector_again, again, _ = arrays(block.contextualized(noisy(tokens, padding), mask))
    np.testing.assert_array_equal(vector_again, vector)
    for name, valid in mask.items():
        np.testing.assert_array_equal(again[name][valid], streams[name][valid])


@every_fusion
def test_longer_padding_changes_nothing(block):
    tokens, mask = batch(NAMES)
    vector, streams, _ = arrays(block.contextualized(tokens, mask))
    more = [(0, 0), (0, 3)]
    padded = {**tokens, "text": np.pad(tokens["text"], [*more, (0, 0)], constant_values=5)}
    longer = {**mask, "text": np.pad(mask["text"], more)}
    vector_again, again, _ = arrays(block.contextualized(padded, longer))
    np.testing.assert_allclose(vector_again, vector, rtol=1e-4, atol=1e-5)
    again["text"] = again["text"][:, : LENGTHS["text"]]
    assert_equal_where_valid(again, streams, mask, rtol=1e-4, atol=1e-5)


@every_fusion
@pytest.mark.parametrize("absent", NAMES)
def test_an_absent_modality_has_no_influence_and_stays_masked(block, absent):
    tokens, mask = batch(NAMES)
    mask[absent][:2] = False
    vector, streams, valid = arrays(block.contextualized(tokens, mask))
    assert not valid[absent][:2].any() and valid[absent][2].any()
    nothing = {name: np.zeros_like(valid) for name, valid in mask.items()}
    nothing[absent] = ~mask[absent]
    vector_again, again, _ = arrays(block.contextualized(noisy(tokens, nothing), mask))
    np.testing.assert_array_equal(vector_again, vector)
    for name in NAMES:
        assert np.isfinite(streams[name]).all()
        np.testing.assert_array_equal(again[name][mask[name]], streams[name][mask[name]])


@every_fusion
def test_rows_do_not_see_their_neighbours(block):
    tokens, mask = batch(NAMES)
    vector, streams, _ = arrays(block.contextualized(tokens, mask))
    first = {name: np.arange(ROWS)[:, None] > 0 for name in NAMES}
    vector_again, again, _ = arrays(block.contextualized(noisy(tokens, first), mask))
    alone = [{name: value[:1] for name, value in part.items()} for part in (tokens, mask)]
    vector_alone, single, _ = arrays(block.contextualized(*alone))
    for other, others in ((vector_again, again), (vector_alone, single)):
        np.testing.assert_allclose(other[0], vector[0], rtol=1e-4, atol=1e-5)
        for name in NAMES:
            np.testing.assert_allclose(others[name][0], streams[name][0], rtol=1e-4, atol=1e-5)


@every_fusion
def test_a_copy_from_the_config_answers_alike(block):
    tokens, mask = batch(NAMES)
    again = type(block).from_config(json.loads(json.dumps(block.get_config())))
    again.contextualized(tokens, mask)  # builds it this way round
    again.set_weights(block.get_weights())
    expected = arrays(block.contextualized(tokens, mask))
    for one, other in zip(
        keras.tree.flatten(arrays(again.contextualized(tokens, mask))),
        keras.tree.flatten(expected),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def functional(block, widths):
    """A functional model that only ever asks a block for tokens."""
    tokens = {n: keras.Input((LENGTHS[n], width), name=n) for n, width in widths.items()}
    mask = {n: keras.Input((LENGTHS[n],), dtype="bool", name=f"{n}_mask") for n in widths}
    vector, streams, _ = block.contextualized(tokens, mask)
    inputs = {**tokens, **{f"{n}_mask": valid for n, valid in mask.items()}}
    return keras.Model(inputs, {"vector": vector, **streams})


@pytest.mark.parametrize(
    "name", slow_among(mmzoo.fusion.names(), set(mmzoo.fusion.names()) - {*DAILY})
)
def test_a_functional_model_is_saved_and_cloned(name, tmp_path):
    widths = {"image": DIM, "text": DIM}
    if mmzoo.fusion.FUSIONS[name].projects == "never":
        widths = {"image": 5, "text": 6}
    model = functional(made(name), widths)
    disturb(model)
    _, mask = batch(NAMES)
    generator = np.random.default_rng(3)
    x = {n: generator.normal(size=(ROWS, LENGTHS[n], widths[n])).astype("float32") for n in NAMES}
    x |= {f"{n}_mask": valid for n, valid in mask.items()}
    expected = arrays(model(x))
    assert {n: expected[n].shape for n in NAMES} == {n: (ROWS, LENGTHS[n], DIM) for n in NAMES}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")  # safe_mode is on by default
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (loaded, clone):
        for key, value in arrays(other(x)).items():
            np.testing.assert_array_equal(value, expected[key], err_msg=key)


@every_fusion
def test_half_precision_is_finite(name):
    keras.utils.set_random_seed(0)
    block = made(name, dtype="mixed_bfloat16")
    tokens, mask = batch(NAMES)
    mask["image"][0] = False
    vector, streams, _ = block.contextualized(tokens, mask)
    wide = "float32" if block.precise else "bfloat16"
    for tensor in (vector, *streams.values()):
        assert np.isfinite(ops.convert_to_numpy(ops.cast(tensor, "float32"))).all()
    assert {keras.backend.standardize_dtype(s.dtype) for s in streams.values()} <= {
        wide,
        "bfloat16",
    }


@pytest.mark.parametrize("name", [n for n in mmzoo.fusion.names() if n != "bilinear"])
@pytest.mark.parametrize(
    "names", slow_among([("text",), ("image", "text", "voice")], slow=[("text",)])
)
def test_one_modality_or_three(name, names):
    block = made(name, hidden_units=None) if name == "late" else made(name, hidden_units=[6])
    tokens, mask = batch(names)
    vector, streams, _ = block.contextualized(tokens, mask)
    width = DIM * max(1, len(names) - 1) if name == "pairwise_attention" else DIM
    assert {n: tuple(s.shape) for n, s in streams.items()} == {
        n: (ROWS, LENGTHS[n], width) for n in names
    }
    np.testing.assert_array_equal(
        ops.convert_to_numpy(vector), ops.convert_to_numpy(block(tokens, mask))
    )


def test_training_reaches_dropout():
    block = mmzoo.fusion.CrossAttention(dim=8, dropout=0.5)
    tokens, mask = batch(NAMES)
    quiet, _, _ = arrays(block.contextualized(tokens, mask, training=False))
    again, _, _ = arrays(block.contextualized(tokens, mask))
    loud, _, _ = arrays(block.contextualized(tokens, mask, training=True))
    np.testing.assert_array_equal(quiet, again)
    assert not np.allclose(quiet, loud)

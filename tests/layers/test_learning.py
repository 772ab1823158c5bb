"""What the blocks can learn: small tasks of two inputs whose ceilings are known."""

import keras
import numpy as np
import pytest

import mmzoo
from tests.parts import predict, slow_among, tiny

#: Additive in the modalities: their logits are a sum of one term for each, which XOR is not.
ADDITIVE = {"sum": {}, "weighted_sum": {}, "late": {}, "concat": {"hidden_units": []}}
BATCH = 32
FUSIONS = set(mmzoo.fusion.names())
XOR = sorted(FUSIONS - set(ADDITIVE) | {"concat"})
#: Blocks whose tests are not left to the slow ones.
DAILY = {"concat", "product", "tensor"}


def model_of(name, options=None, dim=16, **arguments):
    """A model of two short texts, `left` and `right`, joined by a block."""
    fusion = tiny(name, mmzoo.fusion.FUSIONS[name])
    fusion["config"] = {**fusion["config"], "dim": dim, **(options or {})}
    bag = {"class_name": "bag", "config": {"embedding_dim": dim}}
    sides = {
        side: mmzoo.Text(
            length=1, vocabulary_size=6, encoder=bag, optional="modality_dropout" in arguments
        )
        for side in ("left", "right")
    }
    return mmzoo.build_model(
        inputs=sides,
        fusion=fusion,
        head=mmzoo.heads.Softmax(2),
        compile=False,
        dim=dim,
        **arguments,
    )


#: JAX has no float16 products on a CPU.
HALF = ["mixed_bfloat16"] + (["mixed_float16"] if keras.backend.backend() == "tensorflow" else [])


def train(model, x, y, epochs):
    head = model.get_layer("head")
    model.compile(keras.optimizers.Adam(0.01), loss=head.make_loss())
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)


def words(bits):
    """Texts of one word, a row a bit."""
    return (2 + np.asarray(bits, "int32"))[:, None]


def xor(model, epochs=8):
    """Trains on XOR; the logits of its four cases, `(2, 2)`, and the accuracy on them."""
    generator = np.random.default_rng(0)
    left, right = generator.integers(0, 2, (2, 20 * BATCH))
    train(model, {"left": words(left), "right": words(right)}, left ^ right, epochs)
    left, right = np.repeat([0, 1], 2), np.tile([0, 1], 2)
    probabilities = predict(model, {"left": words(left), "right": words(right)})
    logits = np.log(probabilities[:, 1] / probabilities[:, 0])
    return logits.reshape(2, 2), np.mean(probabilities.argmax(axis=1) == left ^ right)


@pytest.mark.parametrize("name", slow_among(XOR, slow=set(XOR) - DAILY))
@pytest.mark.end_to_end
def test_xor_is_learned(name):
    _, accuracy = xor(model_of(name))
    assert accuracy == 1


@pytest.mark.parametrize("policy", HALF)
@pytest.mark.parametrize("name", slow_among(XOR, slow=set(XOR) - {"tensor"}))
@pytest.mark.end_to_end
def test_xor_is_learned_in_half_precision(name, policy):
    for seed in range(3):  # rounding is another start: as with one, a block may get stuck
        keras.utils.set_random_seed(seed)
        model = model_of(name, dtype=policy)
        _, accuracy = xor(model)
        scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (policy == "mixed_float16")
        if accuracy == 1:
            return
    raise AssertionError(accuracy)


@pytest.mark.slow
@pytest.mark.parametrize("policy", HALF)
@pytest.mark.parametrize("name", sorted(FUSIONS))
def test_half_precision_is_within_half_a_point_of_float32(name, policy):
    full, _ = one_side_alone(name, modality_dropout=0.4)
    keras.utils.set_random_seed(0)
    half, _ = one_side_alone(name, modality_dropout=0.4, dtype=policy)
    assert np.all(half >= full - 0.005)


@pytest.mark.parametrize("name", ADDITIVE)
@pytest.mark.end_to_end
def test_xor_is_beyond_additive_blocks(name):
    logits, accuracy = xor(model_of(name, ADDITIVE[name]), epochs=2)
    # What makes it impossible: the two inputs have no joint effect on the logits.
    assert abs(logits[0, 0] + logits[1, 1] - logits[0, 1] - logits[1, 0]) < 1e-4
    assert accuracy <= 0.75


@pytest.mark.parametrize("name", slow_among(sorted(FUSIONS), slow=FUSIONS - {"concat"}))
def test_with_modality_dropout_one_input_is_enough(name):
    accuracies, ceilings = one_side_alone(name, modality_dropout=0.4)
    assert np.all(accuracies > ceilings - 0.02)


def test_without_modality_dropout_it_is_not():
    accuracies, ceilings = one_side_alone("product", modality_dropout=0.0)
    assert np.min(accuracies - ceilings) < -0.1


def one_side_alone(name, **arguments):
    """Trains where both sides say the label, one rightly in 95 % of the rows, one in 85 %.

    Returns:
        `(accuracies, ceilings)`: of the model with the left side alone, and with the right one;
        and how often these are right.
    """
    model = model_of(name, **arguments)
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 40 * BATCH)
    sides = {
        side: y ^ (generator.random(len(y)) > right)
        for side, right in (("left", 0.95), ("right", 0.85))
    }
    there = np.ones(len(y), bool)
    x = {side: words(bits) for side, bits in sides.items()}
    x |= {f"{side}_present": there for side in sides}
    train(model, x, y, epochs=6)
    alone = [
        predict(model, {**x, f"{other}_present": ~there}).argmax(axis=1)
        for other in ("right", "left")
    ]
    return (
        np.array([np.mean(labels == y) for labels in alone]),
        np.array([np.mean(bits == y) for bits in sides.values()]),
    )

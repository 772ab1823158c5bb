"""Language models of KerasHub as decoders. On TensorFlow and JAX."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.decoders import LanguageModel
from mmzoo.decoders.language_model import CONNECTORS
from mmzoo.heads import TokenCrossentropy
from mmzoo.heads.logits import remember_logits
from mmzoo.tokenizers.vocabulary import END, SPECIAL, START

tiny = pytest.importorskip("tests.tiny_language_models")

ROWS, LENGTH = 2, 6
OF_20 = {"start": 18, "end": 19, "padding": 0, "never": [0, 18]}


def memory_of(rows=ROWS, seed=0):
    generator = np.random.default_rng(seed)
    mask = np.ones((rows, 5), bool)
    mask[-1, 2:] = False
    return generator.normal(size=(rows, 5, 7)).astype("float32"), mask


def ids_of(seed=0):
    ids = np.random.default_rng(seed).integers(SPECIAL + 1, SPECIAL + 18, (ROWS, LENGTH))
    ids[:, 0] = START
    return ids.astype("int32")


def decoder_of(model=None, noise=0.1, **options):
    options = {"prefix_length": 3, "special": OF_20, **options}
    decoder = LanguageModel(model or tiny.language_model(), **options)
    decoder(ids_of(), *memory_of())
    generator = np.random.default_rng(1)
    for weight in decoder.weights:
        weight.assign(weight + noise * generator.normal(size=weight.shape))
    return decoder


def array(x):
    return ops.convert_to_numpy(x)


def step_by_step(decoder, ids, memory, mask, length=LENGTH):
    read, state = decoder.start(*map(ops.convert_to_tensor, (memory, mask)), length)
    logits = []
    for position in range(ids.shape[1]):
        of_one = ops.convert_to_tensor(ids[:, position])
        here, state = decoder.step(of_one, ops.convert_to_tensor(position), read, state)
        logits.append(array(here))
    return np.stack(logits, axis=1)


@pytest.mark.parametrize("connector", CONNECTORS)
@pytest.mark.parametrize(
    "family",
    [
        family
        if family in ("GPT2", "Gemma", "OPT")
        else pytest.param(family, marks=pytest.mark.slow)
        for family in sorted(tiny.FAMILIES)
    ],
)
def test_step_by_step_as_all_at_once(family, connector):
    decoder = decoder_of(tiny.language_model(family), connector=connector)
    ids, (memory, mask) = ids_of(), memory_of()
    at_once = array(decoder(ids, memory, mask))
    in_steps = step_by_step(decoder, ids, memory, mask)
    can_be = at_once[0, 0] > -1e8
    assert can_be.tolist() == [i == END or SPECIAL < i < SPECIAL + 18 for i in range(24)]
    np.testing.assert_allclose(in_steps[..., can_be], at_once[..., can_be], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("connector", CONNECTORS)
def test_what_was_read_is_told_and_later_words_are_not(connector):
    decoder = decoder_of(connector=connector, noise=0.3)
    ids, (memory, mask) = ids_of(), memory_of()
    before = array(decoder(ids, memory, mask))
    other = memory.copy()
    other[1, 2:] += 1  # is not there
    np.testing.assert_allclose(array(decoder(ids, other, mask)), before, atol=1e-5)
    other[0, 1] *= -1
    changed = array(decoder(ids, other, mask))
    np.testing.assert_allclose(changed[1], before[1], atol=1e-5)
    assert np.abs(changed[0] - before[0]).max() > 1e-4
    later = ids.copy()
    later[:, 4:] = SPECIAL + 1
    np.testing.assert_allclose(array(decoder(later, memory, mask))[:, :4], before[:, :4], atol=1e-5)


def own_logits(model, ids):
    """What KerasHub's model itself says of the same tokens."""
    ids = np.where(ids == START, OF_20["start"], ids - SPECIAL)
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    return array(model(inputs))


@pytest.mark.parametrize("family", ["GPT2", "Gemma"])
def test_told_nothing_it_is_the_language_model_alone(family):
    model, ids = tiny.language_model(family), ids_of()
    memory, mask = memory_of()
    words = slice(SPECIAL + 1, SPECIAL + 18)

    def assert_alone(logits, rows):
        expected = own_logits(model, ids)[rows]
        np.testing.assert_allclose(
            logits[rows][..., words], expected[..., 1:18], rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(logits[rows][..., END], expected[..., 19], rtol=1e-4, atol=1e-5)

    empty = LanguageModel(model, prefix_length=0, special=OF_20)
    assert_alone(array(empty(ids, memory, mask)), [0, 1])
    gated = LanguageModel(model, "gated_cross_attention", special=OF_20)
    assert_alone(array(gated(ids, memory, mask)), [0, 1])  # the gates are closed
    for gate in gated.gates:
        gate.attention_gate.assign(1.0)
        gate.feedforward_gate.assign(1.0)
    mask = mask.copy()
    mask[1] = False
    logits = array(gated(ids, np.where(mask[..., None], memory, 1e3), mask))
    assert_alone(logits, [1])  # nothing is there
    assert np.abs(logits[0] - array(empty(ids, memory, mask))[0]).max() > 1e-4
    assert_alone(step_by_step(gated, ids, memory, mask), [1])


def test_every_other_block_may_have_a_gate():
    decoder = decoder_of(
        tiny.language_model(num_layers=3), connector="gated_cross_attention", every=2
    )
    assert [gate.name for gate in decoder.gates] == ["gate_0", "gate_2"]


@pytest.mark.parametrize("connector", CONNECTORS)
@pytest.mark.parametrize("trainable", [False, True])
def test_what_is_trained(connector, trainable):
    decoder = decoder_of(connector=connector, trainable=trainable, noise=0)
    own = {id(weight) for weight in decoder.backbone.weights}
    trained = {id(weight) for weight in decoder.trainable_variables}
    assert bool(own & trained) == trainable and trained - own
    again = LanguageModel.from_config(decoder.get_config())
    again(ids_of(), *memory_of())
    assert len(again.trainable_variables) == len(decoder.trainable_variables)
    again.set_weights(decoder.get_weights())
    one, other = (array(x(ids_of(), *memory_of())) for x in (decoder, again))
    np.testing.assert_array_equal(one, other)


def test_a_frozen_one_has_no_dropout():
    decoder = decoder_of(tiny.language_model(dropout=0.5), trainable=False)
    one, other = (array(decoder(ids_of(), *memory_of(), training=True)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    decoder = decoder_of(tiny.language_model(dropout=0.5), trainable=True)
    one, other = (array(decoder(ids_of(), *memory_of(), training=True)) for _ in range(2))
    assert np.abs(one - other).max() > 1e-4


def test_label_smoothing_is_over_what_can_be_written():
    """Tokens that are never written have a logit of about minus infinity, and no share."""
    ids = ids_of()
    logits = decoder_of()(ids, *memory_of())
    loss = TokenCrossentropy(label_smoothing=0.5)
    y = np.roll(ids, -1, axis=1)
    y[:, -1] = END
    smoothed = float(loss(y, remember_logits(ops.softmax(logits), logits)))
    logs = array(ops.log_softmax(logits))
    right = np.take_along_axis(logs, y[..., None], axis=-1)
    even = logs[..., logs[0, 0] > -1e8].mean(axis=-1)
    np.testing.assert_allclose(smoothed, -(right.mean() + even.mean()) / 2, rtol=1e-5)


def test_half_precision():
    """The language model has a precision of its own, and the connector has one."""
    model = tiny.language_model(dtype="mixed_bfloat16")
    decoder = decoder_of(model, dtype="mixed_bfloat16", connector="gated_cross_attention")
    logits = decoder(ids_of(), *memory_of())
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(array(logits)).all()


def test_wrong_ones():
    model = tiny.language_model()
    with pytest.raises(ValueError, match="connector"):
        LanguageModel(model, connector="glue", special=OF_20)
    with pytest.raises(ValueError, match="no tokenizer"):
        LanguageModel(model)
    with pytest.raises(ValueError, match="call_with_cache"):
        LanguageModel(model.backbone, special=OF_20)
    with pytest.raises(ValueError, match="num_heads"):
        decoder_of(num_heads=5)
    with pytest.raises(ValueError, match="positions for 8 tokens"):
        decoder_of(tiny.language_model(max_sequence_length=8))
    keras_hub = pytest.importorskip("keras_hub")
    neox = keras_hub.models.GPTNeoXBackbone(20, 1, 2, 32, 16)
    with pytest.raises(ValueError, match="as if it were the first"):
        LanguageModel(keras_hub.models.GPTNeoXCausalLM(backbone=neox), special=OF_20)

"""What encoders promise by themselves, by the suite for users' own. Runs on TensorFlow and on JAX.

In whole models they are tested by test_properties.py.
"""

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.testing.check_encoder import ENCODER_PROPERTIES, EncoderCase
from tests.parts import LENGTH, MODALITIES, tiny

ROWS = 4
ENCODERS = [(kind, name) for kind, known in mmzoo.encoders.ENCODERS.items() for name in known]
#: What no other test holds encoders to; the rest are slow tests.
DAILY = ("returns_tokens_and_their_mask", "what_is_masked_has_no_influence")


def values(modality):
    """Random tensors for the encoder of a modality."""
    generator = np.random.default_rng(0)
    x = {}
    for part, (shape, dtype) in modality.tensors().items():
        shape = (ROWS, *(LENGTH if size is None else size for size in shape))
        if part == "mask":
            lengths = generator.integers(shape[1] // 2, shape[1] + 1, ROWS)
            x[part] = np.arange(shape[1]) < lengths[:, None]
        elif dtype == "int32":
            x[part] = generator.integers(1, 4, shape).astype(dtype)
            x[part][1, -2:] = 0
        else:
            scale = 255 if part in ("image", "frames") else 1
            x[part] = scale * generator.uniform(size=shape).astype(dtype)
    if "numbers" in x:
        x["numbers"][0, 0] = np.nan
    return x if len(x) > 1 else next(iter(x.values()))


@pytest.fixture(scope="module")
def case(encoder):
    kind, name = encoder
    modality = MODALITIES[kind](tiny(name, mmzoo.encoders.ENCODERS[kind][name]))
    layer = mmzoo.encoders.get(
        modality.encoder, kind, name="encoder", **modality.encoder_defaults()
    )
    return EncoderCase(layer, values(modality))


every_encoder = pytest.mark.parametrize("encoder", ENCODERS, ids="-".join, scope="module")


@every_encoder
@pytest.mark.parametrize("holds", DAILY)
def test_properties(case, holds):
    ENCODER_PROPERTIES[holds](case)


@pytest.mark.slow
@every_encoder
@pytest.mark.parametrize("holds", [each for each in ENCODER_PROPERTIES if each not in DAILY])
def test_other_properties(case, holds):
    ENCODER_PROPERTIES[holds](case)


@pytest.mark.parametrize("name", ["bag", "cnn", "gru", "lstm", "transformer"])
def test_words_are_left_out_as_a_whole(name):
    """In training, and only the embedding: what the bytes of a word tell stays."""
    make = mmzoo.encoders.ENCODERS["text"][name]
    encoder = make(vocabulary_size=9, embedding_dim=8, word_dropout=0.5)
    embedded = []
    encoder.contextualize = lambda tokens, mask: (embedded.append(tokens), (tokens, mask))[1]
    ids = np.random.default_rng(0).integers(2, 9, (ROWS, 50)).astype("int32")
    encoder(ids)
    encoder(ids, training=True)
    always, in_training = map(keras.ops.convert_to_numpy, embedded[-2:])
    left_out = (in_training == 0).all(axis=-1)
    assert 0.3 < left_out.mean() < 0.7
    np.testing.assert_allclose(in_training[~left_out], 2 * always[~left_out], rtol=1e-5)
    assert make.from_config(encoder.get_config()).word_dropout == 0.5

"""Modality dropout: what it drops, how often, and when."""

import numpy as np
import pytest
from keras import ops

import mmzoo
from tests.parts import image, predict, tensors, text

ROWS = 4000


def kept(dropout, present, training=True):
    present = {name: np.array(values) for name, values in present.items()}
    result = dropout(present, training=training)
    return {name: ops.convert_to_numpy(values) for name, values in result.items()}


def test_every_row_draws_for_itself_at_the_given_rates():
    dropout = mmzoo.ModalityDropout({"image": 0.3, "text": 0.1}, keep_one=False, seed=0)
    result = kept(dropout, dict.fromkeys(("image", "text", "voice"), np.ones(ROWS, bool)))
    assert abs(result["image"].mean() - 0.7) < 0.03
    assert abs(result["text"].mean() - 0.9) < 0.03
    assert result["voice"].all()
    both = (~result["image"] & ~result["text"]).mean()
    assert abs(both - 0.03) < 0.015  # independent
    again = kept(dropout, dict.fromkeys(("image", "text", "voice"), np.ones(ROWS, bool)))
    assert (again["image"] != result["image"]).any()


def test_a_row_never_loses_all_it_has():
    generator = np.random.default_rng(0)
    present = {name: generator.random(ROWS) < 0.5 for name in ("image", "text", "voice")}
    result = kept(mmzoo.ModalityDropout(0.9), present)
    had, has = (np.any(list(part.values()), axis=0) for part in (present, result))
    np.testing.assert_array_equal(has, had)
    for name in present:
        assert not (result[name] & ~present[name]).any()
    assert kept(mmzoo.ModalityDropout(1.0), present)["image"].any()


def test_nothing_is_dropped_outside_training():
    present = {"image": np.ones(ROWS, bool)}
    assert kept(mmzoo.ModalityDropout(1.0, keep_one=False), present, training=False)["image"].all()


def test_in_a_model_a_dropped_modality_is_an_absent_one():
    inputs = {"image": image(optional=True), "text": text()}
    model = mmzoo.build_model(
        inputs=inputs, modality_dropout=1.0, head=mmzoo.heads.Softmax(3), dim=8
    )
    assert not model.get_layer("modality_dropout").keep_one  # the text is always there
    x = tensors(model)
    x["image_present"][:] = True
    in_training = ops.convert_to_numpy(model(x, training=True))
    absent = predict(model, {**x, "image_present": np.zeros(4, bool)})
    np.testing.assert_allclose(in_training, absent, atol=1e-6)
    assert not np.allclose(predict(model, x), absent)


def test_a_given_layer_is_taken_as_it_is():
    model = mmzoo.build_model(
        inputs={"image": image(optional=True), "text": text(optional=True)},
        modality_dropout=mmzoo.ModalityDropout({"image": 0.5}, seed=3),
        head=mmzoo.heads.Softmax(3),
        dim=8,
    )
    layer = model.get_layer("modality_dropout")
    assert layer.rate == {"image": 0.5} and layer.keep_one and layer.seed == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"modality_dropout": 0.2}, "optional=True"),
        ({"modality_dropout": {"sound": 0.2}, "optional": True}, "sound"),
        ({"modality_dropout": 1.2, "optional": True}, "from 0 to 1"),
    ],
)
def test_what_cannot_be_dropped(arguments, message):
    arguments = dict(arguments)
    inputs = {"image": image(optional=arguments.pop("optional", False)), "text": text()}
    with pytest.raises(ValueError, match=message):
        mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), **arguments)

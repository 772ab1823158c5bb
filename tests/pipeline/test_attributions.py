"""Which parts of each input speak for an answer: shares that are known, and what must hold."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.evaluation.attribution.asked import asked_scores
from mmzoo.evaluation.attribution.drawing import as_sent

pytest.importorskip("rich")
METHODS = ("integrated_gradients", "gradients", "occlusion")
INPUTS = {
    "image": mmzoo.Image(
        size=(8, 8), optional=True, encoder={"class_name": "cnn", "config": {"filters": [4]}}
    ),
    "text": mmzoo.Text(
        length=6,
        vocabulary_size=20,
        vocabulary=["a", "red", "circle"],
        optional=True,
        encoder={
            "class_name": "transformer",
            "config": {"embedding_dim": 8, "depth": 1, "num_heads": 2},
        },
    ),
    "sound": mmzoo.Audio(
        sample_rate=1000, seconds=0.2,
        encoder={"class_name": "dnn", "config": {"mel_bins": 8, "window_seconds": 0.05}},
    ),
    "table": mmzoo.Tabular(numeric={"a": (0, 1), "b": (0, 1)}, categorical={"c": ["x", "y"]}),
}  # fmt: skip
GENERATOR = np.random.default_rng(0)
ROWS = {
    "image": [GENERATOR.integers(0, 255, (10, 20, 3)).astype("uint8"), None],
    "text": ["A red, red Circle!", None],
    "sound": [GENERATOR.normal(size=150).astype("float32") * 0.1] * 2,
    "table": [{"a": 1.0, "b": None, "c": "x"}, {"a": 3.0, "b": 2.0, "c": None}],
}


def built(inputs=INPUTS, **options):
    keras.utils.set_random_seed(0)
    options = {"fusion": "cross_attention", "dim": 8, **options}
    head = options.pop("head", None) or mmzoo.heads.Softmax(class_names=["x", "y", "z"])
    model = mmzoo.build_model(inputs=inputs, head=head, compile=False, **options)
    return model, mmzoo.Preprocessor(inputs)


@pytest.fixture(scope="module")
def everything():
    """A model that reads all kinds of inputs, and two rows, the second without two of them."""
    return built()


@pytest.fixture(scope="module")
def linear():
    """A model whose score is a sum of multiples of its inputs, and of a table that it ignores."""
    inputs = {"a": mmzoo.Features(2), "b": mmzoo.Features(3), "idle": mmzoo.Features(2)}
    model, preprocessor = built(inputs, fusion="sum", head=mmzoo.heads.Regression())
    idle = model.encoders["idle"]
    for weight in idle.weights:
        weight.assign(ops.zeros_like(weight))
    rows = {"a": [[1.0, -2.0]], "b": [[0.5, 0.0, 3.0]], "idle": [[1.0, 1.0]]}
    return model, preprocessor, rows


def test_shares_of_a_sum_are_its_terms_by_every_method(linear):
    model, preprocessor, rows = linear
    whole = mmzoo.predict(model, preprocessor, rows)[0, 0]
    for method in METHODS:
        found = mmzoo.attributions(model, preprocessor, rows, method=method)
        assert found.scores[0] == pytest.approx(whole, abs=1e-5)
        for name, (row,) in rows.items():
            for place, value in enumerate(row):
                without = {**rows, name: [[0.0 if i == place else x for i, x in enumerate(row)]]}
                term = whole - mmzoo.predict(model, preprocessor, without)[0, 0]
                share = found.values[name][0][place]
                share = share * value if method == "gradients" else share
                assert share == pytest.approx(term, abs=1e-4)
        assert not found.values["idle"][0].any()
        assert found.values["b"][0][1] == 0 or method == "gradients"


def test_shares_sum_up_to_what_they_share_out_the_better_the_more_steps():
    pair, gaps = built(fusion="concat"), {}
    for steps in (2, 64):
        found = mmzoo.attributions(*pair, ROWS, steps=steps)
        gaps[steps] = np.abs(found.gaps)
        difference = found.scores - found.baselines
        total = sum(found.totals(name) for name in INPUTS)
        np.testing.assert_allclose(total - difference, found.gaps, atol=1e-6)
    assert (gaps[64] < 0.01).all() and gaps[64].sum() < gaps[2].sum() / 2


@pytest.mark.parametrize("method", METHODS)
def test_arrays_lie_over_what_a_row_holds_and_an_absent_one_counts_nothing(everything, method):
    found = mmzoo.attributions(*everything, ROWS, method=method)
    shapes = {name: [array.shape for array in arrays] for name, arrays in found.values.items()}
    assert shapes["image"] == [(8, 8)] * 2
    assert shapes["text"] == [(4,), (0,)] and shapes["table"] == [(3,), (3,)]
    seconds = found.elements["sound"][0].seconds
    assert len(seconds) == len(found.values["sound"][0]) + 1
    assert seconds[-1] == pytest.approx(0.15, abs=0.01)
    assert found.values["image"][0].any() and not found.values["image"][1].any()
    words = found.elements["text"][0]
    assert words.names == ("a", "red", "red", "circle")
    assert [ROWS["text"][0][s:e] for s, e in words.offsets] == ["A", "red", "red", "Circle"]
    assert found.elements["table"][0].names == ("a", "b", "c")
    assert found.values["table"][0][1] == 0  # the cell that is missing
    # Scores are the logarithm of the odds of what was answered.
    predictions = mmzoo.predict(*everything, ROWS)
    best = predictions.max(axis=1)
    np.testing.assert_allclose(found.scores, np.log(best / (1 - best)), atol=1e-4)
    assert found.asked == [["x", "y", "z"][i] for i in predictions.argmax(axis=1)]
    json.dumps(found.to_dict())


def test_gates_that_are_closed_let_nothing_through():
    inputs = {name: INPUTS[name] for name in ("image", "text")}
    model, preprocessor = built(inputs, fusion="gated_cross_attention")
    rows = {name: ROWS[name][:1] for name in inputs}
    for method in METHODS:
        found = mmzoo.attributions(model, preprocessor, rows, method=method)
        assert not found.values["image"][0].any() and found.values["text"][0].any()


def test_half_precision(dtype="mixed_float16"):
    inputs = {name: INPUTS[name] for name in ("image", "text")}
    model, preprocessor = built(inputs, dtype=dtype, fusion="concat")
    rows = {name: ROWS[name] for name in inputs}
    before = mmzoo.predict(model, preprocessor, rows)
    found = mmzoo.attributions(model, preprocessor, rows)
    assert (np.abs(found.gaps) < 0.1).all() and found.values["text"][0].any()
    np.testing.assert_array_equal(mmzoo.predict(model, preprocessor, rows), before)


def test_what_is_explained_can_be_chosen(everything):
    found = mmzoo.attributions(*everything, ROWS, method="gradients", of=["z", 0])
    assert found.asked == ["z", "x"]
    for of, what in (("cat", "x, y, z"), (3, "0 to 2"), (["x"], "1 entries for 2 rows")):
        with pytest.raises(ValueError, match=what):
            mmzoo.attributions(*everything, ROWS, method="gradients", of=of)
    with pytest.raises(ValueError, match="integrated_gradients, gradients, occlusion"):
        mmzoo.attributions(*everything, ROWS, method="lime")
    with pytest.raises(ValueError, match="one of: head"):
        mmzoo.attributions(*everything, ROWS, answer="kind")


def test_answers_without_one_number_say_what_else_there_is():
    heads = {
        "numbers": mmzoo.heads.Regression(units=2, scale=None),
        "yes": mmzoo.heads.Sigmoid(class_names=["no", "yes"]),
        "written": mmzoo.heads.Words(vocabulary=["a", "b"], length=2),
    }
    inputs = {"text": INPUTS["text"]}
    model, preprocessor = built(inputs, head=heads)
    rows = {"text": ROWS["text"][:1]}

    def explain(**options):
        return mmzoo.attributions(model, preprocessor, rows, method="gradients", **options)

    with pytest.raises(ValueError, match="several answers"):
        explain()
    with pytest.raises(ValueError, match=r"of=` one of 0 to 1"):
        explain(answer="numbers")
    with pytest.raises(ValueError, match=r"mmzoo\.attention"):
        explain(answer="written")
    yes, no = (explain(answer="yes", of=of) for of in ("yes", "no"))
    assert yes.scores[0] == pytest.approx(-no.scores[0]) and yes.scores[0] != 0
    assert explain(answer="numbers", of=1).asked == ["1"]


def test_the_answer_of_a_threshold_is_what_is_explained():
    head = mmzoo.heads.Sigmoid(thresholds=[0.7])
    prediction = np.array([[0.6], [0.8]], "float32")
    assert asked_scores(head, prediction, None, slice(0, 2)).tolist() == [0, 1]


@pytest.mark.parametrize("head", [mmzoo.heads.Softmax, mmzoo.heads.Sigmoid])
def test_probabilities_by_isotonic_regression_are_explained(head):
    line = [[0.0, 1.0], [0.1, 0.9]]
    units = 3 if head is mmzoo.heads.Softmax else 1
    inputs = {"a": mmzoo.Features(2), "b": mmzoo.Features(3)}
    model, preprocessor = built(inputs, fusion="sum", head=head(units=units))
    model.get_layer("head").calibration = {"isotonic": [line] * units}
    rows = {"a": [[1.0, -2.0]], "b": [[0.5, 0.0, 3.0]]}
    answered = mmzoo.predict(model, preprocessor, rows)[0].max()
    answered = answered if units > 1 else max(answered, 1 - answered)
    for method in METHODS:
        found = mmzoo.attributions(model, preprocessor, rows, method=method)
        assert found.scores[0] == pytest.approx(np.log(answered / (1 - answered)), rel=1e-4)
        assert np.abs(found.values["a"][0]).max() > 1e-4
        if method == "integrated_gradients":
            assert abs(found.gaps[0]) < 1e-3


def test_pictures(everything, tmp_path):
    pytest.importorskip("matplotlib")
    found = mmzoo.attributions(*everything, ROWS, method="gradients")
    found.plot(1, tmp_path / "why" / "1.svg")
    assert "absent" in (tmp_path / "why" / "1.svg").read_text()
    assert found.png(0).startswith(b"\x89PNG")
    assert found.data_uri(0).startswith("data:image/png;base64,iVBOR")
    with pytest.raises(IndexError, match="no row 2"):
        found.plot(2)


def test_maps_lie_where_the_picture_does():
    modality = dataclasses.replace(INPUTS["image"], resize="fit", size=(8, 8))
    pixels, matrix = as_sent(modality.preprocessing("image"), ROWS["image"][0], None)
    assert pixels.shape == (10, 20, 3)
    corners = matrix @ np.array([[0.0, 20.0], [0.0, 10.0], [1.0, 1.0]])
    np.testing.assert_allclose(corners, [[0, 8], [2, 6]], atol=1e-6)

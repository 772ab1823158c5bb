"""What each modality does for a figure and for a prediction."""

import itertools
import json

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.contributions import shapley

pytest.importorskip("sklearn")
ENCODER = {"class_name": "mlp", "config": {"hidden_units": [16]}}


def worth_of(players, function):
    """Dict from every set of players to what a function says of it."""
    return {
        frozenset(subset): function({*subset})
        for size in range(players + 1)
        for subset in itertools.combinations(range(players), size)
    }


@pytest.mark.parametrize(
    ("players", "function", "shares"),
    [
        (2, lambda there: 1.0 if there == {0, 1} else 0.5, [0.25, 0.25]),  # exclusive or
        (2, lambda there: 1.0 if there else 0.5, [0.25, 0.25]),  # one says what the other says
        (3, lambda there: sum((0.1, 0.2, 0.4)[player] for player in there), [0.1, 0.2, 0.4]),
        (3, lambda there: float({0, 2} <= there), [0.5, 0.0, 0.5]),
    ],
)
def test_shares_of_known_games(players, function, shares):
    orders = [*itertools.permutations(range(players))]
    assert shapley(worth_of(players, function), orders) == pytest.approx(shares)


@pytest.fixture(scope="module")
def additive():
    """A model of `y = a + 2 b` that has learned it by either, both and none, and its rows."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    a, b, idle = generator.normal(size=(3, 512, 1)).astype("float32")
    inputs = {
        name: mmzoo.Features(1, encoder=ENCODER, optional=True) for name in ("a", "b", "idle")
    }
    columns = {"a": [*a], "b": [*b], "idle": [*idle]}
    rows = mmzoo.data.from_arrays(columns, labels=(a + 2 * b)[:, 0].tolist())
    preprocessor = mmzoo.Preprocessor(inputs, head="regression")
    preprocessor.adapt(rows)
    model = mmzoo.build_model(
        inputs=inputs, fusion="concat", head=preprocessor.head, dim=16, modality_dropout=0.4,
        optimizer=keras.optimizers.Adam(1e-2),
    )  # fmt: skip
    model.fit(rows.to_dataset(preprocessor, 64, training=True, cache=True), epochs=25, verbose=0)
    return model, preprocessor, rows, columns


def test_an_additive_rule_is_shared_out_as_it_is(additive, tmp_path):
    model, preprocessor, rows, columns = additive
    found = mmzoo.contributions(model, preprocessor, rows, resamples=20, verbose=False)
    assert found.figure == "r2" and found.absence == dict.fromkeys(columns, "absent")
    assert found.shares == pytest.approx({"a": 0.2, "b": 0.8, "idle": 0.0}, abs=0.1)
    assert sum(found.shares.values()) == pytest.approx(found.everything - found.nothing, abs=1e-9)
    assert found.alone["b"] == pytest.approx(0.8, abs=0.1)
    assert found.without["b"] == pytest.approx(0.2, abs=0.1)
    assert abs(found.interactions["a", "b"]) < 0.1
    for name, (low, high) in found.intervals.items():
        assert low <= found.shares[name] <= high and high - low < 0.3
    everything = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
    assert found.everything == pytest.approx(everything.r2, abs=1e-6)

    # Each prediction is shared out, in the order of the rows.
    nothing = mmzoo.predict(model, preprocessor, {name: [None] for name in columns})
    assert found.predictions.shape == (512, 3, 1)
    np.testing.assert_allclose(
        found.predictions.sum(axis=1) + nothing, mmzoo.predict(model, preprocessor, columns),
        atol=1e-4,
    )  # fmt: skip
    of_b = np.corrcoef(found.predictions[:, 1, 0], np.ravel(columns["b"]))[0, 1]
    assert of_b > 0.98

    found.save(tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["shares"] == found.shares
    found.plot(tmp_path / "found.png")
    assert (tmp_path / "found.png").stat().st_size > 5000
    assert "everything" in str(found)


def test_rows_without_labels_share_out_predictions_alone(additive):
    model, preprocessor, rows, columns = additive
    some = {name: values[:65] for name, values in columns.items()}  # one more than a batch
    found = mmzoo.contributions(model, preprocessor, some, verbose=False)
    labelled = mmzoo.contributions(
        model, preprocessor, rows.take(range(65)), resamples=0, verbose=False
    )
    assert found.figure is None and not found.shares and not labelled.intervals
    np.testing.assert_allclose(found.predictions, labelled.predictions, atol=1e-5)
    assert "mean |share|" in str(found)
    with pytest.raises(ValueError, match="no figure"):
        found.plot()


@pytest.mark.end_to_end
def test_a_modality_that_is_always_there_gets_values_of_other_rows():
    """Two inputs that only together tell the class, one of them not optional."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    a, b = generator.choice([-1.0, 1.0], size=(2, 400, 1)).astype("float32")
    inputs = {
        "a": mmzoo.Features(1, encoder=ENCODER, optional=True),
        "b": mmzoo.Features(1, encoder=ENCODER),
    }
    labels = {
        "same": ["yes" if same else "no" for same in (a == b)[:, 0]],
        "size": b[:, 0].tolist(),
    }
    rows = mmzoo.data.from_arrays({"a": [*a], "b": [*b]}, labels=labels)
    head = {
        "same": mmzoo.heads.Softmax(class_names=["no", "yes"]),
        "size": mmzoo.heads.Regression(),
    }
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(rows)
    model = mmzoo.build_model(
        inputs=inputs, fusion="concat", head=head, dim=32, modality_dropout=0.2,
        optimizer=keras.optimizers.Adam(1e-2),
    )  # fmt: skip
    model.fit(rows.to_dataset(preprocessor, 40, training=True, cache=True), epochs=25, verbose=0)
    found = mmzoo.contributions(model, preprocessor, rows, resamples=0, verbose=False, draws=2)
    same, size = found["same"], found["size"]
    assert same.absence == {"a": "absent", "b": "other rows"}
    assert same.everything > 0.95 and same.nothing == pytest.approx(0.5, abs=0.1)
    assert same.shares == pytest.approx({"a": 0.25, "b": 0.25}, abs=0.1)
    assert same.interactions["a", "b"] == pytest.approx(0.5, abs=0.2)
    assert same.predictions.shape == (400, 2, 2)
    assert size.shares["b"] > 1.5 > 0.3 > abs(size.shares["a"])  # R2 of others' values is -1
    again = mmzoo.contributions(model, preprocessor, rows, resamples=0, verbose=False, draws=2)
    assert again["same"].shares == same.shares


def test_what_can_not_be_shared_out(additive):
    model, preprocessor, rows, columns = additive
    with pytest.raises(ValueError, match=r"no figure 'accuracy'; there are: .*r2"):
        mmzoo.contributions(model, preprocessor, rows, "accuracy", verbose=False)
    with pytest.raises(ValueError, match="At least two rows"):
        mmzoo.contributions(model, preprocessor, rows.take([0]))
    with pytest.raises(ValueError, match="draws"):
        mmzoo.contributions(model, preprocessor, rows, draws=0)
    alone = {"a": mmzoo.Features(1)}
    with pytest.raises(ValueError, match="reads 'a' alone"):
        mmzoo.contributions(
            mmzoo.build_model(inputs=alone, head="regression"),
            mmzoo.Preprocessor(alone, head="regression"),
            {"a": columns["a"]},
        )
    tagged = {
        "text": mmzoo.Text(length=4, vocabulary_size=9, words="spaces"),
        "a": mmzoo.Features(1),
    }
    head = mmzoo.heads.Tags(["x", "y"], text="text")
    with pytest.raises(ValueError, match="'head' is about a part of 'text'"):
        mmzoo.contributions(
            mmzoo.build_model(inputs=tagged, head=head, dim=8),
            mmzoo.Preprocessor(tagged, head=head),
            {"text": ["a", "b"], "a": [[1.0], [2.0]]},
        )


@pytest.mark.end_to_end
def test_texts_have_a_figure_and_no_outputs():
    inputs = {
        "text": mmzoo.Text(length=2, vocabulary_size=4, optional=True),
        "a": mmzoo.Features(1, optional=True),
    }
    head = mmzoo.heads.Words(["rouge", "bleu"], length=2)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    columns = {"text": ["red", "blue", "red"], "a": [[1.0], [2.0], [3.0]]}
    rows = mmzoo.data.from_arrays(columns, labels=["rouge", "bleu", "rouge"])
    preprocessor.adapt(rows)
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    found = mmzoo.contributions(model, preprocessor, rows, "perplexity", resamples=0, verbose=False)
    assert found.predictions is None and np.isfinite([*found.shares.values()]).all()
    with pytest.raises(ValueError, match="give labelled records"):
        mmzoo.contributions(model, preprocessor, columns, verbose=False)

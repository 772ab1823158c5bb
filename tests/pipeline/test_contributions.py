"""What each modality does for a figure and for a prediction."""

import itertools
import json

import keras
import numpy as np
import pandas
import pytest

import mmzoo
from mmzoo.commands import main as command_line
from mmzoo.evaluation.contributions import MOST_EXACT, shapley
from mmzoo.preprocessing import Preprocessing

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


def game_of_cells(columns=("a", "b", "idle")):
    """A model of known weights with two answers, its preprocessor, 40 rows, and what cells say.

    `total` is `a + 2 b + 0 idle + ... + 3 brand + 10 vector`, `product` is `a b`; a missing cell is
    0 in both.
    """
    ops = keras.ops
    table = mmzoo.Tabular(
        numeric=dict.fromkeys(columns, (0.0, 1.0)), categorical={"brand": ["x", "y"]},
    )  # fmt: skip
    inputs = {"table": table, "vector": mmzoo.Features(1)}
    head = {name: mmzoo.heads.Regression(scale=None) for name in ("total", "product")}
    entries = {
        "table": keras.Input((len(columns),), name="table"),
        "table_categories": keras.Input((1,), dtype="int32", name="table_categories"),
        "vector": keras.Input((1,), name="vector"),
    }
    numbers, ids = entries["table"], entries["table_categories"]
    numbers = ops.where(ops.isnan(numbers), 0.0, numbers)
    brand = ops.cast(ops.equal(ids, 2), "float32") - ops.cast(ops.equal(ids, 3), "float32")
    product = numbers[:, :1] * numbers[:, 1:2]
    facts = ops.concatenate([numbers, brand, entries["vector"], product], axis=-1)
    weights = np.arange(1.0, 1 + len(columns))
    weights[2:3] = 0
    layers = {name: mmzoo.heads.Regression(scale=None, name=f"{name}_head") for name in head}
    model = keras.Model(entries, {name: layer(facts) for name, layer in layers.items()})
    kernels = {"total": [*weights, 3, 10, 0], "product": [*0 * weights, 0, 0, 1]}
    for name, layer in layers.items():
        layer.set_weights([np.reshape(kernels[name], (-1, 1)), np.zeros(1)])

    generator = np.random.default_rng(0)
    cells = generator.normal(size=(40, len(columns))).astype("float32")
    cells[::7, 1] = np.nan
    brands = generator.choice(["x", "y", ""], size=40).tolist()
    vectors = generator.normal(size=(40, 1)).astype("float32")
    filled = np.nan_to_num(cells).astype("float64")
    said = 3.0 * np.array([{"x": 1, "y": -1, "": 0}[brand] for brand in brands])
    shares = {
        "total": np.column_stack([filled * weights, said]),
        "product": np.column_stack([filled[:, :2].prod(axis=1, keepdims=True) / 2] * 2),
    }
    values = {
        "table": [
            {**dict(zip(columns, of_row.tolist(), strict=True)), "brand": brand}
            for of_row, brand in zip(cells, brands, strict=True)
        ],
        "vector": [*vectors],
    }
    labels = {
        "total": (shares["total"].sum(axis=1) + 10 * vectors[:, 0]).tolist(),
        "product": shares["product"].sum(axis=1).tolist(),
    }
    rows = mmzoo.data.from_arrays(values, labels=labels)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(rows)
    return model, preprocessor, rows, values, shares


def test_columns_are_shared_out_by_what_they_say():
    model, preprocessor, rows, values, shares = game_of_cells()
    found = mmzoo.contributions(
        model, preprocessor, rows, within="table", resamples=5, verbose=False
    )
    total, product = found["total"], found["product"]
    assert total.within == "table" and total.modalities == ["a", "b", "idle", "brand"]
    assert total.absence == dict.fromkeys(total.modalities, "missing")
    # Every prediction, in the order of the rows: additive, and a product of which each has half.
    np.testing.assert_allclose(total.predictions[:, :, 0], shares["total"], atol=1e-4)
    np.testing.assert_allclose(product.predictions[:, :2, 0], shares["product"], atol=1e-5)
    assert np.abs(shares["product"]).max() > 0.5
    for of_answer, unseen in ((total, ["idle"]), (product, ["idle", "brand"])):
        assert all(of_answer.shares[name] == 0 for name in unseen)
        places = [of_answer.modalities.index(name) for name in unseen]
        assert (of_answer.predictions[:, places] == 0).all()
        assert sum(of_answer.shares.values()) == pytest.approx(
            of_answer.everything - of_answer.nothing, abs=1e-9
        )
        assert of_answer.figure == "r2" and of_answer.everything == pytest.approx(1, abs=1e-5)
        assert {*of_answer.intervals} == {*of_answer.modalities}
    assert product.shares["a"] == pytest.approx(product.shares["b"])
    # Without a single cell the vector alone answers.
    vector = 10 * np.ravel(values["vector"])
    labels = shares["total"].sum(axis=1) + vector
    expected = 1 - np.square(labels - vector).sum() / np.square(labels - labels.mean()).sum()
    assert total.nothing == pytest.approx(expected, abs=1e-5)
    assert "within table" in str(total) and total.to_dict()["within"] == "table"


def test_columns_of_a_single_row_without_labels():
    model, preprocessor, _, values, shares = game_of_cells()
    row = {name: column[:1] for name, column in values.items()}
    found = mmzoo.contributions(model, preprocessor, row, within="table", verbose=False)
    assert found["total"].figure is None
    np.testing.assert_allclose(found["total"].predictions[0, :, 0], shares["total"][0], atol=1e-5)


def test_many_columns_are_sampled():
    columns = ("a", "b", "idle", "c", "d", "e", "f")
    assert len(columns) > MOST_EXACT
    model, preprocessor, _, values, shares = game_of_cells(columns)
    some = {name: column[:9] for name, column in values.items()}
    found = mmzoo.contributions(model, preprocessor, some, within="table", verbose=False)
    total, product = (found[name].predictions[:, :, 0] for name in ("total", "product"))
    # Where it is additive, every order says the same; elsewhere the sum is right in each of them.
    np.testing.assert_allclose(total, shares["total"][:9], atol=1e-4)
    np.testing.assert_allclose(product.sum(axis=1), 2 * shares["product"][:9, 0], atol=1e-5)
    assert (product[:, 2:] == 0).all() and np.abs(product[:, :2]).max() > 0.1


def test_an_optional_table_without_a_cell_is_absent():
    inputs = {
        "table": mmzoo.Tabular(numeric=["a"], categorical=["brand"], optional=True),
        "vector": mmzoo.Features(1),
    }
    values = {
        "table": [{"a": 1.0, "brand": "x"}, {"a": 3.0, "brand": None}, None],
        "vector": [[1.0], [2.0], [3.0]],
    }
    rows = mmzoo.data.from_arrays(values, labels=[1.0, 2.0, 4.0])
    preprocessor = mmzoo.Preprocessor(inputs, head="regression")
    preprocessor.adapt(rows)
    model = mmzoo.build_model(inputs=inputs, head=preprocessor.head, dim=8)
    found = mmzoo.contributions(
        model, preprocessor, rows, within="table", resamples=0, verbose=False
    )
    given = mmzoo.predict(model, preprocessor, values)
    absent = mmzoo.predict(model, preprocessor, {**values, "table": [None] * 3})
    np.testing.assert_allclose(found.predictions.sum(axis=1), given - absent, atol=1e-5)
    assert found.predictions[1, 0, 0] != 0 and found.predictions[1, 1, 0] == 0
    assert (found.predictions[2] == 0).all()


@pytest.mark.parametrize("optional", [True, False])
def test_segments_are_shared_out(optional):
    text = mmzoo.Text(length=8, vocabulary_size=9, encoder="bag", segments=2, optional=optional)
    inputs = {"text": text, "vector": mmzoo.Features(1)}
    texts = [["red", "blue sky"], "blue[SEP]red[SEP]sky", "sky", ["", "red"]]
    values = {"text": texts, "vector": [[1.0], [2.0], [3.0], [4.0]]}
    rows = mmzoo.data.from_arrays(values, labels=[1.0, 2.0, 3.0, 5.0])
    preprocessor = mmzoo.Preprocessor(inputs, head="regression")
    preprocessor.adapt(rows)
    model = mmzoo.build_model(inputs=inputs, head=preprocessor.head, dim=8)
    found = mmzoo.contributions(
        model, preprocessor, rows, within="text", resamples=0, verbose=False
    )
    assert found.absence == {"segment 0": "empty", "segment 1": "empty"}

    def answers(texts):
        return mmzoo.predict(model, preprocessor, {**values, "text": texts})

    both, none = answers(texts), answers([None if optional else "[SEP]"] * 4)
    first = answers(["red[SEP]", "blue[SEP]", "sky", None if optional else "[SEP]"])
    second = answers(["[SEP]blue sky", "[SEP]red[SEP]sky", None if optional else "[SEP]", texts[3]])
    shares = np.stack([first - none + both - second, second - none + both - first], axis=1) / 2
    np.testing.assert_allclose(found.predictions, shares, atol=1e-5)
    assert (found.predictions[2, 1] == 0).all() and (found.predictions[3, 0] == 0).all()
    assert (np.abs(found.predictions[:2]) > 1e-6).all()
    assert sum(found.shares.values()) == pytest.approx(found.everything - found.nothing, abs=1e-9)


def test_within_what_has_no_components():
    model, preprocessor, rows, _, _ = game_of_cells()
    have = r"a table with several columns.*: 'table' \(a, b, idle, brand\)"
    with pytest.raises(ValueError, match=f"'vector' has no columns or segments.*{have}"):
        mmzoo.contributions(model, preprocessor, rows, within="vector")
    with pytest.raises(ValueError, match=f"The model reads no 'title'.*{have}"):
        mmzoo.contributions(model, preprocessor, rows, within="title")
    alone = {"table": mmzoo.Tabular(numeric={"a": (0, 1), "b": (0, 1)})}
    with pytest.raises(ValueError, match=r"reads 'table' alone.*within='table'"):
        mmzoo.contributions(
            mmzoo.build_model(inputs=alone, head="regression", dim=4),
            mmzoo.Preprocessor(alone, head="regression"),
            {"table": [{"a": 1.0, "b": 2.0}] * 2},
        )


@pytest.mark.end_to_end
def test_columns_on_the_command_line(tmp_path, monkeypatch):
    model, preprocessor, _, values, shares = game_of_cells()
    run, folder = tmp_path / "run", tmp_path / "why"
    mmzoo.save(model, preprocessor, run / "model")
    columns = {"table": ["a", "b", "idle", "brand"], "vector": "vector"}
    metadata = {"columns": columns, "label": ["total", "product"], "root": None}
    (run / "metadata.json").write_text(json.dumps(metadata))
    table = pandas.DataFrame(values["table"])
    table["vector"] = [str(vector.tolist()) for vector in values["vector"]]
    table["total"] = shares["total"].sum(axis=1) + 10 * np.ravel(values["vector"])
    table["product"] = shares["product"].sum(axis=1)
    table.to_csv(tmp_path / "rows.csv", index=False)
    options = ["run", "--csv", "rows.csv", "--within", "table", "--output", "why"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["mmzoo", "contributions", *options])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    assert stop.value.code == 0
    found = json.loads((folder / "contributions.json").read_text())["total"]
    assert found["within"] == "table" and found["shares"]["idle"] == 0
    assert sum(found["shares"].values()) == pytest.approx(found["everything"] - found["nothing"])
    assert (folder / "total_contributions.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.end_to_end
def test_columns_beside_a_text_that_is_tagged():
    inputs = {
        "text": mmzoo.Text(length=4, vocabulary_size=9, words="spaces"),
        "table": mmzoo.Tabular(numeric=["a", "b"]),
    }
    head = mmzoo.heads.Tags(["x", "y"], text="text")
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    values = {"text": ["p q", "q"], "table": [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": None}]}
    rows = mmzoo.data.from_arrays(values, labels=[["x", "y"], ["x"]])
    preprocessor.adapt(rows)
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    found = mmzoo.contributions(
        model, preprocessor, rows, "token_accuracy", within="table", resamples=0, verbose=False
    )
    evaluated = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
    assert found.everything == pytest.approx(evaluated.token_accuracy)
    assert sum(found.shares.values()) == pytest.approx(found.everything - found.nothing, abs=1e-9)
    with pytest.raises(ValueError, match=r"about a part of 'text', no outputs.*labelled records"):
        mmzoo.contributions(model, preprocessor, values, within="table")


def test_an_optional_value_of_any_kind_without_a_component_is_absent():
    class Halves(Preprocessing):
        works_on_elements = True

        def keep_components(self, values, kept):
            return values * kept

    part = Halves(mmzoo.Features(2, optional=True), "pair")
    decoded = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([True, False])
    for kept, values, present in (
        ([True, False], [[1.0, 0.0], [3.0, 0.0]], [True, False]),
        ([False, False], [[0.0, 0.0], [0.0, 0.0]], [False, False]),
    ):
        found = part.keep_components_of_batch(decoded, np.array(kept))
        assert found[0].tolist() == values and found[1].tolist() == present
    with pytest.raises(NotImplementedError, match="must implement `keep_components`"):
        Preprocessing(mmzoo.Features(2), "pair").keep_components(decoded[0], [True, True])

"""How good a model is on slices of its rows."""

import json

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.slices import slices_of

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def colours():
    """A model that can't tell `blue` of one country, and its rows."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    texts = generator.choice(["red", "blue", "yellow"], 240).tolist()
    texts[:24] = [None] * 24
    countries = generator.choice(["fr", "de", "it"], 240, p=[0.5, 0.45, 0.05]).tolist()
    labels = [
        "warm" if text in ("red", "yellow") or (text == "blue" and country == "fr") else "cold"
        for text, country in zip(texts, countries, strict=True)
    ]
    inputs = {
        "text": mmzoo.Text(length=2, vocabulary_size=9, encoder="bag", optional=True),
        "place": mmzoo.Features(1),
    }
    columns = {
        "text": texts,
        "place": [*np.ones((240, 1))],
        "country": countries,
        "price": generator.uniform(0, 100, 240).tolist(),
    }
    rows = mmzoo.data.from_arrays(columns, labels)
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(rows)
    head = mmzoo.heads.Softmax(class_names=rows.class_names)
    model = mmzoo.build_model(
        inputs=inputs, fusion="concat", head=head, dim=8, optimizer=keras.optimizers.Adam(3e-2)
    )
    plain = rows.take([row for row, country in enumerate(countries) if country != "fr"])
    (batch,) = plain.to_dataset(preprocessor, 240)
    model.fit(*batch, batch_size=24, epochs=15, verbose=0)
    return model, preprocessor, rows


@pytest.fixture(scope="module")
def report(colours):
    return mmzoo.slices(*colours, by=["country", "price"], verbose=False)


def test_slices_are_evaluated_as_rows_of_their_own(colours, report):
    model, preprocessor, rows = colours
    by = {(each["by"], each["slice"]): each for each in report.slices}
    assert (
        report.value == mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False).accuracy
    )
    for column, value in (("country", "fr"), ("country", "de")):
        taken = rows.take(np.flatnonzero(np.array(rows.column(column)) == value))
        expected = mmzoo.evaluate(model, taken.to_dataset(preprocessor), verbose=False)
        found = by[column, value]
        assert (found["rows"], found["value"]) == (len(taken), pytest.approx(expected.accuracy))
        assert found["low"] <= found["value"] <= found["high"]
    assert by["text", "absent"]["rows"] == 24 and by["text", "present"]["rows"] == 216
    assert by["country", "fr"]["value"] < by["country", "de"]["value"] == 1.0
    assert by["country", "de"]["low"] < 1.0  # all right, but not for sure
    assert {name for name, _ in by} == {"class", "country", "price", "text", "text characters"}
    prices = [each["rows"] for (name, _), each in by.items() if name == "price"]
    assert len(prices) == 4 and sum(prices) == 240 and min(prices) >= 58
    lengths = {name for column, name in by if column == "text characters"}
    assert lengths == {"3", "4", "6"}


def test_the_worst_come_first_and_small_ones_are_counted(report, tmp_path):
    values = [each["value"] for each in report.slices]
    assert values == sorted(values)
    assert report.slices[0] == next(each for each in report.slices if each["slice"] == "4")
    assert report.is_worse(report.slices[0]) and not report.is_worse(report.slices[-1])
    (left_out,) = report.left_out
    assert (left_out["by"], left_out["slice"]) == ("country", "it") and left_out["rows"] < 20
    printed = str(report)
    assert "1 slices with fewer than 20 rows are left out: country: it." in printed
    assert "* worse than all rows" in printed
    report.save(tmp_path / "slices.json")
    assert json.loads((tmp_path / "slices.json").read_text()) == report.to_dict()
    assert len(report.to_dataframe()) == len(report.slices)


def test_what_can_not_be_asked(colours):
    model, preprocessor, rows = colours
    with pytest.raises(ValueError, match="no column 'brand'; they have: text"):
        mmzoo.slices(model, preprocessor, rows, by="brand")
    with pytest.raises(ValueError, match="have no labels"):
        mmzoo.slices(model, preprocessor, rows.unlabelled())


def test_cells_that_can_not_be_read_are_named():
    inputs = {"table": mmzoo.Tabular(numeric=["size"], encoder="mlp")}
    labels, cells = ["warm", "cold"] * 10, [{"size": float(size)} for size in range(20)]
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(mmzoo.data.from_arrays({"table": cells}, labels))
    head = mmzoo.heads.Softmax(class_names=["cold", "warm"])
    model = mmzoo.build_model(inputs=inputs, head=head, dim=4)
    faulty = {"'large' is no": {"size": "large"}, "no column 'size'": {"width": 1.0}}
    for message, cell in faulty.items():
        rows = mmzoo.data.from_arrays({"table": [*cells[:19], cell]}, labels)
        with pytest.raises(ValueError, match=f"row 19: .*{message}"):
            mmzoo.slices(model, preprocessor, rows, verbose=False)


def test_numbers_are_cut_at_quantiles_and_categories_kept():
    assert {k: v.tolist() for k, v in slices_of(["2", "1", "", None, "2"], 4).items()} == {
        "1": [1], "2": [0, 4]
    }  # fmt: skip
    found = slices_of([0.0] * 50 + [*range(1, 51)], 4)  # half of them are one number
    assert sum(map(len, found.values())) == 100 and "0 to 0" in found
    assert [*slices_of(["10", "x"], 2)] == ["10", "x"]
    assert slices_of([None, ""], 2) == {}
    dates = range(20240101, 20240113)  # alike in their first 6 digits
    for values in (dates, [*dates[:3], *dates[:3]]):
        found = slices_of(values, 4)
        assert sorted(np.concatenate([*found.values()])) == [*range(len(values))]

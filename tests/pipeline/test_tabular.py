"""Tables: statistics, vocabularies, missing cells, and bad input."""

import datetime
import decimal
import json

import numpy as np
import pandas
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.tabular import canonical
from mmzoo.raw.cells import category
from mmzoo.raw.column_statistics import mean_and_deviation
from tests.parts import tabular

COLUMNS = {"numeric": ["price"], "categorical": ["brand"]}
ROWS = {"price": [1.0, 3.0, None, 8.0], "brand": ["b", "a", "a", None]}


def adapted(rows=ROWS, **options):
    made = mmzoo.Preprocessor({"item": mmzoo.Tabular(**{**COLUMNS, **options})})
    made.adapt(mmzoo.data.from_arrays({"item": rows}))
    return made


def tensors(made, price, brand):
    batch = {"price": tf.constant(price), "brand": tf.constant(brand)}
    return made.checked_call({"item": batch})


def test_numbers_have_mean_0_and_variance_1():
    made = adapted()
    assert made.preprocessings["item"].statistics == {"price": [4.0, np.std([1.0, 3.0, 8.0])]}
    x, ok = tensors(made, [4.0, np.nan], ["a", "a"])
    assert x["item"].dtype == "float32" and ok["item"].numpy().all()
    np.testing.assert_array_equal(x["item"], [[0.0], [np.nan]])


def test_numbers_far_from_zero_keep_their_differences():
    seconds = 1.7e9 + np.arange(100.0)
    records = mmzoo.data.from_arrays({"item": {"time": seconds, "weight": seconds - 1.7e9}})
    made = mmzoo.Preprocessor({"item": mmzoo.Tabular(numeric=["time", "weight"])})
    made.adapt(records)
    x = next(iter(records.to_dataset(made, 100)))["item"].numpy()
    np.testing.assert_allclose(x[:, 0], x[:, 1], atol=1e-6)
    np.testing.assert_allclose([x.mean(), x.std()], [0, 1], atol=1e-6)
    # What is served says which column needs float64.
    dtypes = {column: spec.dtype for column, spec in made.raw_specs()["item"].items()}
    assert dtypes == {"time": tf.float64, "weight": tf.float32}
    row = {"time": 1.7e9 + 99, "weight": 99}
    assert made.element({"item": row})["item"]["numbers"].numpy().tolist() == [1.7e9 + 99, 99]


def test_a_constant_column_is_zero():
    made = adapted({"price": [5, 5], "brand": ["a", "b"]})
    assert tensors(made, [5.0], ["a"])[0]["item"].numpy() == 0


def test_most_frequent_categories_first_ties_in_alphabetical_order():
    made = adapted({"price": [1] * 7, "brand": list("bacabcd")}, vocabulary_size=5)
    assert made.preprocessings["item"].vocabularies == {"brand": ["a", "b", "c"]}
    x, _ = tensors(made, [0.0] * 4, ["a", "c", "d", ""])
    assert x["item_categories"].numpy().tolist() == [[2], [4], [1], [0]]


def test_what_is_given_is_not_learned_again():
    made = adapted(
        numeric={"price": np.array([0, 2], "float32")}, categorical={"brand": ["x", "a"]}
    )
    x, _ = tensors(made, [4.0], ["a"])
    assert x["item"].numpy() == 2 and x["item_categories"].numpy() == 3
    again = mmzoo.Preprocessor.from_config(json.loads(json.dumps(made.get_config())))
    assert again.inputs == made.inputs


@pytest.mark.parametrize("columns", [{"numeric": ["price"]}, {"categorical": ["brand"]}])
def test_columns_of_one_kind_are_one_tensor(columns):
    made = mmzoo.Preprocessor({"item": mmzoo.Tabular(**columns)})
    records = mmzoo.data.from_arrays({"item": {"price": [1, 2], "brand": ["a", "b"]}})
    made.adapt(records)
    assert set(next(iter(records.to_dataset(made)))) == {"item"}
    model = mmzoo.build_model(inputs=made.inputs, head="sigmoid", dim=8)
    assert mmzoo.predict(model, made, records).shape == (2, 1)


@pytest.mark.parametrize("optional", [False, True])
def test_a_row_without_a_readable_cell(optional):
    made = adapted(optional=optional)
    x, ok = tensors(made, [1.0, np.inf, np.nan, np.nan], ["a", "a", "", "a"])
    assert ok["item"].numpy().tolist() == [True, False, optional, True]
    # An infinite number takes its whole row with it, as a broken picture does.
    assert np.isnan(x["item"].numpy()[:, 0]).tolist() == [False, True, True, True]
    assert (x["item_categories"].numpy()[:, 0] > 0).tolist() == [True, False, False, True]
    if optional:
        assert x["item_present"].numpy().tolist() == [True, False, False, True]
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="no readable item in rows"):
            made({"item": {"price": tf.constant([np.inf]), "brand": tf.constant(["a"])}})


def test_empty_rows_need_optional():
    records = mmzoo.data.from_arrays({"item": {"price": [1, None], "brand": ["a", ""]}})
    with pytest.raises(ValueError, match=r"'item' is not optional.*row 1.*Tabular\(\.\.\., opt"):
        records.check({"item": mmzoo.Tabular(**COLUMNS)})
    records.check({"item": mmzoo.Tabular(**COLUMNS, optional=True)})
    records = mmzoo.data.from_arrays({"item": {"price": [1, "NA"], "brand": ["a", None]}})
    with pytest.raises(ValueError, match="row 1: 'item' is not optional, but none of its columns"):
        records.check({"item": mmzoo.Tabular(**COLUMNS)})


def test_unknown_categories_are_said():
    made = adapted()
    records = mmzoo.data.from_arrays({"item": {"price": [1, 2, 3], "brand": ["x", "a", "y"]}})
    with pytest.warns(UserWarning, match="'brand' of 'item' has unknown.*2 of 3 rows: 'x', 'y'"):
        x = next(iter(records.to_dataset(made)))
    assert x["item_categories"].numpy().tolist() == [[1], [2], [1]]


def test_csv_names_column_and_row(tmp_path):
    path = tmp_path / "rows.csv"

    def read(*prices):
        rows = "".join(f"{price},a,{i % 2}\n" for i, price in enumerate(prices))
        path.write_text("Preis (€),brand,y\n" + rows)
        columns = {"item": {"price": "Preis (€)", "brand": "brand"}}
        return mmzoo.data.from_csv(path, columns, label="y")

    inputs = {"item": mmzoo.Tabular(**COLUMNS)}
    for use in (mmzoo.data.Records.check, lambda records, x: mmzoo.Preprocessor(x).adapt(records)):
        with pytest.raises(ValueError, match=r"rows\.csv, row 3: column 'price'.*'cheap' is not"):
            use(read("1.5", "cheap"), inputs)
        with pytest.raises(ValueError, match=r"rows\.csv, row 2: column 'price'.*infinite"):
            use(read("-inf", "2"), inputs)
    records = read(" 1.5", "", "NA", "3")
    made = mmzoo.Preprocessor(inputs)
    made.adapt(records)
    assert made.preprocessings["item"].statistics == {"price": [2.25, 0.75]}
    assert records.validate(inputs).ok


def test_csv_columns_under_their_own_names(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("price,brand\n1,007\n,\n")
    records = mmzoo.data.from_csv(path, {"item": ["price", "brand"]})
    assert records.column("item") == [{"price": "1", "brand": "007"}, None]
    with pytest.raises(ValueError, match="no column 'weight'; it has: price, brand"):
        mmzoo.data.from_csv(path, {"item": ["price", "weight"]})


def test_the_same_table_in_every_form():
    table = pandas.DataFrame(ROWS)
    expected = [dict(zip(ROWS, cells, strict=True)) for cells in zip(*ROWS.values(), strict=True)]
    for rows in (ROWS, table, expected, {column: np.array(x) for column, x in ROWS.items()}):
        assert mmzoo.data.from_arrays({"item": rows}).column("item") == expected
    frame = mmzoo.data.from_dataframe(table, {"item": list(ROWS)})
    assert frame.column("item") == expected


def test_whole_numbers_are_categories_whatever_their_type():
    cells = [3, 3.0, np.int64(3), "3", True, None]
    made = adapted({"price": [1] * 6, "brand": cells})
    assert made.preprocessings["item"].vocabularies == {"brand": ["3", "True"]}


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([3, 4], TypeError, "row 0: a value of 'item' must be a dict"),
        ({"price": [1]}, ValueError, "row 0: 'item' has no column 'brand'; it has: 'price'"),
        ([{"price": "1,5", "brand": 3}], ValueError, "row 0: column 'price'.*'1,5' is not a num"),
        ({"price": [1, 2], "brand": ["a"]}, ValueError, "must have one length"),
        ({"price": [None, None], "brand": ["a", "b"]}, ValueError, "No numbers.*'price'"),
        ({"price": [1, 2], "brand": ["", None]}, ValueError, "No categories.*'brand'"),
    ],
)
def test_bad_tables(rows, error, message):
    with pytest.raises(error, match=message):
        adapted(rows)


def test_never_learned():
    made = mmzoo.Preprocessor({"item": mmzoo.Tabular(**COLUMNS)})
    with pytest.raises(ValueError, match=r"columns \['price', 'brand'\] of 'item' was never"):
        tensors(made, [1.0], ["a"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mmzoo.Tabular(), "needs columns"),
        (lambda: mmzoo.Tabular("price"), "one name"),
        (lambda: mmzoo.Tabular([3]), "names of columns"),
        (lambda: mmzoo.Tabular(["a", "a"]), "twice"),
        (lambda: mmzoo.Tabular(["a"], ["a"]), "both numeric and categorical"),
        (lambda: mmzoo.Tabular({"a": (0, 0)}), "positive deviation"),
        (lambda: mmzoo.Tabular(["a"], vocabulary_size=2), "at least 3"),
        (lambda: mmzoo.Tabular([], {"a": ["x", "x"]}), "unique"),
        (lambda: mmzoo.Tabular([], {"a": ["x", "y"]}, vocabulary_size=3), "room for 1"),
    ],
)
def test_impossible_configurations(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_names_in_the_signature():
    columns = ["Preis (€)", "price", "Price", "価格"]
    made = mmzoo.Tabular(numeric=dict.fromkeys(columns, (0, 1)))
    names = ["item_Preis____", "item_price", "item_column_3", "item_column_4"]
    assert made.raw_names("item") == names
    specs = mmzoo.Preprocessor({"item": made}).raw_specs()["item"]
    assert [spec.name for spec in specs.values()] == names
    with pytest.raises(ValueError, match="both have an input called 'item_price'"):
        mmzoo.Preprocessor({"item": made, "item_price": mmzoo.Features(3)})


def test_served_rows(tmp_path):
    inputs = {"item": tabular(optional=True)}
    made = mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    folder = mmzoo.export_savedmodel(model, made, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = served(
        item_price=tf.constant([20.0, np.inf, np.nan, np.nan]),
        item_weight=tf.constant([np.nan, 0.5, np.nan, np.nan]),
        item_color=tf.constant(["red", "red", "", "pink"]),
        item_shape=tf.constant(["", "circle", "", ""]),
    )
    assert outputs["item_ok"].numpy().tolist() == [True, False, True, True]
    rows = [
        {"price": 20, "weight": None, "color": "red", "shape": ""},
        None,
        None,
        {"price": None, "weight": None, "color": "pink", "shape": None},
    ]
    with pytest.warns(UserWarning, match="'pink'"):
        expected = mmzoo.predict(model, made, {"item": rows})
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    assert outputs["item_unknown"].numpy().tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("rows", [2, 60, 100_000])
@pytest.mark.parametrize("value", [0.1, 1e300, -3e-300, 7.0, 0.1 + 0.2])
def test_constant_up_to_rounding(value, rows):
    """The deviation of 0.1 in every row is 4e-17, by which 0.1000001 would be far out."""
    mean, deviation, is_constant = mean_and_deviation(np.full(rows, value))
    assert is_constant and mean == value and deviation >= 1
    noisy = np.full(rows, value)
    noisy[::2] = np.nextafter(value, 1)
    mean, deviation, is_constant = mean_and_deviation(noisy)
    assert is_constant and deviation >= 1


@pytest.mark.parametrize("scale", [1e300, 1e150, 1.0, 1e-150, 1e-280])
def test_numbers_of_any_size_are_normalised(scale):
    generator = np.random.default_rng(0)
    plain = generator.normal(3, 2, 100)
    made = adapted({"price": plain * scale, "brand": ["a", "b"] * 50})
    mean, deviation = made.preprocessings["item"].statistics["price"]
    np.testing.assert_allclose([mean / scale, deviation / scale], [plain.mean(), plain.std()])
    spec = made.raw_specs()["item"]["price"]
    x, ok = tensors(made, (plain * scale).astype(spec.dtype.as_numpy_dtype), ["a"] * 100)
    np.testing.assert_allclose(
        x["item"].numpy()[:, 0], (plain - plain.mean()) / plain.std(), atol=1e-4
    )
    assert ok["item"].numpy().all()


def test_small_differences_are_no_rounding():
    seconds = 1.7e9 + np.arange(100_000) / 1e3
    assert mean_and_deviation(seconds)[2] is False


def test_columns_that_say_nothing_are_named():
    rows = {"price": [0.1] * 60, "brand": ["a"] * 60, "size": ["XL", "xl", "XL "] * 20}
    inputs = {"item": mmzoo.Tabular(numeric=["price"], categorical=["brand", "size"])}
    records = mmzoo.data.from_arrays({"item": rows})
    notes = [
        "Column 'price' of 'item' is constant: 0.1 in all 60 rows that have a value. A model "
        "learns nothing from it.",
        "Column 'brand' of 'item' is constant: 'a' in all 60 rows that have a value. A model "
        "learns nothing from it.",
        "The categories in column 'size' of 'item', 'XL' (20 rows), 'XL ' (20 rows) and 'xl' (20 "
        "rows) differ only in case or in spaces at their ends.",
    ]
    report = records.validate(inputs)
    assert report.notes == notes and report.to_dict()["notes"] == notes
    assert all(note in str(report) for note in notes)
    made = mmzoo.Preprocessor(inputs)
    with pytest.warns(UserWarning) as warned:
        made.adapt(records)
    assert [str(warning.message) for warning in warned] == notes
    batch = {"price": [0.1000001], "brand": tf.constant(["a"]), "size": tf.constant(["XL"])}
    x, _ = made.checked_call({"item": batch})
    np.testing.assert_allclose(x["item"].numpy(), 1e-7, rtol=1e-5)


#: The same values, as sources write them.
SPELLED = {
    "3": (3, 3.0, "3", "3.0", "3.00", b"3", np.float32(3), np.int8(3), decimal.Decimal("3.0")),
    "-3": (-3, "-3.0"),
    "0": (0, 0.0, -0.0, "0.0", "-0.0"),
    "0.1": (0.1, "0.1", np.float32(0.1), np.float64(0.1)),
    "True": (True, "True", "true", "TRUE", np.True_, b"true"),
    "False": (False, "False", "false", "FALSE", np.False_),
    "2026-01-31": (
        datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31), pandas.Timestamp("2026-01-31"),
        np.datetime64("2026-01-31"), np.datetime64("2026-01-31", "ns"), "2026-01-31",
        "2026-01-31 00:00:00", "2026-01-31T00:00", "2026-01-31T00:00:00.000",
    ),
    "2026-01-31 08:30:00": (
        datetime.datetime(2026, 1, 31, 8, 30), np.datetime64("2026-01-31T08:30"),
        "2026-01-31 08:30", "2026-01-31T08:30:00.000000000",
    ),
    "2026-01-31 08:30:00+00:00": (
        pandas.Timestamp("2026-01-31 08:30", tz="UTC"), "2026-01-31T08:30:00Z",
        "2026-01-31T08:30:00.000Z", "2026-01-31 08:30:00+00:00",
    ),
    "": (None, float("nan"), np.float32("nan"), pandas.NaT, pandas.NA, np.datetime64("NaT"), b"",
        decimal.Decimal("NaN")),
    **{text: (text, text.encode()) for text in (
        "007", "3.10", "1.50", "1e5", "-", "yes", "tRuE", " 3.0", "3.0 kg", "größe", "2026-01-31x",
        "12:30", "3.0\n",
    )},
}  # fmt: skip


def test_one_text_for_a_category():
    """Whatever source a value came from, and in the served graph."""
    for text, cells in SPELLED.items():
        assert {category(cell) for cell in cells} == {text}, text
        strings = [cell for cell in cells if isinstance(cell, (str, bytes))]
        assert {x.decode() for x in canonical(tf.constant(strings)).numpy()} <= {text}, text


@pytest.mark.parametrize("cell", [["a"], {"a": 1}, np.array(["a"])])
def test_a_list_is_no_category(cell):
    with pytest.raises(ValueError, match=r"row 1: column 'brand' of 'item': .* is not one value"):
        adapted([{"price": 1, "brand": "a"}, {"price": 1, "brand": cell}])


def test_categories_are_the_same_from_every_source(tmp_path):
    """Training on one format and predicting on another has to give the same ids."""
    table = pandas.DataFrame(
        {
            "size": [1.0, None, 3.0, 12.0],  # integers, where pandas had to make floats of them
            "flag": [True, False, True, True],
            "day": pandas.to_datetime(["2026-01-31", "2026-02-01", "2026-01-31", "2026-02-02"]),
            "half": np.array([0.1, 0.2, 0.1, 0.5], "float32"),
        }
    )
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_parquet(tmp_path / "rows.parquet")
    plain = table.astype({"half": "float64"}).assign(
        half=[0.1, 0.2, 0.1, 0.5]
    )  # pandas writes ten digits
    plain.to_json(tmp_path / "rows.jsonl", orient="records", lines=True, date_format="iso")
    columns = {"item": list(table)}
    sources = [
        mmzoo.data.from_dataframe(table, columns),
        mmzoo.data.from_arrays({"item": table}),
        mmzoo.data.from_generator(plain.to_dict("records"), columns),
        *(mmzoo.data.from_file(tmp_path / f"rows.{end}", columns)
          for end in ("csv", "parquet", "jsonl")),
    ]  # fmt: skip
    sources[0].write_tfrecords(tmp_path / "shards")
    sources.append(mmzoo.data.from_tfrecords(tmp_path / "shards"))
    made = mmzoo.Preprocessor({"item": mmzoo.Tabular(categorical=list(table))})
    made.adapt(sources[0])
    assert made.preprocessings["item"].vocabularies["size"] == ["1", "12", "3"]
    ids = [next(iter(source.to_dataset(made)))["item"].numpy().tolist() for source in sources]
    assert ids[0][0] == [2, 2, 2, 2] and ids[0][1][0] == 0
    for other in ids[1:]:
        assert other == ids[0]
    served = {"size": ["1.0", "", "3", "12.00"], "flag": ["true", "False", "TRUE", "True"]}
    served["day"] = ["2026-01-31T00:00:00", "2026-02-01 00:00:00", "2026-01-31", "2026-02-02"]
    served["half"] = ["0.1", "0.2", "0.1", "0.5"]
    x, _ = made.checked_call({"item": {name: tf.constant(x) for name, x in served.items()}})
    assert x["item"].numpy().tolist() == ids[0]
    assert made.preprocessings["item"].served_counts(x)["unknown"].numpy().tolist() == [0, 0, 0, 0]


def test_vocabularies_of_old_files_keep_their_ids():
    made = adapted()
    made.preprocessings["item"].set_state(
        {"statistics": {"price": [0, 1]}, "vocabularies": {"brand": ["true", "3.0", "3", "x"]}}
    )
    x, _ = tensors(made, [0.0] * 4, ["True", "3", "3.0", "x"])
    assert x["item_categories"].numpy().tolist() == [[2], [3], [3], [5]]

"""Tables: statistics, vocabularies, missing cells, and bad input."""

import json

import numpy as np
import pandas
import pytest
import tensorflow as tf

import mmzoo
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
    assert made.parts["item"].statistics == {"price": [4.0, np.std([1.0, 3.0, 8.0])]}
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
    assert made.parts["item"].vocabularies == {"brand": ["a", "b", "c"]}
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
    assert made.parts["item"].statistics == {"price": [2.25, 0.75]}
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
    assert made.parts["item"].vocabularies == {"brand": ["3", "True"]}


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

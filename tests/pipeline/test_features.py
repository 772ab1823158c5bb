"""Vectors computed elsewhere: shapes, padding, and bad input."""

import warnings

import numpy as np
import pandas
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.commands import column_options
from mmzoo.data import from_arrays


def tensors(dim, values, **options):
    inputs = {"vectors": mmzoo.Features(dim, **options)}
    records = from_arrays({"vectors": values})
    batch = next(iter(records.to_dataset(mmzoo.Preprocessor(inputs))))
    return {name: x.numpy().tolist() for name, x in batch.items()}


def test_one_vector_a_row():
    array = np.array([[1, 2], [3, 4]])
    for values in (array, array.tolist(), list(array), ["[1, 2]", "[3, 4.0]"]):
        assert tensors(2, values) == {"vectors": [[1, 2], [3, 4]]}


def test_sequences_are_padded_cut_and_masked():
    values = [[[1, 2]], [[3, 4], [5, 6], [7, 8]], "[[9, 9], [9, 9]]"]
    x = tensors((2, 2), values)
    assert x["vectors"] == [[[1, 2], [0, 0]], [[3, 4], [5, 6]], [[9, 9], [9, 9]]]
    assert x["vectors_mask"] == [[True, False], [True, True], [True, True]]
    assert tensors((None, 2), values)["vectors_mask"] == [
        [True, False, False], [True, True, True], [True, True, False]
    ]  # fmt: skip


@pytest.mark.parametrize("dim", [3, (2, 3)])
def test_constant_dimensions_are_named(dim):
    rows = [[0.1, row, 7] for row in range(20)]
    rows = rows if dim == 3 else [[row, row[::-1] if row[1] else [np.nan] * 3] for row in rows]
    inputs = {"vectors": mmzoo.Features(dim, optional=True)}
    records = from_arrays({"vectors": [*rows, None]})
    if dim == 3:
        said = r"2 of the 3 dimensions of 'vectors' are constant.* all 20 vectors: 0, 2 \(counted"
        with pytest.warns(UserWarning, match=said):
            mmzoo.Preprocessor(inputs).adapt(records)
        (note,) = records.validate(inputs).notes
        assert "0, 2 (counted from 0)" in note
    else:  # the other vectors of each sequence have other values there
        assert not records.validate(inputs).notes


def test_a_single_vector_is_not_called_constant():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mmzoo.Preprocessor({"vectors": mmzoo.Features(2)}).adapt(from_arrays({"vectors": [[1, 2]]}))


def test_vectors_of_nan_are_padding():
    x = tensors((3, 1), [[[1], [np.nan], [3]]])
    assert x == {"vectors": [[[1], [0], [3]]], "vectors_mask": [[True, False, True]]}


@pytest.mark.parametrize("dim", [2, (3, 2)])
def test_absent_vectors(dim):
    value = np.ones(dim)
    values = [value, None, [], np.full(dim, np.nan), np.full(dim, np.nan).tolist()]
    x = tensors(dim, values, optional=True)
    assert x["vectors_present"] == [True, False, False, False, False]
    assert not np.any(x["vectors"][1:])
    with pytest.raises(ValueError, match=r"'vectors' is not optional.*row 1.*Features\("):
        tensors(dim, values)


@pytest.mark.parametrize(
    ("dim", "value", "message"),
    [
        (3, [1, 2], r"row 1: 'vectors': the shape is \(2,\); expected: \(3,\)"),
        (3, [[1, 2, 3]], r"the shape is \(1, 3\); expected: \(3,\)"),
        ((4, 3), [[1, 2]], r"the shape is \(1, 2\); expected: \(any length, 3\)"),
        ((4, 3), [1, 2, 3], r"the shape is \(3,\)"),
        ((4, 3), [[1, 2, 3], [1]], "not an array of numbers, each row as wide"),
        (3, "a cat", "'a cat' is not a list of numbers"),
        (3, ["a", "b", "c"], "not an array of numbers"),
        (3, [1, np.inf, 2], r"inf at \[1\] is not a finite number"),
        ((4, 3), [[1, 2, 3], [1, np.nan, 3]], r"nan at \[1, 1\] is not a finite number"),
    ],
)
def test_bad_vectors(dim, value, message):
    with pytest.raises(ValueError, match=message):
        tensors(dim, [np.ones(dim), value])


def test_dataframe_and_csv(tmp_path):
    table = pandas.DataFrame({"embedding": [[0.5, 1.5], [2.0, 3.0], None], "kind": ["a", "b", "a"]})
    table.to_csv(tmp_path / "rows.csv", index=False)
    inputs = {"vectors": mmzoo.Features(2, optional=True)}
    for records in (
        mmzoo.data.from_dataframe(table, {"vectors": "embedding"}),
        mmzoo.data.from_csv(tmp_path / "rows.csv", {"vectors": "embedding"}),
    ):
        assert records.validate(inputs).ok
        x = next(iter(records.to_dataset(mmzoo.Preprocessor(inputs))))
        assert x["vectors"].numpy().tolist() == [[0.5, 1.5], [2, 3], [0, 0]]
    with pytest.raises(ValueError, match=r"rows\.csv, row 2: 'vectors': the shape is \(2,\)"):
        records.check({"vectors": mmzoo.Features(3, optional=True)})


@pytest.mark.parametrize("dim", [0, (2, 0), (0, 2), (1, 2, 3), 2.5, None, (2, None)])
def test_impossible_sizes(dim):
    with pytest.raises(ValueError, match="dim"):
        mmzoo.Features(dim)


@pytest.mark.parametrize("dim", [3, (4, 3), (None, 3)])
def test_served_rows(dim, tmp_path):
    inputs = {"vectors": mmzoo.Features(dim, encoder="mlp", optional=True)}
    made = mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    folder = mmzoo.export_savedmodel(model, made, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    shape = (3,) if dim == 3 else (2, 3)
    values = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    values[1], values[2].flat[0], values[3].flat[0] = np.nan, np.nan, np.inf
    outputs = served(vectors=tf.constant(values))
    assert outputs["vectors_ok"].numpy().tolist() == [True, True, False, False]
    expected = mmzoo.predict(model, made, {"vectors": [values[0], None, None, None]})
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize(
    "cell",
    [
        "[0.1 0.2 0.3]",
        "[0.1  0.2\n 0.3]",
        " [0.1, 0.2, 0.3] ",
        "array([0.1, 0.2, 0.3])",
        "array([0.1, 0.2, 0.3], dtype=float32)",
        "[np.float32(0.1), np.float64(0.2), np.float32(0.3)]",
        str(np.array([0.1, 0.2, 0.3])),
        repr(np.array([0.1, 0.2, 0.3], "float32")),
        str([np.float32(0.1), np.float32(0.2), np.float32(0.3)]),
    ],
)
def test_vectors_as_programs_print_them(cell, tmp_path):
    """A data frame with arrays in its cells, written to a CSV file, holds what NumPy prints."""
    pandas.DataFrame({"v": [cell, cell]}).to_csv(tmp_path / "rows.csv", index=False)
    records = mmzoo.data.from_csv(tmp_path / "rows.csv", {"vector": "v"})
    preprocessor = mmzoo.Preprocessor({"vector": mmzoo.Features(3)})
    x = next(iter(records.to_dataset(preprocessor)))["vector"].numpy()
    np.testing.assert_allclose(x, [[0.1, 0.2, 0.3]] * 2, rtol=1e-6)
    assert column_options._width(records.column("vector")) == 3


@pytest.mark.parametrize(
    ("dim", "cell", "expected"),
    [
        (3, "[1. nan 3.]", "nan at .1. is not a finite number"),
        (3, "[0.1 0.2 ... 0.3]", "has lost numbers: NumPy prints `...` in their place"),
        (3, "tensor([0.1000, 0.2000, 0.3000])", "how PyTorch prints a tensor"),
        (3, "[0.1 0.2", "is not a list of numbers"),
        (3, "[0.1 0.2] [0.3]", "is not a list of numbers"),
        (3, "[a b c]", "is not a list of numbers"),
        (3, "0.1 0.2 0.3", "is not a list of numbers"),
        (3, "[0.1 0.2]", r"the shape is \(2,\); expected: \(3,\)"),
        ((None, 2), "[[1. 2.]\n [3. 4.]]", [[1, 2], [3, 4]]),
        ((None, 2), "[[1. 2.]\n [nan nan]]", [[1, 2], [np.nan, np.nan]]),
    ],
)
def test_what_is_printed_otherwise(dim, cell, expected):
    if isinstance(expected, list):
        np.testing.assert_array_equal(mmzoo.Features(dim).array(cell), expected)
    else:
        with pytest.raises(ValueError, match=expected):
            mmzoo.Features(dim).array(cell)

"""Rows with values that can't be read: named, left out or taken as absent, and counted."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from tests.parts import slow_among
from tests.pipeline.raw import raw_columns

BAD = (1, 4, 5, 11)
TEXT = mmzoo.Text(length=6, vocabulary_size=20)


def inputs(optional):
    return {"image": mmzoo.Image(size=(8, 8), optional=optional), "text": TEXT}


@pytest.fixture(scope="module")
def records():
    columns, labels = raw_columns(12)
    for row in BAD:
        columns["image"][row] = columns["image"][row][: 20 + row]
    # The label is the row, so that a batch says which rows it has.
    return mmzoo.data.from_arrays(columns, [float(row) for row in range(len(labels))])


def dataset(records, optional=True, **options):
    preprocessor = mmzoo.Preprocessor(inputs(optional))
    preprocessor.adapt(records)
    return records.to_dataset(preprocessor, batch_size=4, **options)


def batches(dataset):
    return [tf.nest.map_structure(lambda x: x.numpy(), batch) for batch in dataset]


def logged(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "mmzoo"]


@pytest.mark.parametrize("cache", slow_among([False, True], slow=[False]))
@pytest.mark.end_to_end
def test_skip_leaves_rows_out_and_says_so_every_pass(records, caplog, cache):
    clean = batches(dataset(records.take([row for row in range(12) if row not in BAD])))
    skipping = dataset(records, optional=False, on_error="skip", cache=cache)
    for number in (1, 2):
        kept = batches(skipping)
        assert [y.tolist() for _, y in kept] == [[0, 2, 3, 6], [7, 8, 9, 10]]
        for (x, _), (expected, _) in zip(kept, clean, strict=True):
            np.testing.assert_array_equal(x["image"], expected["image"])
        messages = logged(caplog)
        assert len(messages) == number
        assert "No readable image in 4 of 12 rows: row 1; row 4; row 5; row 11" in messages[-1]
        assert messages[-1].endswith(": left out.")


@pytest.mark.end_to_end
def test_skip_keeps_static_batches_in_training(records):
    training = dataset(records.take(range(11)), on_error="skip", training=True)
    assert training.element_spec[1].shape == (4,)
    first, second = batches(training), batches(training)
    for epoch in (first, second):
        rows = [int(y) for _, batch in epoch for y in batch]
        assert len(rows) == 8 and set(rows) <= set(range(11)) - set(BAD)
    assert not np.array_equal(first[0][1], second[0][1])


@pytest.mark.end_to_end
def test_missing_makes_the_value_absent(records, caplog):
    absent = dataset(records, on_error="missing")
    assert absent.cardinality() == 3
    present = np.concatenate([x["image_present"] for x, _ in batches(absent)])
    assert np.flatnonzero(~present).tolist() == list(BAD)
    assert "in 4 of 12 rows" in logged(caplog)[0] and logged(caplog)[0].endswith("as absent.")


@pytest.mark.end_to_end
def test_missing_is_for_optional_modalities(records):
    with pytest.raises(ValueError, match="only where a modality is optional"):
        dataset(records, optional=False, on_error="missing")
    pair = mmzoo.data.from_arrays({name: records.column("image") for name in ("image", "other")})
    both = {"image": mmzoo.Image(size=8, optional=True), "other": mmzoo.Image(size=8)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="no readable other in row 1"):
        batches(pair.to_dataset(mmzoo.Preprocessor(both), on_error="missing"))


@pytest.mark.end_to_end
def test_raise_names_the_row(records):
    with pytest.raises(tf.errors.InvalidArgumentError, match="no readable image in row 1"):
        batches(dataset(records))
    with pytest.raises(ValueError, match=r"raise, skip, missing.*'ignore'"):
        dataset(records, on_error="ignore")


@pytest.mark.end_to_end
def test_fit_skips_rows_as_if_they_were_not_there(records, caplog):
    """The same steps, batches and weights, to the bit."""
    good = records.take([row for row in range(12) if row not in BAD])
    preprocessor = mmzoo.Preprocessor(inputs(optional=False))
    preprocessor.adapt(good)
    found = []
    for train, on_error in ((records, "skip"), (good, "raise")):
        keras.utils.set_random_seed(0)
        model = mmzoo.build_model(inputs=preprocessor.inputs, head="regression", dim=4)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Your input ran out of data")
            history = mmzoo.training.fit(
                model, train, preprocessor, train, epochs=2, batch_size=3, verbose=0,
                on_error=on_error,
            )  # fmt: skip
        found.append((history.history, int(model.optimizer.iterations), model.get_weights()))
    (history, steps, weights), (expected, expected_steps, expected_weights) = found
    assert history == expected and steps == expected_steps == 2 * (8 // 3)
    for one, other in zip(weights, expected_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(logged(caplog)) == 2  # of the training rows, and of those to validate by
    assert "No readable image in 4 of 12 rows: row 1; row 4" in logged(caplog)[0]


@pytest.mark.slow
def test_fit_goes_on(records, caplog):
    model = mmzoo.build_model(inputs=inputs(True), fusion="concat", head="regression", dim=4)
    model.fit(dataset(records, on_error="skip", training=True), epochs=2, verbose=0)
    assert len(logged(caplog)) == 2

"""predict(): raw rows in, predictions out."""

import keras
import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.heads import answering_model, targets_of
from mmzoo.prediction.answers import answer_columns, by_answer
from mmzoo.saving import check_pair
from mmzoo.utils.readable_errors import readable_errors


def predict(model, preprocessor, rows, batch_size=64, verbose=0, as_table=False):
    """Predicts from raw rows.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: `mmzoo.data.Records`, a dict from modality name to a sequence of raw values (as for
            `mmzoo.data.from_arrays`), or a sequence of such dicts with one value each.
        batch_size: rows a batch.
        verbose: as in `keras.Model.predict`.
        as_table: whether to return the columns of a table.

    Returns:
        `(rows, units)` float32 NumPy array: probabilities, or values; for other heads what their
        targets answer, such as a list of strings. With several answers a dict by the name of the
        answer. With `as_table` a dict from name to column, as `mmzoo predict` writes them:
        `predicted` and `score`, or `value`; and of a head that `mmzoo.calibrate` was told to
        `label_set`, `abstain`, or `lower` and `upper`. With several answers each is called
        `<answer>_<column>`.

    Raises:
        ValueError: when a value is missing or can't be read; names the row and the file.
        FileNotFoundError: for a path that does not exist.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> rows = {"text": ["a red one", "a blue one", "a green one"]}
    >>> predict(model, mmzoo.Preprocessor(inputs), rows).shape
    (3, 1)
    >>> list(predict(model, mmzoo.Preprocessor(inputs), rows, as_table=True))
    ['score']
    """
    check_pair(model, preprocessor)
    targets = targets_of(model, preprocessor)
    parts = [(target.picture, target.text_name) for target in targets.values()]
    if any(part != (None, None) for part in parts):
        answers = _answers_beside_inputs(model, preprocessor, rows, batch_size)
    else:
        network = answering_model(model)
        predictions = outputs_of_rows(network, preprocessor, rows, batch_size, verbose)
        answers = {
            name: targets[name].answers(prediction)
            for name, prediction in by_answer(targets, predictions).items()
        }
    if as_table:
        return answer_columns(targets, answers)
    return answers if isinstance(model.output, dict) else answers["head"]


def _answers_beside_inputs(model, preprocessor, rows, batch_size):
    """Answers about parts of an input: each batch's are made beside its inputs."""
    from mmzoo.prediction.good_rows import predict_good_rows

    records = as_records(rows, preprocessor.inputs)
    records.check(preprocessor.inputs)
    answers, errors = predict_good_rows(model, preprocessor, records, batch_size)
    for error in errors:
        if error is not None:
            raise ValueError(f"{error}.")
    return answers


def outputs_of_rows(network, preprocessor, rows, batch_size=64, verbose=0, besides=None):
    """What a network gives for raw rows.

    Args:
        network: a `keras.Model` that takes what the preprocessor makes.
        preprocessor: an adapted `mmzoo.Preprocessor`.
        rows: as for `predict`.
        batch_size: rows a batch.
        verbose: as in `keras.Model.predict`.
        besides: dict of further inputs of the network, arrays `(rows, ...)`.

    Returns:
        `(rows, ...)` NumPy array, or what structure of them the network has.

    Raises:
        ValueError: as `predict`.
        FileNotFoundError: as `predict`.
    """
    import tensorflow as tf

    from mmzoo.data.pipeline.pipeline import Pipeline

    records = as_records(rows, preprocessor.inputs).unlabelled()
    preprocessor.check_adapted()
    records.check(preprocessor.inputs)
    pipeline = Pipeline(records, preprocessor, batch_size)
    with readable_errors():
        dataset = pipeline.input_dataset()
        if besides:
            more = tf.data.Dataset.from_tensor_slices(besides).batch(batch_size)
            dataset = tf.data.Dataset.zip(dataset, more).map(lambda x, more: {**x, **more})
        return keras.tree.map_structure(np.asarray, network.predict(dataset, verbose=verbose))

"""predictions_table(): labelled rows beside what a model says of them."""

from mmzoo.heads import targets_of
from mmzoo.prediction.answers import answer_columns
from mmzoo.prediction.good_rows import predict_good_rows
from mmzoo.utils.optional_packages import require


def predictions_table(model, preprocessor, records, batch_size=64, delimiter="|", predicted=None):
    """A table of the labels of some rows, and of a model's predictions.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records`.
        batch_size: rows a batch.
        delimiter: what stands between the labels of a row, where there may be several.
        predicted: what `predict_good_rows` returned for them; `None`: they are predicted now.

    Returns:
        A `pandas.DataFrame` with the columns `row`, `label` (`<answer>_label` each with several
        answers), those of
        `mmzoo.prediction.answers.answer_columns`, and `error`, where one can't be read.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(class_names=["a", "b"]))
    >>> records = mmzoo.data.from_arrays({"text": ["a red one", "a blue one"]}, ["a", "b"])
    >>> table = predictions_table(model, mmzoo.Preprocessor(inputs), records)
    >>> list(table.columns), table["label"].tolist()
    (['row', 'label', 'predicted', 'score', 'error'], ['a', 'b'])
    """
    pandas = require("pandas", "report")
    answers, errors = predicted or predict_good_rows(model, preprocessor, records, batch_size)
    return pandas.DataFrame(
        {
            "row": [records.describe(row) for row in range(len(records))],
            **{
                name if answer == "head" else f"{answer}_{name}": values
                for answer, column in records.label_columns.items()
                for name, values in _label_columns(column, delimiter).items()
            },
            **answer_columns(targets_of(model, preprocessor), answers, delimiter),
            "error": errors,
        }
    )


def _label_columns(column, delimiter):
    """Dict from the name of a column of the table to the labels in it."""
    labels, names = column.labels, column.class_names
    if isinstance(labels, list) or labels.ndim == 1:
        return {"label": labels}
    if names is None:
        labels = labels.reshape(len(labels), -1)
        return {f"label_{unit}": labels[:, unit] for unit in range(labels.shape[1])}
    return {
        "label": [
            delimiter.join(name for name, is_so in zip(names, row, strict=True) if is_so == 1)
            for row in labels
        ]
    }

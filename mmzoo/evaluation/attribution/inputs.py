"""Raw rows as batches of what a model takes."""

import keras
import numpy as np

from mmzoo.heads import heads_of
from mmzoo.utils.readable_errors import readable_errors


def check_fits(model, preprocessor):
    """Raises a `ValueError` unless a preprocessor makes what a model takes.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: a `mmzoo.Preprocessor`.
    """
    besides = {
        f"{answer}_{part}"
        for answer, head in heads_of(model).items()
        for part in head.input_tensors()
    }
    made = {f"{name}_present" for name, each in preprocessor.inputs.items() if each.optional}
    for name, modality in preprocessor.inputs.items():
        made |= {*modality.input_names(name).values()}
    taken = {*model.input} - besides if isinstance(model.input, dict) else set()
    if taken != made:
        raise ValueError(
            f"Model and preprocessor do not fit: the model takes {sorted(taken)}, the preprocessor "
            f"makes {sorted(made)}."
        )


def input_batches(records, preprocessor, batch_size):
    """Batches of the model's inputs, in the order of the rows.

    Args:
        records: `mmzoo.data.Records` without labels.
        preprocessor: an adapted `mmzoo.Preprocessor`.
        batch_size: rows a batch.

    Yields:
        Dict from the name of an input to a NumPy array.

    Raises:
        ValueError: when there are no rows, or a value is missing or can't be read.
        FileNotFoundError: for a path that does not exist.
    """
    from mmzoo.data.pipeline.pipeline import Pipeline

    preprocessor.check_adapted()
    if not len(records):
        raise ValueError("There are no rows to explain.")
    records.check(preprocessor.inputs)
    pipeline = Pipeline(records, preprocessor, batch_size)
    with readable_errors():
        for x in pipeline.input_dataset():
            yield keras.tree.map_structure(_as_array, x)


def _as_array(tensor):
    array = np.asarray(tensor)
    return array.astype("float32") if array.dtype == np.uint8 else array

"""embed(): raw rows in, vectors out."""

import numpy as np

from mmzoo.multimodal_model import embedding_model
from mmzoo.prediction.predict import outputs_of_rows
from mmzoo.saving import check_pair


def embed(model, preprocessor, rows, batch_size=64, verbose=0):
    """The vectors of raw rows: what the fusion block makes of them and the head reads.

    Rows that the model takes for alike have vectors near each other, so they serve to search, to
    cluster, or to train something small on.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: as for `mmzoo.predict`.
        batch_size: rows a batch.
        verbose: as in `keras.Model.predict`.

    Returns:
        `(rows, D)` float32 NumPy array.

    Raises:
        ValueError: when a value is missing or can't be read; names the row and the file.
        FileNotFoundError: for a path that does not exist.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    >>> rows = {"text": ["a red one", "a blue one", "a green one"]}
    >>> embed(model, mmzoo.Preprocessor(inputs), rows).shape
    (3, 8)
    """
    check_pair(model, preprocessor)
    network = embedding_model(model)
    vectors = outputs_of_rows(network, preprocessor, rows, batch_size, verbose)
    return vectors.astype(np.float32)

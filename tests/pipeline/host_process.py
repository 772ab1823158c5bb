"""One host of a training on several, as a process of its own.

`python -m tests.pipeline.host_process HOSTS INDEX FOLDER [OPTIONS]`, the options a JSON dict: what
`main` takes, and arguments of `mmzoo.training.fit`.
"""

import json
import os
import sys
import time

import keras
import numpy as np

import mmzoo
from tests.pipeline.training_process import SMALL, prepared

BATCH_SIZE = 4
TRANSFORMER = {"class_name": "transformer", "config": {"depth": 2, "embedding_dim": 16}}
#: Attention, which is split over devices.
LARGE = {**SMALL, "text": mmzoo.Text(4, 50, encoder=TRANSFORMER)}


def main(
    hosts, index, folder, rows=46, lag=0.0, fault=None, large=False, model_parallel=1, **options
):
    """Trains, and writes weights and figures to `result-INDEX.npz`.

    Args:
        hosts: as in `mmzoo.training.scope`; empty: this one alone.
        index: its place among them.
        folder: where to write.
        rows: number of training rows.
        lag: seconds that every step takes longer.
        fault: on the last host, `"error"`: an exception in the third step, which sounds like one of
            gloo; `"rows"`: a row less; `"validation"`: a row less to measure;
            on all, `"rate"`: a learning rate with which the loss becomes infinite.
        large: whether to train transformers.
        model_parallel: as in `mmzoo.training.scope`.
        **options: of `mmzoo.training.fit`.
    """
    faulty = fault if index != "0" else None

    def on_train_batch_end(batch, logs):
        time.sleep(lag)
        if faulty == "error" and batch == 2:
            raise RuntimeError("something is wrong with igloo.jpg")

    hosts = {"hosts": hosts, "host_index": int(index)} if hosts else {}
    with mmzoo.training.scope(**hosts, model_parallel=model_parallel):
        model, records, validation, preprocessor = prepared(LARGE if large else SMALL)
        if fault == "rate":
            model.compile(keras.optimizers.SGD(1e30), model.get_layer("head").make_loss())
        stopping = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
        step = keras.callbacks.LambdaCallback(on_train_batch_end=on_train_batch_end)
        history = mmzoo.training.fit(
            model, records.take(range(rows - (faulty == "rows"))), preprocessor,
            validation.take(range(7 - (faulty == "validation"))), batch_size=BATCH_SIZE,
            callbacks=[stopping, step], verbose=0, **{"epochs": 3, **options},
        )  # fmt: skip
        model = mmzoo.training.local_copy(model)
    if mmzoo.training.is_first_host():
        mmzoo.save(model, preprocessor, os.path.join(folder, "model"))
    figures = {name: np.array(values) for name, values in history.history.items()}
    weights = {variable.path: np.asarray(variable) for variable in model.variables}
    np.savez(os.path.join(folder, f"result-{index}.npz"), **weights, **figures)


if __name__ == "__main__":
    main(*sys.argv[1:4], **json.loads(sys.argv[4] if len(sys.argv) > 4 else "{}"))

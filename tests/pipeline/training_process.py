"""A small training as a process of its own, for tests that kill it.

`python -m tests.pipeline.training_process CHECKPOINTS RESULT [SAVE_EVERY] [EPOCHS]`
"""

import sys

import keras
import numpy as np

import mmzoo
from tests.pipeline.raw import raw_columns

ROWS, BATCH_SIZE = 48, 4
TEXT = mmzoo.Text(4, 5000, encoder={"class_name": "bag", "config": {"embedding_dim": 64}})
CNN = {"class_name": "cnn", "config": {"filters": [4]}}
AUGMENTED = {"image": mmzoo.Image((8, 8), encoder=CNN, augmentation="flip"), "text": TEXT}
#: Where pictures do not matter, and the time to decode them does.
SMALL = {"image_features": mmzoo.Features(3), "text": TEXT}


def prepared(inputs=SMALL, dropout=0.3, **optimizer):
    """`(model, records, validation, preprocessor)`: a model with dropout and a schedule."""
    columns, labels = raw_columns(ROWS)
    # Words enough for an embedding that takes some time to write.
    columns["text"] = [f"{text} {row}" for row, text in enumerate(columns["text"])]
    records = mmzoo.data.from_arrays({name: columns[name] for name in inputs}, labels)
    keras.utils.set_random_seed(1)
    fusion = {"class_name": "concat", "config": {"hidden_units": [16], "dropout": dropout}}
    head = mmzoo.heads.Softmax(class_names=records.class_names)
    model = mmzoo.build_model(inputs=inputs, fusion=fusion, head=head, dim=8, compile=False)
    rate = keras.optimizers.schedules.CosineDecay(0.01, 40)
    optimizer = keras.optimizers.AdamW(rate, **{"use_ema": True, **optimizer})
    model.compile(optimizer, model.get_layer("head").make_loss(), metrics=["accuracy"])
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    return model, records, records.take(range(8)), preprocessor


def main(checkpoints, result, save_every=None, epochs=4):
    model, records, validation, preprocessor = prepared(AUGMENTED)
    stopping = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    history = mmzoo.training.fit(
        model, records, preprocessor, validation, epochs=int(epochs), batch_size=BATCH_SIZE,
        checkpoints=checkpoints, save_every=int(save_every) if save_every else None,
        callbacks=[stopping], verbose=0,
    )  # fmt: skip
    weights = {f"weight_{i}": np.asarray(v) for i, v in enumerate(model.variables)}
    figures = {name: np.array(values) for name, values in history.history.items()}
    np.savez(result, wait=stopping.wait, best=stopping.best, **weights, **figures)


if __name__ == "__main__":
    main(*sys.argv[1:])

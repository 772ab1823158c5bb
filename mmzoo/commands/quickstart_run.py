"""The main job: questions about pictures, from raw rows to a served model."""

import json
import os
import subprocess
import sys

import numpy as np

from mmzoo.commands.train_run import train_run
from mmzoo.data import easy_vqa
from mmzoo.export import export_savedmodel
from mmzoo.modalities import Image, Text
from mmzoo.prediction import predict
from mmzoo.utils.optional_packages import require

#: The model of the README; `benchmarks/easy_vqa.py` measures what it reaches.
INPUTS = {
    "image": Image(
        size=(64, 64),
        encoder={
            "class_name": "cnn",
            "config": {"filters": [16, 32, 64], "pool_size": [None, None, 2]},
        },
        augmentation="flip",
    ),
    "question": Text(
        length=12,
        vocabulary_size=64,
        encoder={"class_name": "bag", "config": {"embedding_dim": 64, "pooling": None}},
    ),
}
FUSION = {
    "class_name": "cross_attention",
    "config": {"depth": 1, "num_heads": 4, "hidden_dim": 128, "hidden_units": [128]},
}
DIM = 64
LEARNING_RATE = 1e-3

#: What a client does: TensorFlow alone, raw bytes and strings in, answers out.
CLIENT = """
import json, sys
import numpy as np
import tensorflow as tf

folder, rows, result = sys.argv[1:]
rows = json.load(open(rows))
answer = tf.saved_model.load(folder).signatures["serving_default"]
outputs = answer(
    image=tf.constant([open(path, "rb").read() for path in rows["image"]]),
    question=tf.constant(rows["question"]),
)
assert "mmzoo" not in sys.modules
outputs = {name: value.numpy() for name, value in outputs.items()}
outputs["labels"] = outputs["labels"].astype("S")
np.savez(result, **outputs)
"""


def quickstart_run(output="quickstart", epochs=10, rows=None, seed=0, verbose="auto"):
    """Trains on easy-VQA, evaluates, exports, and asks the exported model in a new process.

    Args:
        output: folder to make, see `train_run`; with `serving/` and `answers.png` besides.
        epochs: passes over the training rows.
        rows: use only so many training rows and as many test rows, for a quick look; `None`: all.
        seed: of everything random.
        verbose: as in `keras.Model.fit`.

    Returns:
        The `mmzoo.Report` on the test set.

    Raises:
        ImportError: when the extra `demo` is missing.
        FileExistsError: when `output` is not empty.
    """
    train, test = easy_vqa("train"), easy_vqa("test")
    if rows is not None:
        train = train.take(range(min(rows, len(train))))
        test = test.take(range(min(rows, len(test))))
    train, validation = train.split(0.95, 0.05, seed=seed)
    model, preprocessor, report = train_run(
        train, validation, test, output, inputs=INPUTS, fusion=FUSION, dim=DIM, epochs=epochs,
        learning_rate=LEARNING_RATE, seed=seed, cache=True, verbose=verbose,
    )  # fmt: skip
    serving = export_savedmodel(model, preprocessor, os.path.join(output, "serving"))

    shown = test.take(_one_question_a_picture(test, 12))
    answers = ask_in_new_process(serving, shown, output)
    expected = predict(model, preprocessor, shown)
    difference = float(np.abs(answers["probabilities"] - expected).max())
    print(f"\nServed by {serving} in a process without mmzoo, from PNG bytes and strings")
    print(f"(largest difference from model.predict: {difference:.1e}):\n")
    for row, question in enumerate(shown.columns["question"]):
        answer = answers["labels"][row, 0].decode()
        sure = 100 * answers["scores"][row, 0]
        mark = "" if answer == shown.labels[row] else f"   (truth: {shown.labels[row]})"
        print(f"  {question:45} {answer:10} {sure:5.1f} %{mark}")
    draw_answers(shown, answers, os.path.join(output, "answers.png"))
    print(f"\nEverything is in {output}/: {', '.join(sorted(os.listdir(output)))}")
    return report


def _one_question_a_picture(records, count):
    """Positions of one question each about `count` different pictures, different kinds first."""
    chosen, images, answers = [], set(), []
    for row, image in enumerate(records.columns["image"]):
        answer = records.labels[row]
        if image not in images and answers.count(answer) <= len(chosen) // 8:
            chosen.append(row)
            images.add(image)
            answers.append(answer)
        if len(chosen) == count:
            break
    return chosen


def ask_in_new_process(serving, records, folder):
    """Calls an exported model in a Python process that imports TensorFlow and nothing of ours.

    Args:
        serving: folder of the SavedModel.
        records: rows to ask about: paths of pictures, and questions.
        folder: folder for the files that go to and fro.

    Returns:
        Dict from output name to NumPy array.
    """
    questions, result = os.path.join(folder, "asked.json"), os.path.join(folder, "answered.npz")
    with open(questions, "w", encoding="utf-8") as file:
        json.dump({name: records.columns[name] for name in ("image", "question")}, file)
    # -I: neither the current folder nor the user's paths, so nothing can import mmzoo by accident.
    subprocess.run(
        [sys.executable, "-I", "-c", CLIENT, serving, questions, result],
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    with np.load(result) as outputs:
        answers = dict(outputs)
    os.remove(questions)
    os.remove(result)
    return answers


def draw_answers(records, answers, path):
    """A picture of pictures, questions and answers.

    Args:
        records: the rows that were asked about.
        answers: what `ask_in_new_process` returned.
        path: PNG file to write.
    """
    require("matplotlib", "report")
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    columns = 4
    lines = -(-len(records) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.3 * lines), layout="constrained")
    for row, axes in enumerate(figure.subplots(lines, columns, squeeze=False).flat):
        axes.set_axis_off()
        if row >= len(records):
            continue
        answer = answers["labels"][row, 0].decode()
        right = answer == records.labels[row]
        axes.imshow(imread(records.columns["image"][row]), interpolation="nearest")
        axes.set_title(
            f"{records.columns['question'][row]}\n{answer}"
            + ("" if right else f" (truth: {records.labels[row]})"),
            color="black" if right else "firebrick",
            fontsize=10,
        )
    figure.savefig(path, dpi=110)

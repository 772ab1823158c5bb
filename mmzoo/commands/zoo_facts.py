"""What is known of the recipes without building them."""

import json
import pathlib

PATH = pathlib.Path(__file__).parents[1] / "recipes" / "facts.json"


def facts():
    """Inputs, parts, size and measured results of every recipe of `list_models()`.

    Read from a file that `docs/generate.py` writes: building all models takes a while.

    Returns:
        Dict from recipe to a dict of `inputs` (name -> what it is), `fusion`, `head`, `parameters`
        and `measured`, a list of dicts of `benchmark`, `setting`, `figure`, `mean` and `runs`.

    Example:

    >>> facts()["cnn_lstm_concat"]["inputs"]
    {'image': '100x100, cnn', 'text': '100 tokens, lstm'}
    """
    return json.loads(PATH.read_text(encoding="utf-8"))


def shown(measured):
    """Measured results in a few words.

    Args:
        measured: the list of that name in `facts()`.

    Returns:
        A string, `"-"` where nothing was measured.

    Example:

    >>> shown([{"benchmark": "easy_vqa", "setting": "", "figure": "accuracy", "mean": 0.9992,
    ...         "runs": 3}])
    'accuracy 0.999 (easy_vqa, 3 runs)'
    """
    texts = []
    for result in measured:
        where = ", ".join(filter(None, [result["benchmark"], result["setting"]]))
        runs = "1 run" if result["runs"] == 1 else f"{result['runs']} runs"
        figure = result["figure"].replace("_", " ")
        texts.append(f"{figure} {result['mean']:.3f} ({where}, {runs})")
    return "; ".join(texts) or "-"

"""easy-VQA: questions about pictures of one shape."""

import importlib.metadata
import json
import pathlib

from mmzoo.data.sources.from_arrays import from_arrays
from mmzoo.utils.optional_packages import needs


def easy_vqa(split):
    """The easy-VQA dataset of the package `easy-vqa` (extra `demo`), with its official split.

    64x64 pictures of one coloured shape, questions about them, 13 answers.

    Args:
        split: `"train"` (38,575 questions, 4,000 pictures) or `"test"` (9,673 questions).

    Returns:
        `Records` with the columns `image` (paths) and `question`.

    Raises:
        ImportError: when `easy-vqa` is not installed.
        ValueError: for another split.

    Example:

    >>> easy_vqa("test").class_names[:3]
    ['black', 'blue', 'brown']

    Source: Victor Zhou, https://github.com/vzhou842/easy-VQA, MIT licence.
    """
    if split not in ("train", "test"):
        raise ValueError(f"`split` must be 'train' or 'test'; received: {split!r}.")
    # Located, not imported: a script called easy_vqa.py would be imported instead.
    try:
        package = importlib.metadata.distribution("easy-vqa")
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError(needs("easy-vqa", "demo", error)) from None
    folder = pathlib.Path(package.locate_file("easy_vqa")) / "data"
    questions = json.loads((folder / split / "questions.json").read_text())
    answers = sorted((folder / "answers.txt").read_text().split())
    return from_arrays(
        {
            "image": [str(folder / split / "images" / f"{image}.png") for _, _, image in questions],
            "question": [question for question, _, _ in questions],
        },
        labels=[answer for _, answer, _ in questions],
        class_names=answers,
    )

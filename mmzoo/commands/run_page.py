"""The HTML report of a training."""

import os
import warnings

import numpy as np

from mmzoo.evaluation.contributions import MOST_EXACT, contributions
from mmzoo.heads import answering_model, targets_of

#: Contributions are found of so many test rows, where there are as many.
FEWEST_ROWS, MOST_ROWS = 100, 256


def write_run_page(folder, report, model, preprocessor, test, *, seed, passes, **about):
    """Writes `report.html`; where that can't be done, a warning says why, and the training stays.

    Args:
        folder: of the run.
        report: what `mmzoo.evaluate` returned.
        model: the model.
        preprocessor: its preprocessor.
        test: the records that the report is about.
        seed: of the rows that contributions are found of.
        passes: number of rows that the training went over, to compare costs with.
        **about: as in `Report.to_html`.
    """
    try:
        errors = about["predicted"][1]
        found = _cheap_contributions(model, preprocessor, test, errors, seed, passes)
        report.to_html(
            os.path.join(folder, "report.html"),
            model=model,
            preprocessor=preprocessor,
            records=test,
            contributions=found,
            **about,
        )
    except Exception as error:  # whatever is wrong with a page, the training is worth keeping
        warnings.warn(f"report.html was not written: {type(error).__name__}: {error}", stacklevel=2)


def _cheap_contributions(model, preprocessor, test, errors, seed, passes):
    """What each input does, where that costs less than the training did; else `None`."""
    good = np.flatnonzero([error is None for error in errors])
    inputs = preprocessor.inputs
    if not 2 <= len(inputs) <= MOST_EXACT or len(good) < FEWEST_ROWS:
        return None
    targets = targets_of(model, preprocessor).values()
    about_a_part = any(target.picture or target.text_name for target in targets)
    if about_a_part or answering_model(model) is not model:  # which writes, a word after another
        return None
    rows = np.random.default_rng(seed).permutation(good)[:MOST_ROWS]
    draws = 1 if all(modality.optional for modality in inputs.values()) else 4
    if 2 ** len(inputs) * draws * len(rows) > passes:
        return None
    return contributions(
        model, preprocessor, test.take(np.sort(rows)), draws=draws, seed=seed, verbose=False
    )

"""What `inputs=` must be: a dict from valid names to modalities."""

import keyword
import re

from mmzoo.modalities.modality import Modality

#: Endings that a modality's name may not have: mmzoo names inputs, outputs and layers with them.
RESERVED_SUFFIXES = (
    "_absent", "_encoder", "_mask", "_neutral", "_ok", "_present", "_projection", "_segments",
    "_unknown",
)  # fmt: skip
#: Names that a modality may not have.
RESERVED_NAMES = (
    "fusion", "head", "labels", "ok", "probabilities", "replies", "scores", "self", "values",
)  # fmt: skip


def check_inputs(inputs):
    """Raises unless `inputs` is a non-empty dict from valid names to modalities.

    Args:
        inputs: what a user gave as `inputs=`.

    Raises:
        ValueError: for no inputs, or a name that is impossible or reserved.
        TypeError: where a value is not a modality.
    """
    if not inputs:
        raise ValueError(
            "`inputs` is missing: a dict from names to modalities, such as "
            '{"image": mmzoo.Image(size=(64, 64))}.'
        )
    owners = {}
    for key, modality in inputs.items():
        if not isinstance(key, str) or not re.fullmatch("[a-z][a-z0-9_]*", key):
            raise ValueError(
                f"{key!r} can't be the name of a modality: it must match [a-z][a-z0-9_]*."
            )
        if keyword.iskeyword(key):
            raise ValueError(f"{key!r} can't be the name of a modality: it is a word of Python.")
        if key in RESERVED_NAMES or key.endswith(RESERVED_SUFFIXES):
            raise ValueError(
                f"{key!r} can't be the name of a modality: mmzoo needs it. Reserved are the names "
                f"{', '.join(RESERVED_NAMES)} and the endings {', '.join(RESERVED_SUFFIXES)}."
            )
        if not isinstance(modality, Modality):
            raise TypeError(
                f"inputs[{key!r}] must be a modality such as mmzoo.Image or mmzoo.Text; received: "
                f"{modality!r}."
            )
        for taken in {*modality.input_names(key).values(), *modality.raw_names(key)}:
            if taken in owners:
                raise ValueError(
                    f"The modalities {owners[taken]!r} and {key!r} would both have an input called "
                    f"{taken!r}. Rename one."
                )
            owners[taken] = key

"""What modalities and their preprocessing promise, by the suite for users' own."""

import pytest

import mmzoo
from mmzoo.testing.check_modality import MODALITY_PROPERTIES, ModalityCase
from tests.parts import MODALITIES, slow_among
from tests.pipeline.raw import raw_columns

#: Values that show only when they are read that they can't be.
BROKEN = {"image": [b"no picture"], "audio": [b"RIFF"], "video": [[b"no picture"]]}
#: The whole way takes seconds, and is gone for every encoder by other tests.
LONG = {"training_goes_all_the_way"}


def test_every_registered_modality_is_tested():
    assert set(MODALITIES) == set(mmzoo.modalities.MODALITIES)


@pytest.fixture(scope="module")
def case(kind):
    values = raw_columns(4)[0][kind]
    if isinstance(values, dict):  # a table
        values["shape"] = ["circle", "square"] * 2
        values = [
            dict(zip(values, cells, strict=True)) for cells in zip(*values.values(), strict=True)
        ]
    return ModalityCase(MODALITIES[kind](), values, broken=BROKEN.get(kind, ()))


# What reads pictures is traced for seconds; other tests of them are quick.
@pytest.mark.parametrize(
    "kind", slow_among(MODALITIES, {"image", "video"}, pytest.mark.end_to_end), scope="module"
)
@pytest.mark.parametrize("holds", slow_among(MODALITY_PROPERTIES, LONG))
def test_properties(case, holds):
    MODALITY_PROPERTIES[holds](case)

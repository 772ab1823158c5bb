"""Raw rows to vectors."""

import numpy as np
import pytest

import mmzoo
from tests.parts import image, predict, text
from tests.pipeline.raw import raw_columns


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
@pytest.mark.end_to_end
def test_the_head_reads_the_vectors_of_raw_rows(dtype):
    inputs = {"image": image(optional=True), "text": text()}
    preprocessor = mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(
        inputs=inputs, head=mmzoo.heads.Softmax(3), fusion="late", dim=8, dtype=dtype
    )
    columns = {name: raw_columns(5)[0][name] for name in inputs}
    columns["image"][2] = b""
    vectors = mmzoo.embed(model, preprocessor, columns, batch_size=2)
    assert vectors.shape == (5, 8) and vectors.dtype == np.float32
    expected = mmzoo.predict(model, preprocessor, columns)
    np.testing.assert_allclose(
        predict(model.heads["head"], vectors), expected, atol=1e-5 if dtype is None else 0.02
    )
    with pytest.raises(ValueError, match="row 2"):
        mmzoo.embed(model, preprocessor, {**columns, "text": ["a", "b", None, "c", "d"]})

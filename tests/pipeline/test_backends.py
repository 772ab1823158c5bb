"""What was trained on JAX is served by TensorFlow."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import mmzoo

TRAINING = """
import sys
import keras, numpy as np
import mmzoo
from tests.pipeline.raw import raw_columns

assert keras.backend.backend() == "jax"
columns, labels = raw_columns(12)
records = mmzoo.data.from_arrays({name: columns[name] for name in ("image", "text")}, labels)
inputs = {
    "image": mmzoo.Image((16, 16), encoder={"class_name": "resnet", "config": {"filters": [8]}}),
    "text": mmzoo.Text(6, 50, encoder={"class_name": "transformer", "config": {"depth": 1}}),
}
preprocessor = mmzoo.Preprocessor(inputs)
preprocessor.adapt(records)
head = mmzoo.heads.Softmax(class_names=records.class_names)
model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head=head, dim=16)
mmzoo.training.fit(model, records, preprocessor, epochs=2, batch_size=4, verbose=0)
mmzoo.save(model, preprocessor, sys.argv[1] + "/model")
np.save(sys.argv[1] + "/predictions.npy", mmzoo.predict(model, preprocessor, records))
"""


@pytest.mark.slow
def test_trained_on_jax_served_by_tensorflow(tmp_path):
    pytest.importorskip("jax", reason="the extra `jax` is not installed")
    from tests.pipeline.raw import raw_columns

    subprocess.run(
        [sys.executable, "-c", TRAINING, str(tmp_path)],
        check=True,
        cwd=pathlib.Path(__file__).parent.parent.parent,
        env={**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    expected = np.load(tmp_path / "predictions.npy")
    columns, _ = raw_columns(12)
    columns = {name: columns[name] for name in ("image", "text")}
    model, preprocessor = mmzoo.load(tmp_path / "model")
    predicted = mmzoo.predict(model, preprocessor, columns)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = served(**{name: tf.constant(values) for name, values in columns.items()})
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)

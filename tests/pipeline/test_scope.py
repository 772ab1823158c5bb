"""Several devices train as one does: here two halves of a CPU."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

TRAINING = """
import sys
import keras, numpy as np
devices, result = int(sys.argv[1]), sys.argv[2]
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpus = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(cpus[0], halves)
import mmzoo
from tests.pipeline.training_process import BATCH_SIZE, SMALL, prepared

with mmzoo.training.scope():
    model, records, validation, preprocessor = prepared(use_ema=False, dropout=0.0)
    assert type(model) is mmzoo.MultimodalModel
    history = mmzoo.training.fit(
        model, records, preprocessor, validation, epochs=3, batch_size=BATCH_SIZE, verbose=0
    )
np.savez(result, *[np.asarray(v) for v in model.weights], **history.history)
"""


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("tensorflow", marks=pytest.mark.end_to_end),
        pytest.param("jax", marks=pytest.mark.slow),
    ],
)
def test_two_devices_train_as_one(tmp_path, backend):
    if backend == "jax":
        pytest.importorskip("jax", reason="the extra `jax` is not installed")
    results = []
    for devices in (1, 2):
        subprocess.run(
            [sys.executable, "-c", TRAINING, str(devices), str(tmp_path / f"{devices}.npz")],
            check=True,
            cwd=pathlib.Path(__file__).parent.parent.parent,
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            },
        )
        results.append(np.load(tmp_path / f"{devices}.npz"))
    one, two = results
    assert one.files == two.files
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-5, err_msg=name)

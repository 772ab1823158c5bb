"""Shared by all tests: quiet logs, and a seed a test."""

import gc
import itertools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
#: Each core has a worker of its own; with more threads, small ops wait for threads to wake up.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

#: What XLA compiles here runs a few times on a few numbers: LLVM need not make it fast, and the
#: older way to emit loops takes half the time. JAX compiles even single ops.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_use_fusion_emitters=false",
)

import keras
import pytest

#: What a search for doctests must not import: one hides TensorFlow from this process, one needs it.
collect_ignore = ["without_tensorflow.py", "layers/strided_convolutions.py"]


#: After so many tests garbage is collected; after each one it would take half of the time.
COLLECTED_AFTER = 20
_tests = itertools.count()


def pytest_collection_modifyitems(items):
    """The longest test starts first, so that no worker waits for it at the end."""
    items.sort(key=lambda item: item.name != "test_snippets")


def pytest_collection_finish():
    """What is imported by now stays: whoever collects garbage need not walk it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_state():
    keras.utils.clear_session(free_memory=next(_tests) % COLLECTED_AFTER == 0)
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")

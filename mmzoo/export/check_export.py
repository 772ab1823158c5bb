"""An exported file in its own runtime, beside the model, before anybody relies on it."""

import contextlib
import warnings

import numpy as np
import tensorflow as tf

from mmzoo.export.answers import main_outputs, output_name
from mmzoo.export.exported_model import ExportedModel
from mmzoo.heads import answering_model, heads_of, inputs_of, targets_of
from mmzoo.prediction.answers import by_answer

#: How files write whose loop is the client's.
GREEDY = {"sampler": "greedy", "min_length": 0, "max_length": None, "no_repeat_ngram": 0}
#: How far answers may be apart: relative to the largest, and besides.
RELATIVE, ABSOLUTE = 1e-3, 1e-5


def check_export(folder, model, preprocessor, format, weights):
    """Compares what a folder answers with what the model does, for a batch of two made-up rows.

    The first is preprocessed from the harmless raw row that also warms up a server, and a
    SavedModel answers it raw, too; in the second every number is drawn and every part is there.
    Weights of fewer bits may answer otherwise: of these, only shapes and finiteness are compared.
    Where the runtime of a format is not installed, a warning says so instead.

    Args:
        folder: a whole export.
        model: the model that was exported, computing in float32.
        preprocessor: its `mmzoo.Preprocessor`.
        format: the format of the export.
        weights: what its weights are stored as.

    Raises:
        ValueError: when the runtime refuses the files, or answers something else.
    """
    heads, targets = heads_of(model), targets_of(model, preprocessor)
    model = answering_model(model, **({} if format == "savedmodel" else GREEDY))
    raw = {name: part.sample() for name, part in preprocessor.preprocessings.items()}
    batch = _batch(inputs_of(model), preprocessor.checked_call(raw)[0])
    try:
        exported = ExportedModel(folder, heads)
    except ImportError as error:
        warnings.warn(f"The {format} file was not compared with the model. {error}", stacklevel=3)
        return
    except Exception as error:  # each runtime has its own
        raise ValueError(_refused(format, error)) from error
    with _full_float32():
        x = {name: tf.cast(batch[name], spec.dtype) for name, spec in inputs_of(model).items()}
        expected = main_outputs(targets, model(x, training=False))
        try:
            answers = by_answer(targets, exported.predict_on_batch(batch))
            from_raw = exported.answer_raw(preprocessor.raw_batch(None))
        except Exception as error:
            raise ValueError(_refused(format, error)) from error
    for answer in targets:
        name = output_name(answer, targets[answer].main_output)
        wanted = np.asarray(expected[name])
        _compare(format, weights, name, wanted, answers[answer])
        if from_raw is not None:
            _compare(format, weights, name, wanted[:1], from_raw[name])


def _batch(inputs, tensors):
    """Two rows as arrays: that of the tensors, and one of drawn numbers."""
    generator = np.random.default_rng(0)

    def drawn(x):
        if x.dtype == bool:
            return np.ones_like(x)
        if x.dtype == np.uint8:
            return generator.integers(0, 256, x.shape, "uint8")
        if x.dtype.kind == "f":
            return generator.normal(size=x.shape).astype(x.dtype)
        return np.maximum(x, 1) if x.dtype.kind in "iu" else x  # ids: that of what is not known

    rows = {name: np.asarray(tensors[name]) for name in inputs}
    return {name: np.concatenate([x, drawn(x)]) for name, x in rows.items()}


def _compare(format, weights, name, expected, answer):
    """One output of both."""
    answer = np.asarray(answer)
    problem = None
    if answer.shape != expected.shape:
        problem = f"has shape {answer.shape} instead of {expected.shape}"
    elif (np.isfinite(expected) & ~np.isfinite(answer)).any():
        problem = "is not finite where the model's is"
    elif weights == "float32":
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        tolerance = RELATIVE * largest + ABSOLUTE
        if not np.allclose(answer, expected, rtol=0, atol=tolerance, equal_nan=True):
            apart = np.nanmax(np.abs(answer - expected))
            problem = f"is up to {apart:.3g} from the model's, whose largest is {largest:.3g}"
    if problem:
        raise ValueError(
            f"The {format} file answers something else than the model: {name!r} {problem}. Nothing "
            "was written. A layer computes otherwise in that format; choose another encoder, "
            "fusion block or format."
        )


@contextlib.contextmanager
def _full_float32():
    """Within the block a GPU keeps all digits of float32, as processors do."""
    config = tf.config.experimental
    before = config.tensor_float_32_execution_enabled()
    config.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        config.enable_tensor_float_32_execution(before)


def _refused(format, error):
    return (
        f"The runtime of {format} refuses what was exported, so nothing was written. Choose "
        f"another format, encoder or fusion block. It says: {str(error)[:1000]}"
    )

"""SharedValidation: validation rows shared out to devices, each measured once."""

import contextlib

import keras

from mmzoo.training.distribution.hosts import data_share


class SharedValidation(keras.callbacks.Callback):
    """Measures a model on JAX's devices after every epoch. Stands before all other callbacks.

    A batch that lies on several devices must have as many rows on each. What is left in the end,
    fewer rows than there are devices, is measured by all devices alike, and counted once.

    Args:
        records: `mmzoo.data.Records`.
        preprocessor: an adapted `mmzoo.Preprocessor`.
        batch_size: rows a batch, of all devices together.
        on_error: as in `Records.to_dataset`.
    """

    def __init__(self, records, preprocessor, batch_size, on_error="raise"):
        super().__init__()
        self.distribution = keras.distribution.distribution()
        replicas = self.distribution.num_model_replicas
        even = len(records) // replicas * replicas
        batch_size = max(batch_size // replicas, 1) * replicas
        index, count = data_share()
        self.even = self.rest = None
        if even:
            self.even = records.take(range(even)).to_dataset(
                preprocessor, batch_size // count, on_error=on_error, shard=(index, count)
            )
        if even < len(records):
            rest = records.take(range(even, len(records)))
            self.rest = rest.to_dataset(preprocessor, replicas, on_error=on_error)

    def on_epoch_end(self, epoch, logs=None):
        figures = {}
        if self.even is not None:
            figures = self.model.evaluate(self.even, verbose=0, return_dict=True)
        if self.rest is not None:
            going_on = _metrics_kept(self.model) if figures else contextlib.nullcontext()
            with _same_everywhere(self.distribution), going_on:
                figures = self.model.evaluate(self.rest, verbose=0, return_dict=True)
        logs.update({f"val_{name}": value for name, value in figures.items()})


@contextlib.contextmanager
def _metrics_kept(model):
    """A context in which metrics go on from what they have counted."""
    model.reset_metrics = lambda: None
    try:
        yield
    finally:
        del model.reset_metrics


@contextlib.contextmanager
def _same_everywhere(distribution):
    """A context in which a batch lies whole on every device."""
    distribution.get_data_layout = lambda shape: keras.distribution.TensorLayout(
        [None] * len(shape), distribution.device_mesh
    )
    try:
        yield
    finally:
        del distribution.get_data_layout

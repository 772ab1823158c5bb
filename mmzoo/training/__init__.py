"""Training: what stands around `model.fit`."""

from mmzoo.training.run import model_inputs, train_run, warmup_cosine
from mmzoo.training.xla_report import XlaReport, xla_report

__all__ = ["XlaReport", "model_inputs", "train_run", "warmup_cosine", "xla_report"]

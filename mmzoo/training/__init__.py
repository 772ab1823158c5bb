"""Training: what stands around `model.fit`."""

from mmzoo.training.run import train_run, warmup_cosine
from mmzoo.training.xla_report import XlaReport, xla_report

__all__ = ["XlaReport", "train_run", "warmup_cosine", "xla_report"]

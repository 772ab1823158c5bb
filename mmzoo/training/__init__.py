"""Training: what stands around `model.fit`."""

from mmzoo.training.xla_report import XlaReport, xla_report

__all__ = ["XlaReport", "xla_report"]

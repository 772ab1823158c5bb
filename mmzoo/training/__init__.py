"""Training: what stands around `model.fit`."""

from mmzoo.training.distribution.hosts import HostLostError, is_first_host
from mmzoo.training.distribution.layout_map import layout_map
from mmzoo.training.distribution.local_copy import local_copy
from mmzoo.training.distribution.scope import scope
from mmzoo.training.fine_tuning.branch_table import BranchTable, branch_table
from mmzoo.training.fine_tuning.freezing import freeze, unfreeze
from mmzoo.training.fine_tuning.gradual_unfreezing import GradualUnfreezing
from mmzoo.training.fine_tuning.layerwise_adamw import LayerwiseAdamW
from mmzoo.training.fine_tuning.layerwise_multipliers import layerwise_multipliers
from mmzoo.training.fine_tuning.lora import enable_lora, lora_merged, merge_lora, merged_copy
from mmzoo.training.fine_tuning.lora_file import load_lora, save_lora
from mmzoo.training.fit import fit
from mmzoo.training.history_file import HistoryFile
from mmzoo.training.learning_rate_finder import LearningRateSearch, find_learning_rate
from mmzoo.training.non_finite import NonFiniteError
from mmzoo.training.progress import Progress
from mmzoo.training.schedules import warmup_cosine
from mmzoo.training.xla_report import XlaReport, xla_report
from mmzoo.utils.deprecation import deprecated_names

__all__ = [
    "BranchTable",
    "GradualUnfreezing",
    "HistoryFile",
    "HostLostError",
    "LayerwiseAdamW",
    "LearningRateSearch",
    "NonFiniteError",
    "Progress",
    "XlaReport",
    "branch_table",
    "enable_lora",
    "find_learning_rate",
    "fit",
    "freeze",
    "is_first_host",
    "layerwise_multipliers",
    "layout_map",
    "load_lora",
    "local_copy",
    "lora_merged",
    "merge_lora",
    "merged_copy",
    "save_lora",
    "scope",
    "unfreeze",
    "warmup_cosine",
    "xla_report",
]

__getattr__ = deprecated_names(__name__, {"train_run": "mmzoo.commands.train_run.train_run"})

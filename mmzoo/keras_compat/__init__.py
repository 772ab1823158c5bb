"""Every touch of a name that Keras, KerasHub or TensorFlow does not promise to keep.

Each name here has a test that says what changed, should it fail: `tests/keras_compat`, which
`tests/keras_compat/newest.py` runs with the newest Keras there is.
"""

from mmzoo.keras_compat.attention import AttentionStep, attention_weights, recorded_attention
from mmzoo.keras_compat.calls import replaced_calls
from mmzoo.keras_compat.causal_lm import call_with_vectors, empty_cache
from mmzoo.keras_compat.compilation_log import compilations, note_compilation, watch_compilations
from mmzoo.keras_compat.data_dependencies import data_dependencies
from mmzoo.keras_compat.keras_hub import make_tables, tokenize_in_graph
from mmzoo.keras_compat.layers import (
    all_layers,
    attached_mask,
    call_arguments,
    inner_layers,
    own_variables,
    set_trainable,
    track_variable,
)
from mmzoo.keras_compat.logits import attach_logits, attached_logits
from mmzoo.keras_compat.lora import base_weight, lora_matrices, remove_lora, restore_lora
from mmzoo.keras_compat.loss_scale_optimizer import LossScaleOptimizer
from mmzoo.keras_compat.optimizers import DecayByWeight, copy_decay_exclusions, rate_or_schedule
from mmzoo.keras_compat.saving import (
    in_safe_mode,
    keeping_shared_objects,
    mark_as_shared,
    safe_mode,
)
from mmzoo.keras_compat.tensorflow import (
    function_called,
    input_datasets,
    is_op_determinism_enabled,
    traced_apart,
)
from mmzoo.keras_compat.training import (
    NOT_MEMORY,
    BuiltBeforeTraining,
    made_under_strategy,
    set_optimizer,
)
from mmzoo.keras_compat.variables import bounded_variables

__all__ = [
    "NOT_MEMORY",
    "AttentionStep",
    "BuiltBeforeTraining",
    "DecayByWeight",
    "LossScaleOptimizer",
    "all_layers",
    "attach_logits",
    "attached_logits",
    "attached_mask",
    "attention_weights",
    "base_weight",
    "bounded_variables",
    "call_arguments",
    "call_with_vectors",
    "compilations",
    "copy_decay_exclusions",
    "data_dependencies",
    "empty_cache",
    "function_called",
    "in_safe_mode",
    "inner_layers",
    "input_datasets",
    "is_op_determinism_enabled",
    "keeping_shared_objects",
    "lora_matrices",
    "made_under_strategy",
    "make_tables",
    "mark_as_shared",
    "note_compilation",
    "own_variables",
    "rate_or_schedule",
    "recorded_attention",
    "remove_lora",
    "replaced_calls",
    "restore_lora",
    "safe_mode",
    "set_optimizer",
    "set_trainable",
    "tokenize_in_graph",
    "traced_apart",
    "track_variable",
    "watch_compilations",
]

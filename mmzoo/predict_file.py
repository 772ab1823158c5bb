"""Where `predict_file` was."""

from mmzoo.utils.deprecation import deprecated_names

__getattr__ = deprecated_names(
    __name__, {"predict_file": "mmzoo.commands.predict_file.predict_file"}
)

"""The tensor signature as a LiteRT (TensorFlow Lite) file."""

import re
import tempfile

import tensorflow as tf

#: Lists of tensors, as a loop over time steps keeps them: LiteRT wants to know their size before.
LISTS = {"TensorListReserve", "TensorListFromTensor", "TensorListStack"}
#: How the converter names an op that LiteRT does not have, and where in the model it is.
UNKNOWN_OP = re.compile(r'fused\["(\w+):", "([^"@]+)@[^\n]*\'tf\.\1\' op is neither')


def write_litert(archive, path, weights, signatures=("serving_default",)):
    """Converts signatures of an archive.

    Only LiteRT's own ops are used, none of TensorFlow's: a client needs nothing but the runtime.

    Args:
        archive: `keras.export.ExportArchive` with these signatures.
        path: file to write.
        weights: `"float32"`, `"float16"` or `"int8"`, which also makes dense layers and
            convolutions compute in integers.
        signatures: their names.

    Raises:
        ValueError: for an op that LiteRT does not have; names it and the layer.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            content = converter.convert()
        except Exception as error:  # the converter's own class is not public
            raise ValueError(_message(error)) from error
    with open(path, "wb") as file:
        file.write(content)


def needs_static_batch(function):
    """Whether LiteRT can't take any batch size: where the graph loops over time steps.

    Args:
        function: `tf.types.experimental.ConcreteFunction`.
    """
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return any(node.op in LISTS for node in nodes)


def _message(error):
    unknown = sorted({f"{op} ({place})" for op, place in UNKNOWN_OP.findall(str(error))})
    if not unknown:
        return f"LiteRT can't convert the model: {str(error)[:1000]}"
    return (
        f"LiteRT has no such op: {', '.join(unknown)}. Choose another encoder or fusion block, or "
        "export as a SavedModel."
    )

"""The tensor signature as an ONNX file."""

import logging

import numpy as np

from mmzoo.utils.optional_packages import require

#: The version of ONNX's operators that is written; from 17 on there is a Fourier transform.
OPSET = 18


def write_onnx(function, specs, path):
    """Converts a function.

    Args:
        function: `tf.function` from a dict of tensors to a dict of tensors.
        specs: dict from the name of an input to its `tf.TensorSpec`, `(None, ...)` for any number
            of rows.
        path: file to write.

    Raises:
        ValueError: for an op that ONNX does not have; names it and the layer.
        ImportError: when the extra `onnx` is missing.
    """
    tf2onnx = require("tf2onnx", "onnx")
    onnx = require("onnx", "onnx")
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it only logs what it can't convert, which we raise
    try:
        model, _ = tf2onnx.convert.from_function(
            function, [specs], opset=OPSET, custom_op_handlers=_handlers()
        )
    finally:
        logger.setLevel(level)
    unknown = sorted({f"{node.op_type} ({node.name})" for node in _unknown(onnx, model.graph)})
    if unknown:
        raise ValueError(
            f"ONNX has no such op: {', '.join(unknown)}. Choose another encoder or fusion block, "
            "or export as a SavedModel."
        )
    static = {name for name, spec in specs.items() if spec.shape[0] is not None}
    for value in (*model.graph.input, *model.graph.output):
        if value.name not in static:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _unknown(onnx, graph):
    """The nodes of a graph, and of those in it, that are no operators of ONNX."""
    for node in graph.node:
        if not onnx.defs.has(node.op_type, node.domain):
            yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _unknown(onnx, attribute.g)


def _handlers():
    """What tf2onnx 1.17 lacks: the exact GELU, and a spectrum's real and imaginary parts.

    A spectrum `(..., bins)` of complex numbers becomes one of pairs, `(..., bins, 2)`.
    """
    return {
        "Erfc": (_erfc, []),
        "RFFT": (_rfft, []),
        "Real": (_real, []),
        "Imag": (_imaginary, []),
    }


def _erfc(graph, node, name, args):
    """`1 - erf(x)`."""
    one = _constant(graph, np.float32(1))
    erf = graph.make_node("Erf", node.input, shapes=node.output_shapes, dtypes=node.output_dtypes)
    _replace(graph, node, "Sub", [one, erf.output[0]], node.output_dtypes)


def _rfft(graph, node, name, args):
    """The half of the spectrum `(..., bins, 2)` that determines the other."""
    rank = len(graph.get_shape(node.input[0]))
    pairs = graph.make_node("Unsqueeze", [node.input[0], _constant(graph, np.int64([-1]))])
    dtypes = [graph.get_dtype(node.input[0])]
    _replace(graph, node, "DFT", [pairs.output[0]], dtypes, {"axis": rank - 1, "onesided": 1})


def _real(graph, node, name, args):
    _replace(graph, node, "Gather", [node.input[0], _constant(graph, np.int64(0))],
             node.output_dtypes, {"axis": -1})  # fmt: skip


def _imaginary(graph, node, name, args):
    _replace(graph, node, "Gather", [node.input[0], _constant(graph, np.int64(1))],
             node.output_dtypes, {"axis": -1})  # fmt: skip


def _constant(graph, value):
    """The name of a constant."""
    from tf2onnx.utils import make_name

    return graph.make_const(make_name("constant"), np.asarray(value)).output[0]


def _replace(graph, node, op, inputs, dtypes, attributes=None):
    """Puts another node in the place of one."""
    outputs = node.output
    graph.remove_node(node.name)
    graph.make_node(op, inputs, attr=attributes, name=node.name, outputs=outputs, dtypes=dtypes)

"""Changes of ONNX models after their export."""

from typing import Any

import numpy as np

TRACES = ("metadata_props", "doc_string")  # fields in which the exporter writes the paths of source files


def without_traces(message: Any) -> Any:
    """Remove what the exporter says about the machine and its source files from a model, and return it."""
    for field, value in message.ListFields():
        if field.name in TRACES:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                without_traces(part)
    return message


def with_labels(model: Any, classes: np.ndarray) -> Any:
    """Add the output ``label``: the class with the largest of the ``probabilities``. It becomes the first output.

    Parameters
    ----------
    model : onnx.ModelProto
        It has the output ``probabilities`` (batch, K). It is changed.
    classes : ndarray of shape (K,)
        The classes: numbers, booleans or texts.
    """
    from onnx import TensorProto, helper

    kind = classes.dtype.kind
    kinds = {"i": TensorProto.INT64, "u": TensorProto.INT64, "f": TensorProto.DOUBLE, "b": TensorProto.BOOL}
    onnx_type = kinds.get(kind, TensorProto.STRING)
    values: Any = classes.tolist() if kind in kinds else [str(label).encode() for label in classes]
    graph = model.graph
    graph.initializer.append(helper.make_tensor("classes", onnx_type, [len(classes)], values))
    graph.node.append(helper.make_node("ArgMax", ["probabilities"], ["number_of_class"], axis=1, keepdims=0))
    graph.node.append(helper.make_node("Gather", ["classes", "number_of_class"], ["label"], axis=0))
    graph.output.insert(0, helper.make_tensor_value_info("label", onnx_type, ["batch"]))
    return model

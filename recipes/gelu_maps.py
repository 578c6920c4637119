"""Give a GELU network's model file that an earlier mien exported the exact maps that `mien export` writes today.

    PYTHONPATH=src python recipes/gelu_maps.py OLD.onnx NEW.onnx

The maps were made with GELU's slope Φ(x) + x φ(x) at each unit of the dense layers; its factor Φ(x) is a part of the
same graph. Logits, votes and metadata stay as they are.
"""

import sys
from pathlib import Path

import numpy as np
import onnx

from mien.recognition import OnnxClassifier
from mien.shipping.calibrate import save


def main() -> None:
    old, new = map(Path, sys.argv[1:])
    proto = onnx.load(old)
    graph = proto.graph
    made_by = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        slope = made_by.get(node.input[0]) if node.op_type == "Unsqueeze" else None
        if slope is not None and [made_by.get(name, node).op_type for name in slope.input] == ["Mul", "Div"]:
            node.input[0] = slope.input[0]  # the slope is the factor plus a quotient
    remove_unused(graph)
    before, after = OnnxClassifier(old), save(proto, new)
    faces = np.random.default_rng(0).integers(0, 256, (64, before.input_size, before.input_size), dtype=np.uint8)
    difference = np.abs(before.logits(faces) - after.logits(faces)).max()
    means = np.abs(after.evidence(faces).mean((2, 3)) - after.logits(faces)).max()
    print(
        f"largest difference of the logits from those before: {difference:.2g}; from the means of the maps: {means:.2g}"
    )


def remove_unused(graph: onnx.GraphProto) -> None:
    """Remove operations and constants that lead to no output."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    constants = [each for each in graph.initializer if each.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(constants)


if __name__ == "__main__":
    main()

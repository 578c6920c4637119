"""Give a model file that an earlier mien exported the evidence maps of its votes, without training anything anew.

    PYTHONPATH=src python recipes/votes_maps.py OLD.onnx NEW.onnx

Votes are linear in the mean of the last features, so what they make of each position's features is their map. Those of
the GELU network, which has dense layers, come as its other maps do: the nodes that lead from the weights of its classes
to these are copied, with the weights of its votes. `mien export` writes the maps of networks trained since itself, and
calibrates and describes the new file:

    mien export NEW.onnx --data fer2013.csv --out NAME.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mien.recognition import OnnxClassifier
from mien.recognition.model_file import EVIDENCE, VOTES, VOTES_EVIDENCE
from mien.shipping.calibrate import RAW, save

CLASSES, WEIGHT, BIAS = "network.classes.weight", "votes.weight", "votes.bias"


def main() -> None:
    old, new = map(Path, sys.argv[1:])
    proto = onnx.load(old)
    graph = proto.graph
    made_by = {output: node for node in graph.node for output in node.output}
    head = made_by[VOTES]
    if made_by[head.input[0]].op_type == "Gelu":
        copy_dense(graph, made_by)
    else:
        features = made_by[head.input[0]]
        means = [made_by[name] for name in features.input] if features.op_type == "Concat" else [features]
        map_features(graph, made_by, [mean.input[0] for mean in means])
        graph.node.remove(head)
    number = len(OnnxClassifier(old).info.vote_labels)
    shape: list[str | int | None] = ["N", number, *sides(graph, EVIDENCE)]
    graph.output.append(helper.make_tensor_value_info(VOTES_EVIDENCE, onnx.TensorProto.FLOAT, shape))
    before, after = OnnxClassifier(old), save(proto, new)
    faces = np.random.default_rng(0).integers(0, 256, (64, before.input_size, before.input_size), dtype=np.uint8)
    votes, maps = after.run(faces, [VOTES, VOTES_EVIDENCE])
    for name, values in (("the votes before", before.vote_logits(faces)), ("the means of the maps", maps.mean((2, 3)))):
        print(f"largest difference of the votes from {name}: {np.abs(votes - values).max():.2g}")


def sides(graph: onnx.GraphProto, name: str) -> list[int]:
    output = next(output for output in graph.output if output.name == name)
    return [side.dim_value for side in output.type.tensor_type.shape.dim[2:]]


def map_features(graph: onnx.GraphProto, made_by: dict[str, onnx.NodeProto], features: list[str]) -> None:
    """The votes as the mean, over the features of each member, of a 1×1 convolution's mean."""
    nodes, maps = [], []
    finest = sides(graph, EVIDENCE)
    add(graph, "votes_places", np.array([2, 3]))
    add(graph, "votes_corner", np.array([2, 3]))
    parts = [WEIGHT]
    if len(features) > 1:
        widths = [channels(graph, made_by, name) for name in features]
        add(graph, "votes_widths", np.array(widths))
        parts = [f"votes_weight_{at}" for at in range(len(features))]
        nodes.append(helper.make_node("Split", [WEIGHT, "votes_widths"], parts, axis=1))
    for at, (name, part) in enumerate(zip(features, parts, strict=True)):
        nodes.append(helper.make_node("Unsqueeze", [part, "votes_corner"], [f"votes_kernel_{at}"]))
        nodes.append(helper.make_node("Conv", [name, f"votes_kernel_{at}"], [f"votes_map_{at}"]))
        maps.append(f"votes_map_{at}")
        if len(features) > 1:  # coarser maps are repeated, which keeps their means
            add(graph, f"votes_size_{at}", np.array(finest))
            nodes.append(
                helper.make_node(
                    "Resize", [maps[-1], "", "", f"votes_size_{at}"], [f"votes_fine_{at}"],
                    axes=[2, 3], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
                )
            )  # fmt: skip
            maps[-1] = f"votes_fine_{at}"
    # The weights of several members were divided by their number already, and the bias comes once.
    add(graph, "votes_bias_shape", np.array([1, -1, 1, 1]))
    nodes.append(helper.make_node("Reshape", [BIAS, "votes_bias_shape"], ["votes_bias_map"]))
    nodes.append(helper.make_node("Sum", [*maps, "votes_bias_map"], [VOTES_EVIDENCE]))
    nodes.append(helper.make_node("ReduceMean", [VOTES_EVIDENCE, "votes_places"], [VOTES], keepdims=0))
    graph.node.extend(nodes)


def copy_dense(graph: onnx.GraphProto, made_by: dict[str, onnx.NodeProto]) -> None:
    """The nodes from the weights of the classes to the evidence once more, for the votes."""
    leading, waiting = set(), [EVIDENCE + RAW]
    while waiting:
        node = made_by.get(waiting.pop())
        if node is not None and node.output[0] not in leading:
            leading.add(node.output[0])
            waiting += node.input
    renamed = {CLASSES: WEIGHT, EVIDENCE + RAW: VOTES_EVIDENCE}
    logits = next(node for node in graph.node if node.op_type == "Gemm" and node.input[1] == CLASSES).output[0]
    renamed[logits] = VOTES
    copies = []
    for node in graph.node:
        if node.output[0] not in leading or node.output[0] == logits or not set(node.input) & set(renamed):
            continue
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        copied.name = f"votes_{node.name}"
        if node.op_type == "Reshape":  # its shape holds the number of classes
            sizes = numpy_helper.to_array(next(each for each in graph.initializer if each.name == node.input[1]))
            copied.input[1] = f"votes_{node.input[1]}"
            add(graph, copied.input[1], np.where(sizes == 7, 8, sizes))
        for at, name in enumerate(node.input):
            if name in renamed:
                copied.input[at] = renamed[name]
        renamed.setdefault(node.output[0], f"votes_{node.output[0]}")
        copied.output[0] = renamed[node.output[0]]
        copies.append(copied)
    graph.node.extend(copies)


def channels(graph: onnx.GraphProto, made_by: dict[str, onnx.NodeProto], name: str) -> int:
    """The width of features, by the convolution that they come from, through what changes no width."""
    weights = {each.name: each.dims for each in graph.initializer}
    while made_by[name].op_type != "Conv":
        name = made_by[name].input[0]
    kernel = made_by[name].input[1]
    kernel = kernel if kernel in weights else made_by[kernel].input[0]
    return int(weights[kernel][0])


def add(graph: onnx.GraphProto, name: str, values: np.ndarray) -> None:
    graph.initializer.append(numpy_helper.from_array(values.astype(np.int64), name))


if __name__ == "__main__":
    main()

"""Train the network that turns a crop upright and puts it where FER2013's crops are, and write its file.

    export PYTHONPATH=benchmarks
    python recipes/alignment.py --data fer2013.csv --out src/mien/detection/weights/alignment.onnx \
        --json benchmarks/results/alignment.json

FER2013's crops define the geometry that every expression network of mien's was trained on, so they need no label: from
each training face a disc is cut at a random angle, place and size, and the network learns to say which. It is a disc
inside of the face because the corners of a turned square would show the picture's border, which gives the angle away.
Light, blur and noise are those of mien's recipes. PublicTest measures. Ends in one JSON line, which `--json` keeps.

Takes: 30 seconds an epoch on one busy thread of an AMD EPYC (Zen 4).
"""

import argparse
import json
import math
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from measuring import hardware, write_result
from torch import Tensor, nn
from torch.nn import functional as F

from mien.data import load
from mien.detection.alignment import DISC, INPUT, OUTPUT, SIDE
from mien.errors import MienError
from mien.files import replacing
from mien.shipping.quantize import quietly
from mien.training.augmentation import Augmentation, augment

SHIFT: Final = 0.08
"""Largest shift of the crop, to either side, in sides of FER2013's."""

TURN: Final = 60.0
"""Largest turn of the crop, in degrees. Detectors find few faces that are turned by more."""

GROWTH: Final = math.log(1.2)
"""Largest logarithm of the crop's side, in sides of FER2013's, either way."""

ROOM: Final = 1.3
"""Side of the pictures between, in sides of the face: what a turned disc needs."""

LEAST_BETWEEN, MOST_BETWEEN = 44, 84
"""Sides of the pictures between, in pixels: as coarse and as fine as detectors' crops."""

LIGHT: Final = Augmentation(
    rotation=0, scale=1, shift=0, shear=0, flip=True, gamma=2, contrast=1.5, blur=1.0, noise=0.06, jpeg=10, spoilt=0.5,
    erase=0.2,
)  # fmt: skip


class Alignment(nn.Module):
    """(N, S, S) uint8 → (N, 5): cosine and sine of the roll, the centre's shift in sides, the logarithm of the side."""

    disc: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, stride in ((1, 16, 1), (16, 32, 2), (32, 32, 1), (32, 48, 2), (48, 48, 1), (48, 64, 2)):
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (SIDE // 8) ** 2, 5))
        middle = torch.arange(SIDE) - (SIDE - 1) / 2
        self.register_buffer("disc", (torch.hypot(middle[:, None], middle[None]) <= SIDE / 2).float(), persistent=False)

    def forward(self, crops: Tensor) -> Tensor:
        inside = crops.float() * self.disc
        mean = inside.sum((1, 2), keepdim=True) / self.disc.sum()
        level = (crops.float() - mean) * self.disc
        deviation = torch.sqrt((level * level).sum((1, 2), keepdim=True) / self.disc.sum())
        answer: Tensor = self.layers((level / (deviation + 4.0)).unsqueeze(1))
        return answer


def discs(faces: Tensor, generator: torch.Generator, largest: float) -> tuple[Tensor, Tensor]:
    """Crops of (N, 48, 48) faces, as 0..255, turned by no more than `largest` degrees, and the answers."""
    num = len(faces)
    uniform = torch.rand(num, 4, generator=generator) * 2 - 1
    angle = uniform[:, 0] * math.radians(largest)
    shift, growth = uniform[:, 1:3] * SHIFT, uniform[:, 3] * GROWTH
    side = growth.exp()
    cos, sin = angle.cos(), angle.sin()
    half = side * DISC  # in halves of the face's side, as grid_sample counts
    across = torch.stack([cos * half, sin * half], 1)
    down = torch.stack([-sin * half, cos * half], 1)
    theta = torch.stack([across, down, 2 * shift], dim=2)
    crops = seen_through(faces.unsqueeze(1), theta, generator).squeeze(1)
    # Seen from the crop: the face is turned the other way, and its centre is where the shift began.
    back = torch.stack([cos * -shift[:, 0] + sin * -shift[:, 1], -sin * -shift[:, 0] + cos * -shift[:, 1]], 1)
    return crops, torch.cat([cos[:, None], -sin[:, None], back / side[:, None], -growth[:, None]], 1)


def seen_through(faces: Tensor, theta: Tensor, generator: torch.Generator) -> Tensor:
    """(N, 1, 48, 48) sampled at theta, by way of a picture in which each face is turned by another, random angle.

    Pixels that were interpolated once show how the grid of FER2013's lay in them, so that a network learns to read the
    angle from those traces, and not from the face: pictures of users have none.
    """
    angle = (torch.rand(len(faces), generator=generator) * 2 - 1) * math.pi
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # from the picture to the face
    side = int(torch.randint(LEAST_BETWEEN, MOST_BETWEEN + 1, (), generator=generator))
    still = torch.zeros(len(faces), 2, 1)
    grid = F.affine_grid(torch.cat([ROOM * turn, still], 2), [len(faces), 1, side, side], align_corners=False)
    pictures = F.grid_sample(faces, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    back = turn.transpose(1, 2) @ theta / ROOM
    grid = F.affine_grid(back, [len(faces), 1, SIDE, SIDE], align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def errors(network: nn.Module, faces: Tensor, largest: float) -> dict[str, float]:
    """Median and 90th percentile of the angle's error in degrees; median errors of place and side."""
    crops, answers = discs(faces.float(), torch.Generator().manual_seed(1), largest)
    with torch.no_grad():
        given = torch.cat([network(part.round()) for part in torch.split(crops, 512)])
    angle = torch.atan2(given[:, 1], given[:, 0]) - torch.atan2(answers[:, 1], answers[:, 0])
    angle = torch.rad2deg((angle + math.pi) % (2 * math.pi) - math.pi).abs()
    place = torch.hypot(*(given - answers)[:, 2:4].T)
    side = (given - answers)[:, 4].abs()
    return {
        "roll": float(angle.median()), "roll_90": float(angle.quantile(0.9)),
        "place": float(place.median()), "side": float(side.median()),
        "place_before": float(torch.hypot(*answers[:, 2:4].T).median()),
        "side_before": float(answers[:, 4].abs().median()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=44)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    try:
        data = load(options.data)
        faces, held_out = (torch.from_numpy(np.asarray(data.split(name).faces)) for name in ("Training", "PublicTest"))
    except MienError as error:
        parser.error(str(error))
    network = Alignment()
    print(sum(each.numel() for each in network.parameters()), "parameters")
    steps = options.epochs * (len(faces) // 256)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.1)
    weights = torch.tensor([2, 2, 10, 10, 4])
    measured: dict[str, float] = {}
    for epoch in range(options.epochs):
        network.train()
        total = 0.0
        for indices in torch.randperm(len(faces), generator=generator).chunk(len(faces) // 256):
            crops, answers = discs(255 * augment(faces[indices], LIGHT, generator).squeeze(1), generator, TURN)
            loss = (F.smooth_l1_loss(network(crops), answers, reduction="none", beta=0.1) * weights).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch's own
            optimizer.step()
            schedule.step()
            total += loss.item()
        network.eval()
        measured = errors(network, held_out, TURN)
        print(f"{epoch + 1:3} loss {total / (len(faces) // 256):.4f}", json.dumps(measured), flush=True)
        write(network, options.out)
    result = {
        "benchmark": "alignment", "split": "PublicTest", "num_faces": len(held_out), "epochs": options.epochs,
        "seed": 0,
        "within_60_degrees": measured, "within_30_degrees": errors(network, held_out, 30), **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


def write(network: Alignment, path: Path) -> None:
    """Write the network as ONNX, without the names that the exporter notes of this machine's files."""
    with quietly():
        program = torch.onnx.export(
            network, (torch.zeros(2, SIDE, SIDE, dtype=torch.uint8),), dynamo=True, external_data=False,
            input_names=[INPUT], output_names=[OUTPUT], dynamic_shapes={"crops": {0: torch.export.Dim("N")}},
            verbose=False,
        )  # fmt: skip
    assert program is not None
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "mien", ""
    del proto.metadata_props[:], proto.graph.metadata_props[:]
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.checker.check_model(proto)
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())


if __name__ == "__main__":
    main()

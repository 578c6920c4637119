"""Colours of high dynamic range, through a file and by themselves (fault 7: they came out grey)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.video import open_video
from mien.video.hdr import HLG, PQ, tone_mapped

PATCHES = np.array([[255, 255, 255], [128, 128, 128], [40, 40, 40], [200, 120, 90], [60, 150, 60], [50, 70, 160]])
"""sRGB: greys, skin, and two colours that BT.709's primaries hold."""

BT2020_FROM_BT709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def hdr_codes(srgb: NDArray[Any], transfer: int) -> NDArray[np.float64]:
    """sRGB, its white at 203 cd/m², as a camera that records HDR would store it: code values from 0 to 1."""
    share = srgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ BT2020_FROM_BT709.T
    if transfer == PQ:
        power = (linear * 203 / 10_000) ** 0.1593017578125
        return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)
    display = linear * 0.203
    luminance = display @ [0.2627, 0.6780, 0.0593]
    scene = display * luminance[..., None] ** (-0.2 / 1.2)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), high))


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_colours_come_back_and_highlights_are_compressed(transfer: int) -> None:
    codes = np.rint(255 * hdr_codes(PATCHES, transfer))[None].astype(np.uint8)
    mapped = tone_mapped(codes, transfer)[0].astype(int)
    assert np.abs(mapped[1:] - PATCHES[1:]).max() <= 14  # the brightest of skin's are compressed a little
    assert 215 <= mapped[0].min() <= mapped[0].max() <= 250  # white leaves room for highlights
    grey = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
    ramp = tone_mapped(grey, transfer)[0].astype(int)
    assert (np.diff(ramp[:, 1]) >= 0).all()
    assert ramp[0].max() == 0
    assert ramp[255].min() >= 254
    assert np.ptp(ramp, axis=1).max() <= 3  # grey stays grey


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_file_says_itself_that_it_is_hdr(tmp_path: Path, transfer: int) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "phone.mkv"
    red, green, blue = hdr_codes(PATCHES[3], transfer)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = 64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        for name, value in {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame(64, 48, "yuv420p10le")
        for plane, value in zip(frame.planes, planes, strict=True):
            plane.update(np.full(plane.buffer_size // 2, round(value), "<u2").tobytes())
        frame.pts = 0
        output.mux([*stream.encode(frame), *stream.encode(None)])
    (only,) = open_video(path)
    assert only.image[24, 32].astype(int) == pytest.approx(PATCHES[3], abs=14)

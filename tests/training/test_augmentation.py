import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from mien.training.augmentation import Augmentation, augment, compress, standardize


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def faces() -> Tensor:
    """Eight faces that are alike: a dark one with a bright square up on the left."""
    face = torch.full((32, 32), 40, dtype=torch.uint8)
    face[6:12, 4:10] = 220
    return face.expand(8, 32, 32).contiguous()


def test_nothing_changes_when_everything_is_off(faces: Tensor) -> None:
    torch.testing.assert_close(augment(faces, Augmentation(), generator()), faces.unsqueeze(1) / 255, atol=1e-5, rtol=0)


def test_flip_mirrors_some_and_only_mirrors(faces: Tensor) -> None:
    images = augment(faces, Augmentation(flip=True), generator())
    straight = faces.unsqueeze(1) / 255
    mirrored = [torch.allclose(image, whole.flip(-1), atol=1e-5) for image, whole in zip(images, straight, strict=True)]
    same = [torch.allclose(image, whole, atol=1e-5) for image, whole in zip(images, straight, strict=True)]
    assert any(mirrored)
    assert any(same)
    assert all(a != b for a, b in zip(mirrored, same, strict=True))


@pytest.mark.parametrize(
    "limits",
    [
        Augmentation(rotation=20),
        Augmentation(scale=1.3),
        Augmentation(shift=0.1),
        Augmentation(shear=0.2),
        Augmentation(gamma=2),
        Augmentation(contrast=2),
        Augmentation(blur=2),
        Augmentation(noise=0.1),
        Augmentation(jpeg=5),
        Augmentation(erase=1),
    ],
    ids=str,
)
def test_each_change_differs_from_face_to_face_and_stays_in_range(faces: Tensor, limits: Augmentation) -> None:
    images = augment(faces.repeat(8, 1, 1), limits, generator())
    assert images.shape == (64, 1, 32, 32)
    assert images.min() >= 0
    assert images.max() <= 1
    distinct = {image.numpy().tobytes() for image in images}
    assert len(distinct) > 4


def test_the_generator_decides_everything(faces: Tensor) -> None:
    limits = Augmentation(rotation=15, scale=1.2, shift=0.1, flip=True, gamma=2, contrast=1.5, blur=1, noise=0.05,
                          jpeg=20, erase=0.5)  # fmt: skip
    torch.testing.assert_close(augment(faces, limits, generator(3)), augment(faces, limits, generator(3)))
    assert not torch.equal(augment(faces, limits, generator(3)), augment(faces, limits, generator(4)))


def test_a_rotation_turns_about_the_centre_and_does_not_stretch() -> None:
    spot = torch.zeros(1, 64, 64, dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(64.0) - 31.5, torch.arange(64.0) - 31.5, indexing="ij")
    spot[0][(y + 10).hypot(x) < 5] = 255
    turned = augment(spot.expand(64, 64, 64), Augmentation(rotation=180), generator())[:, 0]
    weight = turned.sum((1, 2))
    torch.testing.assert_close(weight, (spot / 255).sum().expand(64), rtol=0.03, atol=0)
    centre_x, centre_y = (turned * x).sum((1, 2)) / weight, (turned * y).sum((1, 2)) / weight
    torch.testing.assert_close(centre_y.hypot(centre_x), torch.full((64,), 10.0), rtol=0.02, atol=0)
    quadrants = {(bool(a > 0), bool(b > 0)) for a, b in zip(centre_x, centre_y, strict=True)}
    assert len(quadrants) == 4


def test_scale_is_as_often_up_as_down() -> None:
    square = torch.zeros(400, 32, 32, dtype=torch.uint8)
    square[:, 12:20, 12:20] = 255
    area = augment(square, Augmentation(scale=1.5), generator()).sum((1, 2, 3))
    share_larger = (area > 64).float().mean()
    assert 0.4 < share_larger < 0.6


@pytest.mark.parametrize(("gain", "offset"), [(0.3, 0.0), (0.5, 0.4), (1.0, 0.0)])
def test_standardize_forgets_light_and_contrast(gain: float, offset: float) -> None:
    images = torch.rand(3, 1, 16, 16, generator=generator())
    torch.testing.assert_close(standardize(images * gain + offset), standardize(images), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(standardize(images).std((1, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)


def test_a_flat_image_becomes_nothing_and_not_nan() -> None:
    assert not standardize(torch.full((1, 1, 8, 8), 0.5)).any()


@pytest.mark.parametrize(
    ("limits", "spoilt"),
    [
        (Augmentation(blur=2), 0.25),
        (Augmentation(noise=0.1), 0.25),
        (Augmentation(jpeg=5), 0.25),
        (Augmentation(blur=2, noise=0.1), 0.5),
        (Augmentation(blur=2, noise=0.1, jpeg=5), 0.75),
        (Augmentation(blur=2, noise=0.1, jpeg=5, spoilt=0.3), 0.3),
        (Augmentation(blur=2, spoilt=1), 1 / 3),
        (Augmentation(blur=2, noise=0.1, jpeg=5, spoilt=0), 0),
    ],
    ids=str,
)
def test_a_face_is_spoilt_in_one_way_or_none(limits: Augmentation, spoilt: float) -> None:
    faces = torch.randint(0, 256, (400, 48, 48), generator=generator(), dtype=torch.uint8)
    changes = (augment(faces, limits, generator()) - faces.unsqueeze(1) / 255).abs().amax((1, 2, 3))
    # A faint change leaves some as they are too.
    assert spoilt - 0.1 < float((changes > 1e-3).float().mean()) < spoilt + 0.06


def test_blur_spreads_a_point_by_its_deviation() -> None:
    faces = torch.zeros(200, 48, 48, dtype=torch.uint8)
    faces[:, 24, 24] = 255
    images = augment(faces, Augmentation(blur=2), generator())
    torch.testing.assert_close(images.sum((1, 2, 3)), torch.ones(200), atol=1e-4, rtol=0)
    place = torch.arange(48) - 24.0
    deviation = (images.sum((1, 2)) * place**2).sum(1).sqrt()
    assert 1.5 < float(deviation.max()) < 2


@pytest.mark.parametrize("quality", [8, 30, 75, 95])
@pytest.mark.parametrize("size", [48, 44])
def test_compression_is_that_of_an_encoder(quality: int, size: int) -> None:
    """But for the encoder's whole numbers."""
    y, x = np.mgrid[:size, :size]
    face = (127 + 80 * np.sin(x / 5) * np.cos(y / 7) + np.random.default_rng(0).normal(0, 12, (size, size))).clip(
        0, 255
    )
    face = face.astype(np.uint8)
    _, content = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
    wanted = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    assert wanted is not None
    ours = compress(torch.from_numpy(face)[None, None] / 255, torch.tensor([float(quality)]))[0, 0] * 255
    difference = np.abs(ours.clamp(0, 255).numpy() - wanted)
    assert difference.mean() < 0.4 * np.abs(face.astype(float) - wanted).mean()

import pytest
from torch import nn

from mien.errors import RecipeError
from mien.training.architectures import ARCHITECTURES
from mien.training.architectures.gelu_cnn import DROPOUT
from mien.training.trained import fresh_network


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_all_of_the_dropout_is_scaled(scale: float) -> None:
    network = fresh_network("gelu-cnn", 7, 48, scale)
    dropouts = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert dropouts == [DROPOUT * scale] * 4


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if not name.startswith("gelu-cnn")])
def test_networks_without_dropout_have_none_to_scale(name: str) -> None:
    with pytest.raises(RecipeError, match=f"dropout_scale: {name} has no dropout"):
        fresh_network(name, 7, 48, 0.5)
    assert fresh_network(name, 7, 48).num_embedded > 0

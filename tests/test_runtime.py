"""What runs networks: providers that are there or refused, and packages that report nothing to their makers."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import mien
from mien.errors import InvalidInput
from mien.recognition import load_classifier
from mien.runtime import PROVIDERS

AVAILABLE = onnxruntime.get_available_providers()


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_runs_the_network_or_says_how_to_have_it(name: str, astronaut: Path) -> None:
    provider = PROVIDERS[name]
    if provider.name in AVAILABLE:
        faces = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
        np.testing.assert_allclose(
            load_classifier("mini-xception", provider=name)(faces), load_classifier("mini-xception")(faces), atol=0.02
        )
        assert mien.Analyzer("mini-xception", provider=name)(astronaut)[0].label == "happy"
    else:
        how = f"pip uninstall onnxruntime, then pip install {provider.wheel}" if provider.wheel else provider.runs_on
        with pytest.raises(InvalidInput, match=rf"^provider {name} is not in this .*which has: cpu.*{how}"):
            mien.Analyzer("mini-xception", provider=name)


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^provider is one of cpu, cuda, openvino, coreml, directml; got 'gpu'"):
        mien.Analyzer(provider="gpu")
    with pytest.raises(InvalidInput, match="provider: only for a model that is given by its name or file"):
        mien.Analyzer(load_classifier("mini-xception"), provider="cpu")


def test_openvino_reports_nothing(tmp_path: Path) -> None:
    """Imported by itself, it writes an identifier into the home folder and sends an event to Google Analytics."""
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("needs the extra openvino: pip install 'mien[openvino]'")
    code = (
        "import sys; from mien.runtime import import_openvino; import_openvino().Core();"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry')])"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
    assert [*tmp_path.iterdir()] == []

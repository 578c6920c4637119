import importlib.util
import json
from pathlib import Path

import numpy as np

from mien.recognition import load_classifier, missing_models

HERE = Path(__file__).parent


def test_shipped_models_answer_as_they_did() -> None:
    """onnxruntime's kernels differ from processor to processor by their rounding, and by no more.

    In eight bits that is much: processors without VNNI saturate sums that others hold.
    """
    spec = importlib.util.spec_from_file_location("make_golden", HERE / "make_golden.py")
    assert spec
    assert spec.loader
    make_golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_golden)
    golden = json.loads((HERE / "golden.json").read_text(encoding="utf-8"))
    now = make_golden.answers()
    assert now.keys() == golden.keys() - missing_models().keys()
    for name in now:
        info = load_classifier(name).info
        in_eight_bits = info.parity.get("format") == "onnx-int8" or "accuracy_before_quantization" in info.measured
        np.testing.assert_allclose(now[name], golden[name], atol=0.3 if in_eight_bits else 2e-3, err_msg=name)

import pytest
import torch

from mien.training.losses import has_bf16


@pytest.mark.parametrize(
    ("capabilities", "faster"),
    [({"avx512_bf16": True, "amx_bf16": False}, False), ({"avx512_bf16": True, "amx_bf16": True}, True), ({}, False)],
)
def test_bfloat16_is_used_where_matrices_are_multiplied_in_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], faster: bool
) -> None:
    """Fault 16: with AVX-512's alone a step takes longer than in float32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert has_bf16(torch.device("cpu")) == faster

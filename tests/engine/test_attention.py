"""Attention in slices is attention; what a machine lacks is said."""

import sys
from collections.abc import Callable

import pytest
import torch

from colabsd.engine import attention
from colabsd.engine.attention import sliced, use_attention
from colabsd.engine.engine import Engine
from colabsd.engine.networks import DiffusersUNet
from colabsd.errors import UsageError
from colabsd.planning.plans import Drawing, Execution

BOUND = 2e-6  # fp32: kernels add up in another order when there are fewer queries


@pytest.mark.parametrize("scores", [1, 77, 1000, 10**9])
def test_slices_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch, scores: int) -> None:
    monkeypatch.setattr(attention, "SLICE_SCORES", scores)
    generator = torch.Generator().manual_seed(1)
    query, keys, values = (torch.randn((2, 3, tokens, 8), generator=generator) for tokens in (50, 77, 77))
    whole = torch.nn.functional.scaled_dot_product_attention(query, keys, values)
    assert float((sliced(query, keys, values) - whole).abs().max()) <= BOUND


def test_a_picture_drawn_in_slices_is_the_picture(
    small_engine: Engine, drawing: Callable[..., Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "SLICE_SCORES", 1000)
    calls: list[int] = []

    def counted(*tensors: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return sliced(*tensors)

    monkeypatch.setitem(attention.KINDS, "sliced", counted)  # type: ignore[arg-type]
    in_slices = small_engine.with_execution(Execution(attention="sliced"))
    found = [step.latents for step, _ in in_slices.steps([drawing()])][-1]
    assert calls
    whole = [step.latents for step, _ in small_engine.steps([drawing()])][-1]  # set back by its own execution
    assert float((found - whole).abs().max()) <= 1e-4 * float(whole.abs().max())  # three steps let it grow


def test_networks_of_diffusers_are_sliced_their_own_way_and_set_back() -> None:
    pytest.importorskip("diffusers")
    torch.manual_seed(0)
    network = DiffusersUNet(
        {
            "sample_size": 8,
            "block_out_channels": [8, 16],
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
            "layers_per_block": 1,
            "cross_attention_dim": 8,
            "attention_head_dim": 2,
            "norm_num_groups": 4,
        }
    ).eval()
    latents, text = torch.randn((1, 4, 8, 8)), torch.randn((1, 5, 8))
    with torch.inference_mode():
        whole = network(latents, torch.tensor(5), network.prepare(text))
        use_attention(network, "sliced")
        in_slices = network(latents, torch.tensor(5), network.prepare(text))
        use_attention(network, "sdpa")
        again = network(latents, torch.tensor(5), network.prepare(text))
    assert float((in_slices - whole).abs().max()) <= BOUND * 10 and torch.equal(again, whole)


def test_an_xformers_that_does_not_work_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xformers.ops", None)
    with pytest.raises(UsageError, match="xformers"):
        attention.by_xformers(*(torch.zeros((1, 1, 2, 4)),) * 3)

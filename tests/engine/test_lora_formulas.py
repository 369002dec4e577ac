"""What each kind of adapter makes of a weight: by its own definition, and as peft and LyCORIS merge the same files."""

import copy
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from colabsd.engine.lora import Change
from colabsd.errors import DamagedLoraError, LoraMismatchError
from colabsd.models.lora_files import place_lora, read_lora_file

OUT, IN, RANK, ALPHA = 12, 8, 4, 2.0
CLOSE: dict[str, Any] = {"atol": 1e-5, "rtol": 1e-5}  # sums of some dozen products of numbers about 1, in fp32
NAME = "lora_unet_thing"


def layers() -> dict[str, nn.Module]:
    """A linear layer, a convolution, and one of 1 × 1, with seeded weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return {"linear": nn.Linear(IN, OUT), "conv": nn.Conv2d(IN, OUT, 3), "point": nn.Conv2d(IN, OUT, 1)}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + math.prod(shape)))


def merged(path: Path, tensors: dict[str, Tensor], layer: nn.Module, strength: float = 1.0) -> dict[str, Tensor]:
    """The layer's parameters with what a file of these tensors makes of them; its module may have any name."""
    contiguous = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path)
    state = {f"thing.{name}": one.detach().clone() for name, one in layer.state_dict().items()}
    lora = read_lora_file(path)
    for module in place_lora(lora, {"unet": {name: tuple(one.shape) for name, one in state.items()}}, "sd1"):
        state[module.weight] = state[module.weight] + Change(lora, module, strength, None).delta(state[module.weight])
    return {name.removeprefix("thing."): one for name, one in state.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "adapter.safetensors"


def named(**tensors: Tensor) -> dict[str, Tensor]:
    return {f"{NAME}.{name}": tensor for name, tensor in tensors.items()} | {f"{NAME}.alpha": torch.tensor(ALPHA)}


# By definition.


def test_loha_is_the_product_of_each_pair_of_numbers_of_two_products(path: Path) -> None:
    pairs = {"hada_w1_a": random(OUT, RANK), "hada_w1_b": random(RANK, IN * 9, seed=1)}
    pairs |= {"hada_w2_a": random(OUT, RANK, seed=2), "hada_w2_b": random(RANK, IN * 9, seed=3)}
    layer = layers()["conv"]
    found = merged(path, named(**pairs), layer, 0.5)["weight"]
    for row in (0, OUT - 1):
        for column in (0, IN * 9 - 1):
            first = sum(pairs["hada_w1_a"][row, one] * pairs["hada_w1_b"][one, column] for one in range(RANK))
            second = sum(pairs["hada_w2_a"][row, one] * pairs["hada_w2_b"][one, column] for one in range(RANK))
            before = layer.get_parameter("weight").flatten(1)[row, column]
            assert torch.allclose(found.flatten(1)[row, column], before + 0.5 * ALPHA / RANK * first * second, **CLOSE)


def test_lokr_is_a_matrix_of_blocks_each_the_second_times_a_number_of_the_first(path: Path) -> None:
    first, left, right = random(3, 2), random(4, 2, seed=1), random(2, 4, seed=2)
    layer = layers()["linear"]
    found = merged(path, named(lokr_w1=first, lokr_w2_a=left, lokr_w2_b=right), layer)["weight"]
    difference = (found - layer.get_parameter("weight")).reshape(3, 4, 2, 4)
    for row in range(3):
        for column in range(2):
            block = first[row, column] * (left @ right) * ALPHA / 2
            assert torch.allclose(difference[row, :, column], block, **CLOSE)


def test_an_alpha_means_nothing_where_both_of_lokrs_matrices_are_whole(path: Path) -> None:
    layer = layers()["linear"]
    found = merged(path, named(lokr_w1=random(3, 2), lokr_w2=random(4, 4)), layer)["weight"]
    assert torch.allclose(found - layer.get_parameter("weight"), torch.kron(random(3, 2), random(4, 4)), **CLOSE)


@pytest.mark.parametrize("name", ["linear", "conv"])
@pytest.mark.parametrize("axis", [0, 1])
def test_dora_gives_each_row_or_column_its_length(path: Path, name: str, axis: int) -> None:
    layer = layers()[name]
    before = layer.get_parameter("weight").detach()
    side = before.shape[axis]
    lengths = random(side).abs() + 0.5
    shape = [side if one == axis else 1 for one in range(before.ndim)]
    down, up = random(RANK, *before.shape[1:]), random(OUT, RANK, *([1, 1] if before.ndim == 4 else []))
    tensors = named(**{"lora_down.weight": down, "lora_up.weight": up, "dora_scale": lengths.reshape(shape)})
    found = merged(path, tensors, layer)["weight"]
    assert torch.allclose(found.transpose(0, axis).flatten(1).norm(dim=1), lengths, **CLOSE)
    direction = before + (up.flatten(1) @ down.flatten(1)).reshape(before.shape) * ALPHA / RANK
    cosines = nn.functional.cosine_similarity(
        found.transpose(0, axis).flatten(1), direction.transpose(0, axis).flatten(1)
    )
    assert torch.allclose(cosines, torch.ones(side), **CLOSE)
    half = merged(path, tensors, layer, 0.5)["weight"]
    assert torch.allclose(half, (before + found) / 2, **CLOSE)


def test_factors_of_ia3_are_of_outputs_or_inputs(path: Path) -> None:
    layer = layers()["conv"]
    before = layer.get_parameter("weight").detach()
    for on_input, side, shape in ((False, OUT, (OUT, 1, 1, 1)), (True, IN, (1, IN, 1, 1))):
        tensors = {f"{NAME}.weight": random(side), f"{NAME}.on_input": torch.tensor(on_input)}
        found = merged(path, tensors, layer)["weight"]
        assert torch.allclose(found, before * (1 + random(side).reshape(shape)), **CLOSE)


def test_a_difference_is_added_to_the_weight_and_to_the_bias(path: Path) -> None:
    layer = layers()["linear"]
    tensors = {f"{NAME}.diff": random(OUT, IN), f"{NAME}.diff_b": random(OUT, seed=1)}
    found = merged(path, tensors, layer, 0.5)
    assert torch.allclose(found["weight"], layer.get_parameter("weight") + random(OUT, IN) / 2)
    assert torch.allclose(found["bias"], layer.get_parameter("bias") + random(OUT, seed=1) / 2)


def test_a_loras_bias_is_scaled_as_its_weight_is(path: Path) -> None:
    layer = layers()["linear"]
    halves = {"lora_down.weight": torch.zeros(RANK, IN), "lora_up.weight": torch.zeros(OUT, RANK)}
    found = merged(path, named(**halves, **{"lora_up.bias": random(OUT)}), layer)
    assert torch.allclose(found["bias"], layer.get_parameter("bias") + random(OUT) * ALPHA / RANK)


# Refused.


@pytest.mark.parametrize(
    "tensors",
    [
        {"hada_w1_a": (OUT, RANK), "hada_w1_b": (RANK, IN + 1), "hada_w2_a": (OUT, RANK), "hada_w2_b": (RANK, IN + 1)},
        {"lokr_w1": (3, 2), "lokr_w2": (4, 5)},
        {"lokr_w1": (3, 2), "lokr_w2": (4, 2, 2, 1)},
        {"lokr_w1": (3,), "lokr_w2": (4, 4)},
        {"diff": (OUT, IN + 1)},
        {"diff_b": (OUT + 1,)},
        {"weight": (IN + 1,), "on_input": ()},
        {"lora_down.weight": (RANK, IN), "lora_up.weight": (OUT, RANK), "dora_scale": (OUT + 1, 1)},
        {"lora_down.weight": (RANK, IN), "lora_up.weight": (OUT, RANK), "alpha": (2,)},
    ],
)
def test_shapes_that_make_no_such_weight_are_refused(path: Path, tensors: dict[str, tuple[int, ...]]) -> None:
    files = {f"{NAME}.{name}": torch.ones(shape) for name, shape in tensors.items()}
    with pytest.raises(LoraMismatchError, match=NAME):
        merged(path, files, layers()["linear"])


@pytest.mark.parametrize(
    "names",
    [
        ("hada_w1_a", "hada_w1_b", "hada_w2_a"),
        ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1"),
        ("lokr_w1", "lokr_w2_a"),
        ("on_input",),
        ("dora_scale",),
    ],
)
def test_what_is_not_whole_is_told(path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(DamagedLoraError, match=NAME):
        merged(path, {f"{NAME}.{name}": torch.ones(2, 2) for name in names}, layers()["linear"])


# As others merge them.


def peft_configs() -> Iterator[tuple[str, Any]]:
    peft = pytest.importorskip("peft")
    to_all: dict[str, Any] = {"target_modules": ["linear", "conv", "point"]}
    for effective in (False, True):
        loha = {"r": RANK, "alpha": RANK, "use_effective_conv2d": effective, "init_weights": False}
        yield f"LoHa {effective}", peft.LoHaConfig(**loha, **to_all)
        lokr = {"r": 1, "alpha": 1, "decompose_both": effective, "use_effective_conv2d": effective}
        yield f"LoKr {effective}", peft.LoKrConfig(**lokr, init_weights=False, **to_all)
    lora = {"r": RANK, "lora_alpha": RANK, "init_lora_weights": False}
    yield "LoRA", peft.LoraConfig(**lora, **to_all)
    yield "DoRA", peft.LoraConfig(**lora, use_dora=True, **to_all)


def test_it_is_what_peft_merges(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layer, with peft's own names in the file."""
    monkeypatch.setitem(sys.modules, "torchao", None)  # peft refuses to work beside Colab's; so it counts as absent
    peft = pytest.importorskip("peft")
    for title, config in peft_configs():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            model = peft.get_peft_model(nn.ModuleDict(copy.deepcopy(layers())), config)
            for name, parameter in model.named_parameters():
                if "magnitude" in name:
                    nn.init.uniform_(parameter, 0.5, 2.0)
        saved = peft.get_peft_model_state_dict(model)
        fused = model.merge_and_unload()
        for name, layer in layers().items():
            own = {key.replace(f".{name}.", ".thing."): one for key, one in saved.items() if f".{name}." in key}
            found = merged(path, own, layer)["weight"]
            assert torch.allclose(found, fused[name].weight, **CLOSE), (title, name)
            assert not torch.allclose(found, layer.get_parameter("weight"), **CLOSE), (title, name)


LYCORIS: dict[str, list[dict[str, Any]]] = {
    "locon.LoConModule": [{}, {"use_tucker": True}, {"weight_decompose": True, "wd_on_out": False}],
    "loha.LohaModule": [{}, {"use_tucker": True}, {"weight_decompose": True}],
    "lokr.LokrModule": [
        {"full_matrix": True},
        {"decompose_both": True},
        {"use_tucker": True, "weight_decompose": True, "wd_on_out": False},
    ],
}


@pytest.mark.parametrize("kind", LYCORIS)
def test_a_layer_computes_what_lycoris_computes_while_training(path: Path, kind: str) -> None:
    """Every layer, with and without Tucker's form and DoRA's lengths, from the file that LyCORIS would save.

    Its own merging scales LoHa and LoKr twice (4.1.3), which its training does not.
    """
    modules = pytest.importorskip(f"lycoris.modules.{kind.partition('.')[0]}")
    build = getattr(modules, kind.partition(".")[2])
    for options in LYCORIS[kind]:
        for name, layer in layers().items():
            rank = 1 if "lokr" in kind else RANK
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(5)
                module = build("thing", copy.deepcopy(layer), 1.0, rank, ALPHA, **options)
                for parameter in module.parameters():
                    nn.init.uniform_(parameter, 0.2, 1.0)
            shown = random(2, IN) if name == "linear" else random(2, IN, 6, 6)
            saved = {f"{NAME}.{key}": one for key, one in module.custom_state_dict().items()}
            changed = copy.deepcopy(layer)
            changed.load_state_dict(merged(path, saved, layer))
            module.apply_to()
            assert torch.allclose(changed(shown), module(shown), atol=1e-4, rtol=1e-4), (options, name)

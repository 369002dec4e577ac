"""LoRAs in a model's weights: exact while they are in, gone without a trace when they are out."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

import colabsd
from colabsd.engine.adaptation import check_fit, networks_of
from colabsd.engine.engine import Engine
from colabsd.engine.lora import LoraMerge
from colabsd.engine.model_parts import open_parts
from colabsd.errors import DamagedLoraError, LoraMismatchError, UnknownLoraError
from colabsd.models.adapters import AdapterFolders
from colabsd.models.cards import ModelCard
from colabsd.models.digests import digest_file
from colabsd.planning.plans import Drawing, Execution, LoraUse

pytestmark = pytest.mark.integration

Draw = Callable[..., Drawing]
Load = Callable[..., Engine]
RANK, ALPHA = 4, 2.0


@pytest.fixture
def engine(load_small: Load, small_card: ModelCard) -> Engine:
    """The small model, loaded anew: its weights will change."""
    return load_small(small_card)


@pytest.fixture
def merge(engine: Engine) -> LoraMerge:
    assert engine.adaptation.merge is not None
    return engine.adaptation.merge


def weights(engine: Engine) -> dict[tuple[str, str], Tensor]:
    """A copy of all that LoRAs can change."""
    networks = networks_of(engine.components, engine.card.family)
    return {(part, name): one.clone() for part, net in networks.items() for name, one in net.named_parameters()}


def is_changed(part: str, name: str, tensor: Tensor) -> bool:
    """What the LoRAs of these tests change: attention, and the convolutions of residual blocks."""
    return tensor.ndim > 1 and any(word in name for word in (".attn", "self_attn", "proj_in", "conv1"))


def halves(base: Mapping[tuple[str, str], Tensor], seed: int) -> dict[tuple[str, str], tuple[Tensor, Tensor]]:
    """Random down and up tensors for every weight that is changed."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for (part, name), tensor in base.items():
        if is_changed(part, name, tensor):
            ones = (1, 1) if tensor.ndim == 4 else ()
            down = torch.randn(RANK, *tensor.shape[1:], generator=generator)
            found[part, name] = down, torch.randn(tensor.shape[0], RANK, *ones, generator=generator)
    return found


def kohya(pairs: Mapping[tuple[str, str], tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    tensors = {}
    for (part, name), (down, up) in pairs.items():
        beginning = "lora_unet_" if part == "unet" else "lora_te_text_model_"
        module = beginning + name.removesuffix(".weight").replace(".", "_")
        tensors |= {f"{module}.lora_down.weight": down, f"{module}.lora_up.weight": up}
        tensors[f"{module}.alpha"] = torch.tensor(ALPHA)
    return tensors


def peft(pairs: Mapping[tuple[str, str], tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    tensors = {}
    for (part, name), (down, up) in pairs.items():
        module = f"{part}.{'text_model.' if part != 'unet' else ''}{name.removesuffix('.weight')}"
        tensors |= {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    return tensors


@pytest.fixture
def make_lora(engine: Engine, tmp_path: Path) -> Callable[..., tuple[LoraUse, Path]]:
    """Writes a LoRA of kohya's layout for the small model; returns how it is used, and its file."""
    base = weights(engine)
    (tmp_path / "loras").mkdir()

    def make(name: str, seed: int = 1, **strengths: Any) -> tuple[LoraUse, Path]:
        path = tmp_path / "loras" / f"{name}.safetensors"
        if not path.exists():
            save_file(kohya(halves(base, seed)), path)
        return LoraUse(name=name, sha256=digest_file(path), **strengths), path

    return make


def use(merge: LoraMerge, *loras: tuple[LoraUse, Path]) -> bool:
    work = merge.use(loras)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return bool(end.value)


def equal(first: Mapping[Any, Tensor], second: Mapping[Any, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_each_weight_becomes_itself_and_the_scaled_product(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]]
) -> None:
    """W + strength · alpha / rank · up @ down in fp32, equal to the last bit."""
    base = weights(engine)
    assert use(merge, make_lora("ink", unet=0.7, text_encoder=0.3))
    pairs = halves(base, 1)
    assert len(pairs) > 30
    for (part, name), found in weights(engine).items():
        wanted = base[part, name]
        if (part, name) in pairs:
            down, up = pairs[part, name]
            product = (up.flatten(1) @ down.flatten(1)).reshape(wanted.shape)
            wanted = wanted + product * ((0.7 if part == "unet" else 0.3) * (ALPHA / RANK))
        assert torch.equal(found, wanted), (part, name)


def test_taken_out_it_leaves_the_weights_bit_for_bit(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]]
) -> None:
    base = weights(engine)
    for _ in range(3):
        assert use(merge, make_lora("ink"), make_lora("rain", 2, unet=-0.4))
        assert not equal(weights(engine), base)
        assert use(merge)
        assert equal(weights(engine), base)
    assert not use(merge)


def test_in_half_precision_it_comes_and_goes_bit_for_bit(
    load_small: Load, small_card: ModelCard, make_lora: Callable[..., tuple[LoraUse, Path]]
) -> None:
    """The sum is rounded once, from the file's own precision; what is left is what was loaded."""
    engine = load_small(small_card, Execution(precision="bf16"))
    assert engine.adaptation.merge is not None
    base, exact = weights(engine), open_parts(small_card).tensors("unet")
    use(engine.adaptation.merge, make_lora("ink"))
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    down, up = halves(weights(load_small(small_card)), 1)["unet", name]
    wanted = (exact[name] + (up @ down) * (ALPHA / RANK)).bfloat16()
    assert torch.equal(weights(engine)["unet", name], wanted)
    use(engine.adaptation.merge)
    assert equal(weights(engine), base)


def test_several_add_up_and_what_was_there_before_does_not_matter(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]]
) -> None:
    both = make_lora("ink", unet=0.5), make_lora("rain", 2, text_encoder=2.0)
    use(merge, *both)
    together = weights(engine)
    use(merge, make_lora("snow", 3))
    use(merge, *both)
    assert equal(weights(engine), together)


def test_text_encoder_and_unet_have_their_own_strengths(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]]
) -> None:
    base = weights(engine)
    for strengths, part in (({"unet": 0.0}, "unet"), ({"text_encoder": 0.0}, "text_encoder")):
        use(merge, make_lora("ink", **strengths))
        for (where, name), tensor in weights(engine).items():
            untouched = where == part or not is_changed(where, name, tensor)
            assert torch.equal(tensor, base[where, name]) == untouched, (where, name)


def test_every_layout_gives_the_same_weights(engine: Engine, merge: LoraMerge, tmp_path: Path) -> None:
    pairs = halves(weights(engine), 5)
    found = []
    for index, tensors in enumerate((kohya(pairs), peft(pairs))):
        path = tmp_path / f"{index}.safetensors"
        settings = '{"unet.lora_alpha": 2, "text_encoder.lora_alpha": 2}'
        save_file(tensors, path, {"lora_adapter_metadata": settings} if index else None)
        use(merge, (LoraUse(name=str(index)), path))
        found.append(weights(engine))
    torch.save(kohya(pairs), tmp_path / "2.pt")
    use(merge, (LoraUse(name="2"), tmp_path / "2.pt"))
    assert equal(found[0], found[1]) and equal(found[0], weights(engine))


def test_a_merged_convolution_computes_what_the_three_behind_each_other_do(
    engine: Engine, merge: LoraMerge, tmp_path: Path
) -> None:
    """LoCon with a middle (CP decomposition): down 1 × 1, middle 3 × 3, up 1 × 1.

    The results are some hundreds in size, sums of thousands of products in fp32: they agree to 1e-4 of that.
    """
    name = "mid_block.resnets.0.conv1"
    generator = torch.Generator().manual_seed(4)
    shapes = {"down": (3, 64, 1, 1), "mid": (3, 3, 3, 3), "up": (64, 3, 1, 1)}
    parts = {role: torch.randn(shape, generator=generator) for role, shape in shapes.items()}
    path = tmp_path / "a.safetensors"
    save_file({f"lora_unet_{name.replace('.', '_')}.lora_{role}.weight": one for role, one in parts.items()}, path)
    base = weights(engine)["unet", f"{name}.weight"]
    use(merge, (LoraUse(name="a"), path))
    delta = weights(engine)["unet", f"{name}.weight"] - base
    picture = torch.randn(1, 64, 8, 8, generator=generator)
    behind = functional.conv2d(picture, parts["down"])
    behind = functional.conv2d(functional.conv2d(behind, parts["mid"], padding=1), parts["up"])
    assert torch.allclose(functional.conv2d(picture, delta, padding=1), behind, atol=1e-2, rtol=1e-4)


def test_only_the_first_ranks_are_used_where_a_tag_says_so(engine: Engine, merge: LoraMerge, tmp_path: Path) -> None:
    """The scale stays that of the whole, as in A1111."""
    base = weights(engine)
    pairs = halves(base, 6)
    path = tmp_path / "a.safetensors"
    save_file(kohya(pairs), path)
    use(merge, (LoraUse(name="a", ranks=1), path))
    place = "unet", "mid_block.attentions.0.transformer_blocks.0.attn2.to_v.weight"
    down, up = pairs[place]
    assert torch.equal(weights(engine)[place], base[place] + (up[:, :1] @ down[:1]) * (ALPHA / RANK))


def test_a_merge_that_was_interrupted_is_put_right(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]]
) -> None:
    base = weights(engine)
    work = merge.use([make_lora("ink")])
    next(work)
    next(work)
    work.close()
    assert not equal(weights(engine), base)
    use(merge)
    assert equal(weights(engine), base)


def test_one_that_does_not_fit_changes_nothing(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]], tmp_path: Path
) -> None:
    base = weights(engine)
    bad = tmp_path / "bad.safetensors"
    name = "lora_unet_mid_block_resnets_0_conv1"
    save_file({f"{name}.lora_down.weight": torch.ones(2, 5), f"{name}.lora_up.weight": torch.ones(3, 2)}, bad)
    with pytest.raises(LoraMismatchError, match="bad"):
        use(merge, make_lora("ink"), (LoraUse(name="bad"), bad))
    assert equal(weights(engine), base)


def test_numbers_that_are_none_are_told_and_the_next_use_is_right(
    engine: Engine, merge: LoraMerge, make_lora: Callable[..., tuple[LoraUse, Path]], tmp_path: Path
) -> None:
    base = weights(engine)
    pairs = halves(base, 7)
    pairs["unet", "mid_block.resnets.0.conv1.weight"][0][0, 0, 0, 0] = float("nan")
    path = tmp_path / "nan.safetensors"
    save_file(kohya(pairs), path)
    with pytest.raises(DamagedLoraError, match="mid_block_resnets_0_conv1"):
        use(merge, (LoraUse(name="nan"), path))
    use(merge)
    assert equal(weights(engine), base)


# Drawings.


def latents(engine: Engine, drawing: Drawing) -> Tensor:
    return [step.latents for step, _ in engine.steps([drawing])][-1]


def test_a_drawing_has_its_loras_and_the_next_one_does_not(
    engine: Engine, make_lora: Callable[..., tuple[LoraUse, Path]], drawing: Draw, tmp_path: Path
) -> None:
    plain = latents(engine, drawing())
    engine.adapters = AdapterFolders(tmp_path)
    with_lora = drawing(loras=(make_lora("ink", unet=0.2, text_encoder=0.2)[0],))
    first = latents(engine, with_lora)
    assert not torch.equal(first, plain)
    assert torch.equal(latents(engine, drawing()), plain)
    assert torch.equal(latents(engine, with_lora), first)


def test_run_another_way_an_engine_knows_what_is_in_its_weights(
    engine: Engine, make_lora: Callable[..., tuple[LoraUse, Path]], drawing: Draw, tmp_path: Path
) -> None:
    """As after a shortage of memory: with the LoRA it is the same, without it there is no trace of it, in both."""
    plain = latents(engine, drawing())
    engine.adapters = AdapterFolders(tmp_path)
    with_lora = drawing(loras=(make_lora("ink", unet=0.2, text_encoder=0.2)[0],))
    first = latents(engine, with_lora)
    other = engine.with_execution(Execution(tiling=True))
    assert torch.equal(latents(other, with_lora), first)
    assert torch.equal(latents(other, drawing()), plain)
    assert torch.equal(latents(engine, with_lora), first)
    assert torch.equal(latents(engine, drawing()), plain)


def test_text_is_encoded_anew_when_the_encoder_changes(
    engine: Engine, make_lora: Callable[..., tuple[LoraUse, Path]], drawing: Draw, tmp_path: Path
) -> None:
    engine.adapters = AdapterFolders(tmp_path)
    plain = latents(engine, drawing())
    assert not torch.equal(latents(engine, drawing(loras=(make_lora("ink", unet=0.0)[0],))), plain)


def test_a_lora_is_found_by_its_digest_whatever_it_is_called(
    engine: Engine, make_lora: Callable[..., tuple[LoraUse, Path]], drawing: Draw, tmp_path: Path
) -> None:
    lora, path = make_lora("ink")
    path.rename(path.with_stem("renamed"))
    make_lora("ink", 9)
    folders = AdapterFolders(tmp_path)
    assert folders.find_lora(lora.name, lora.sha256).stem == "renamed"
    with pytest.raises(UnknownLoraError, match="ink"):
        folders.find_lora("ink", "0" * 64)
    check_fit(engine.card, [drawing(loras=(lora,))], folders)


TORCHAO = """
import sys
from importlib.metadata import version

from colabsd.library.library import KeptPicture
from colabsd.settings.images import ImageSettings
from colabsd.studio import open_studio

model, lora, folder = sys.argv[1:]
assert version("torchao") == "0.10.0"
asked = ImageSettings(prompt="red apple", model=model, lora=(lora,), steps=1, seed=7, width=64, height=64)
studio = open_studio(folder, language="en", environ={"HOME": folder, "XDG_CACHE_HOME": folder})
with studio.library:
    kept = [event for event in studio.draw(asked) if isinstance(event, KeptPicture)]
assert len(kept) == 1 and kept[0].picture.drawing.loras
assert not {"peft", "torchao"} & set(sys.modules)
"""


def test_the_torchao_that_colab_brings_along_does_no_harm(
    make_lora: Callable[..., tuple[LoraUse, Path]], small_model_folder: Path, tmp_path: Path
) -> None:
    """peft refuses to work beside torchao 0.10.0, which is on Colab; LoRAs are merged without either of them."""
    site = tmp_path / "site"
    (site / "torchao").mkdir(parents=True)
    (site / "torchao" / "__init__.py").write_text('raise ImportError("Found an incompatible version of torchao")')
    (site / "torchao-0.10.0.dist-info").mkdir()
    (site / "torchao-0.10.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchao\nVersion: 0.10.0\n"
    )
    lora = make_lora("ink", unet=0.2)[1]
    command = [sys.executable, "-c", TORCHAO, str(small_model_folder), f"{lora}:0.2", str(tmp_path / "workspace")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(colabsd.__file__).parents[1])])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

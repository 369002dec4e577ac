"""Loading: layouts old and new, damaged and hostile files, networks that are diffusers' number for number."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from colabsd.engine.engine import Engine
from colabsd.engine.model_parts import OLD_ATTENTION
from colabsd.engine.networks import DiffusersAutoencoder, DiffusersUNet, build_autoencoder, build_unet
from colabsd.engine.unet import UNet
from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsafePickleError
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution

Load = Callable[..., Engine]


@pytest.fixture
def copy(small_model_folder: Path, small_card: ModelCard, tmp_path: Path) -> ModelCard:
    """The small model's card over a copy of its files that a test may spoil."""
    folder = tmp_path / "copy"
    shutil.copytree(small_model_folder, folder)
    return replace(small_card, source=str(folder))


def weights(card: ModelCard, part: str) -> Path:
    assert card.folder is not None
    return next((card.folder / part).glob("*.safetensors"))


def latents(engine: Engine, drawing: Drawing) -> torch.Tensor:
    return [step.latents for step, _ in engine.steps([drawing])][-1]


class Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch hacked",)


def test_a_hostile_pickle_is_refused_and_does_nothing(
    copy: ModelCard, load_small: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = weights(copy, "unet").with_suffix(".bin")
    weights(copy, "unet").unlink()
    torch.save({"conv_in.weight": Hostile()}, path)
    with pytest.raises(UnsafePickleError) as error:
        load_small(copy)
    assert "system" in str(error.value)
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(UnsafePickleError):
        load_small(copy)
    torch.save({"conv_in.weight": Hostile()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(UnsafePickleError):
        load_small(copy)
    assert not (tmp_path / "hacked").exists()


def test_a_harmless_bin_file_draws_the_same(
    copy: ModelCard, load_small: Load, small_engine: Engine, drawing: Callable[..., Drawing]
) -> None:
    path = weights(copy, "unet")
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    assert torch.equal(latents(load_small(copy), drawing()), latents(small_engine, drawing()))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_truncated_file_is_named(copy: ModelCard, load_small: Load, part: str) -> None:
    path = weights(copy, part)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedWeightsError) as error:
        load_small(copy)
    assert error.value.facts["path"] == path


@pytest.mark.parametrize("content", [b"", b"garbage" * 10, b"PK\x03\x04 no archive"])
def test_a_bin_file_that_is_none_is_damaged(copy: ModelCard, load_small: Load, content: bytes) -> None:
    weights(copy, "unet").unlink()
    (Path(copy.source) / "unet" / "diffusion_pytorch_model.bin").write_bytes(content)
    with pytest.raises(DamagedWeightsError):
        load_small(copy)


def test_a_file_that_lacks_a_tensor_is_damaged(copy: ModelCard, load_small: Load) -> None:
    path = weights(copy, "unet")
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path)
    with pytest.raises(DamagedWeightsError, match=r"conv_in\.weight"):
        load_small(copy)


@pytest.mark.parametrize(
    "name", ["unet/config.json", "tokenizer/vocab.json", "vae/diffusion_pytorch_model.safetensors"]
)
def test_a_missing_file_is_named(copy: ModelCard, load_small: Load, name: str) -> None:
    (Path(copy.source) / name).unlink()
    with pytest.raises(MissingWeightsError) as error:
        load_small(copy)
    assert error.value.facts["path"] == Path(copy.source) / name


@pytest.mark.parametrize("name", ["unet/config.json", "text_encoder/config.json", "tokenizer/vocab.json"])
@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_broken_configuration_is_our_error(copy: ModelCard, load_small: Load, name: str, content: str) -> None:
    (Path(copy.source) / name).write_text(content)
    with pytest.raises(DamagedWeightsError):
        load_small(copy)


def test_a_text_encoder_with_either_set_of_names_loads_the_same(
    copy: ModelCard, load_small: Load, small_engine: Engine, drawing: Callable[..., Drawing]
) -> None:
    path = weights(copy, "text_encoder")
    tensors = {name.removeprefix("text_model."): tensor for name, tensor in load_file(path).items()}
    save_file(tensors | {"embeddings.position_ids": torch.arange(77)[None]}, path)
    assert torch.equal(latents(load_small(copy), drawing()), latents(small_engine, drawing()))


def test_an_autoencoder_with_the_old_names_loads_the_same(
    copy: ModelCard, load_small: Load, small_engine: Engine
) -> None:
    path = weights(copy, "vae")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = load_file(path)
    for new, name in old.items():
        tensors = {key.replace(f".attentions.0.{new}.", f".attentions.0.{name}."): one for key, one in tensors.items()}
    assert any(OLD_ATTENTION.search(key) for key in tensors)
    save_file(tensors, path)
    ones = torch.ones(1, 4, 8, 8)
    with torch.inference_mode():
        assert torch.equal(load_small(copy).components.vae.decode(ones), small_engine.components.vae.decode(ones))


def test_loading_tells_how_far_it_is(small_card: ModelCard) -> None:
    from colabsd.engine.engine import load_engine

    loading = load_engine(small_card, Execution())
    assert [(event.stage, event.done) for event in loading][-1] == ("load", 3)


UNETS: list[dict[str, Any]] = [
    {},
    {"use_linear_projection": True, "attention_head_dim": [2, 4]},
    {"resnet_time_scale_shift": "scale_shift", "addition_embed_type": "text", "addition_embed_type_num_heads": 4},
    {"layers_per_block": 2, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]},
]


@pytest.mark.parametrize("facts", UNETS, ids=str)
def test_our_unet_computes_what_diffusers_does(small_model_folder: Path, facts: dict[str, Any]) -> None:
    config = json.loads((small_model_folder / "unet" / "config.json").read_text()) | facts
    if facts.get("down_block_types"):
        config["up_block_types"] = ["CrossAttnUpBlock2D", "UpBlock2D"]
    ours, theirs = build_unet(config), DiffusersUNet(config)
    assert isinstance(ours, UNet)
    compare(ours, theirs, torch.randn(2, 4, 8, 8), torch.tensor(999), torch.randn(2, 77, 32))
    compare(ours, theirs, torch.randn(1, 4, 8, 16), torch.tensor(12.25), torch.randn(1, 154, 32))


def compare(ours: Any, theirs: Any, noise: torch.Tensor, timestep: torch.Tensor, embeddings: torch.Tensor) -> None:
    ours.load_state_dict(theirs.model.state_dict())
    with torch.inference_mode():
        mine = ours.eval()(noise, timestep, ours.prepare(embeddings))
        other = theirs.eval()(noise, timestep, theirs.prepare(embeddings))
    assert torch.equal(mine, other)


@pytest.mark.parametrize("attention", [True, False])
def test_our_decoder_computes_what_diffusers_does(small_model_folder: Path, attention: bool) -> None:
    config = json.loads((small_model_folder / "vae" / "config.json").read_text())
    config["mid_block_add_attention"] = attention
    ours, theirs = build_autoencoder(config), DiffusersAutoencoder(config)
    needed = {name: one for name, one in theirs.model.state_dict().items() if not name.startswith(ours.unused)}
    ours.load_state_dict(needed)
    noise = torch.randn(1, 4, 8, 12)
    with torch.inference_mode():
        assert torch.equal(ours.eval().decode(noise), theirs.eval().decode(noise))


def test_what_ours_does_not_know_is_left_to_diffusers(small_model_folder: Path) -> None:
    config = json.loads((small_model_folder / "unet" / "config.json").read_text())
    assert isinstance(build_unet(config | {"time_embedding_act_fn": "silu"}), DiffusersUNet)
    assert isinstance(build_unet(config | {"a_setting_of_tomorrow": 1}), DiffusersUNet)
    vae = json.loads((small_model_folder / "vae" / "config.json").read_text())
    assert isinstance(build_autoencoder(vae | {"act_fn": "relu"}), DiffusersAutoencoder)


def test_a_model_left_to_diffusers_draws(copy: ModelCard, load_small: Load, drawing: Callable[..., Drawing]) -> None:
    path = Path(copy.source) / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"time_embedding_act_fn": "silu"}))
    engine = load_small(copy)
    assert isinstance(engine.components.unet, DiffusersUNet)
    assert latents(engine, drawing()).isfinite().all()

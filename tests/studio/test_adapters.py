"""LoRAs, textual inversions, autoencoders and single files from the request to the kept picture, and again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from colabsd.errors import LoraMismatchError, UnknownLoraError, UnknownVaeError
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.settings.images import ImageSettings
from colabsd.studio import Comparison, Studio, open_studio
from colabsd.studio.exporting import export_model

pytestmark = pytest.mark.integration

Kind = TypeVar("Kind")
NAMES = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn2.to_q")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    write_adapters(tmp_path / "workspace" / "models")
    with opened.library:
        yield opened


def write_adapters(folder: Path) -> None:
    """A LoRA, one of another width, and a textual inversion of two vectors."""
    generator = torch.Generator().manual_seed(8)
    block = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_"

    def half(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    for name, width in (("ink", 32), ("wide", 40)):
        tensors = {}
        for module in NAMES:
            place = block + module.replace(".", "_")
            tensors |= {f"{place}.lora_down.weight": half(4, width), f"{place}.lora_up.weight": half(width, 4)}
        (folder / "loras").mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / "loras" / f"{name}.safetensors")
    (folder / "embeddings").mkdir()
    save_file({"emb_params": half(2, 32)}, folder / "embeddings" / "toy.safetensors")


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, width=64, height=64)


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def draw(studio: Studio, settings: ImageSettings) -> Path:
    (kept,) = only(KeptPicture, studio.draw(settings))
    return studio.workspace.root / kept.path


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def finish(work: Any) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_a_lora_changes_the_picture_is_recorded_and_the_picture_can_be_drawn_again(
    studio: Studio, asked: ImageSettings
) -> None:
    plain = draw(studio, asked)
    by_tag = draw(studio, replace(asked, prompt="red apple <lora:ink:0.5>"))
    by_setting = draw(studio, replace(asked, lora=("ink:0.5",)))
    assert pixels(by_tag) == pixels(by_setting) != pixels(plain)
    (use,) = read_manifest(by_setting).drawing.loras
    assert (use.name, use.unet, len(use.sha256)) == ("ink", 0.5, 64)
    for path in (plain, by_tag, by_setting):
        (comparison,) = only(Comparison, studio.again(str(path), verify=True))
        assert comparison.equal


def test_a_lora_by_its_path_is_found_again_from_anywhere(
    studio: Studio, asked: ImageSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (studio.workspace.root / "models/loras/ink.safetensors").rename(tmp_path / "moved.safetensors")
    monkeypatch.chdir(tmp_path)
    path = draw(studio, replace(asked, lora=("./moved.safetensors:0.5",)))
    monkeypatch.chdir("/")
    (comparison,) = only(Comparison, studio.again(str(path), verify=True))
    assert comparison.equal
    (tmp_path / "moved.safetensors").unlink()
    with pytest.raises(UnknownLoraError):
        list(studio.again(str(path), verify=True))


def test_a_lora_that_does_not_fit_is_refused_and_no_job_is_left(studio: Studio, asked: ImageSettings) -> None:
    with pytest.raises(LoraMismatchError, match="wide"):
        list(studio.draw(replace(asked, lora=("wide",))))
    with pytest.raises(UnknownLoraError, match="Nearest: ink"):
        list(studio.draw(replace(asked, lora=("inc",))))
    with pytest.raises(UnknownLoraError, match="no such file"):
        list(studio.draw(replace(asked, lora=("/nowhere/ink.safetensors",))))
    assert studio.unfinished() == []


def test_a_textual_inversion_changes_the_picture_and_is_recorded(studio: Studio, asked: ImageSettings) -> None:
    path = draw(studio, replace(asked, prompt="red toy"))
    assert [use.name for use in read_manifest(path).drawing.embeddings] == ["toy"]
    (comparison,) = only(Comparison, studio.again(str(path), verify=True))
    assert comparison.equal
    (studio.workspace.root / "models/embeddings/toy.safetensors").unlink()
    other = draw(studio, replace(asked, prompt="red toy"))
    assert pixels(other) != pixels(path) and read_manifest(other).drawing.embeddings == ()


def test_another_autoencoder_changes_the_picture_and_is_recorded(
    studio: Studio, asked: ImageSettings, small_model_folder: Path, tmp_path: Path
) -> None:
    plain = draw(studio, asked)
    folder = tmp_path / "soft"
    folder.mkdir()
    source = small_model_folder / "vae"
    (folder / "config.json").write_text((source / "config.json").read_text())
    tensors = load_file(source / "diffusion_pytorch_model.safetensors")
    save_file({name: one * 1.1 for name, one in tensors.items()}, folder / "diffusion_pytorch_model.safetensors")
    path = draw(studio, replace(asked, vae=str(folder)))
    drawing = read_manifest(path).drawing
    assert (drawing.vae, len(drawing.vae_sha256)) == ("soft", 64)
    assert pixels(path) != pixels(plain) and pixels(draw(studio, asked)) == pixels(plain)
    (comparison,) = only(Comparison, studio.again(str(path), verify=True))
    assert comparison.equal
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    studio._engine = None
    with pytest.raises(UnknownVaeError, match="soft"):
        list(studio.again(str(path), verify=True))
    with pytest.raises(UnknownVaeError, match="hard"):
        list(studio.draw(replace(asked, vae="hard")))


def test_a_single_file_draws_what_its_folder_draws_and_can_be_drawn_again(
    studio: Studio, asked: ImageSettings, tmp_path: Path
) -> None:
    file = tmp_path / "small.safetensors"
    assert finish(export_model(str(asked.model), file, studio.cache)) == file
    path = draw(studio, replace(asked, model=str(file)))
    assert pixels(path) == pixels(draw(studio, asked))
    manifest = read_manifest(path)
    assert manifest.drawing.model == "small"
    assert manifest.model_files == {"small.safetensors": manifest.drawing.model_sha256}
    (comparison,) = only(Comparison, studio.again(str(path), verify=True))
    assert comparison.equal

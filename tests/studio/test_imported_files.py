"""Pictures whose LoRAs, textual inversions and autoencoders have other names here are drawn with them all the same."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import load_file, save_file

from colabsd.library.infotext import read_infotext
from colabsd.library.library import KeptPicture
from colabsd.models.digests import content_digest, digest_file
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings
from colabsd.studio import Studio, open_studio

pytestmark = pytest.mark.integration

Kind = TypeVar("Kind")
BLOCK = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.fixture
def models(tmp_path: Path, small_model_folder: Path) -> Path:
    """A LoRA, another, a textual inversion and an autoencoder."""
    folder = tmp_path / "workspace" / "models"
    for name in ("loras", "embeddings", "vae"):
        (folder / name).mkdir(parents=True)
    for seed, name in enumerate(("rain", "snow")):
        generator = torch.Generator().manual_seed(seed)
        halves = (torch.randn(shape, generator=generator) for shape in ((4, 32), (32, 4)))
        names = (f"{BLOCK}.lora_down.weight", f"{BLOCK}.lora_up.weight")
        path = folder / "loras" / f"{name}.safetensors"
        save_file(dict(zip(names, halves, strict=True)), path)
        os.utime(path, (1e9 + seed, 1e9 + seed))  # a file that takes another's place is told by its time
    save_file({"emb_params": torch.randn(2, 32)}, folder / "embeddings" / "toy.safetensors")
    tensors = load_file(small_model_folder / "vae" / "diffusion_pytorch_model.safetensors")
    (folder / "vae" / "soft").mkdir()
    save_file(tensors, folder / "vae" / "soft" / "diffusion_pytorch_model.safetensors")
    (folder / "vae" / "soft" / "config.json").write_text((small_model_folder / "vae" / "config.json").read_text() + " ")
    return folder


@pytest.fixture
def studio(tmp_path: Path, models: Path) -> Iterator[Studio]:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    with opened.library:
        yield opened


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(
        prompt="red apple", model=str(small_model_folder), steps=1, seed=7, width=64, height=64, noise="nv"
    )


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def draw(studio: Studio, settings: ImageSettings) -> Path:
    (kept,) = only(KeptPicture, studio.draw(settings))
    return kept.path


def stripped(path: Path, to: Path) -> Path:
    """The picture with A1111's text alone, as other programs would have written it."""
    info = PngInfo()
    with Image.open(path) as image:
        info.add_text("parameters", image.info["parameters"])
        image.save(to, pnginfo=info)
    return to


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def test_a_picture_tells_the_digests_of_what_took_part(studio: Studio, asked: ImageSettings, models: Path) -> None:
    settings = replace(asked, prompt="red toy <lora:rain:0.5>", lora=("snow:0.2:0.3",), vae="soft")
    with Image.open(draw(studio, settings)) as image:
        told = read_infotext(image.info["parameters"])
    digests = [content_digest(models / f"loras/{name}.safetensors", None)[:12] for name in ("rain", "snow")]
    assert told.prompt == "red toy <lora:rain:0.5> <lora:snow:0.2:0.3>"
    assert told.parameters["Lora hashes"] == f"rain: {digests[0]}, snow: {digests[1]}"
    assert told.parameters["TI hashes"] == f"toy: {digest_file(models / 'embeddings/toy.safetensors')[:12]}"
    assert told.parameters["VAE"] == "soft" and len(told.parameters["VAE hash"]) == 10


def test_again_finds_them_by_their_digests_under_other_names(
    studio: Studio, asked: ImageSettings, models: Path, tmp_path: Path
) -> None:
    """The LoRAs change names with each other: by their names alone the wrong ones would be taken."""
    path = draw(studio, replace(asked, prompt="red toy <lora:rain:0.5>", lora=("snow:0.2:0.3",), vae="soft"))
    plain = stripped(path, tmp_path / "a.png")
    loras, words = models / "loras", models / "embeddings"
    (loras / "rain.safetensors").rename(loras / "x.safetensors")
    (loras / "snow.safetensors").rename(loras / "rain.safetensors")
    (loras / "x.safetensors").rename(loras / "snow.safetensors")
    (words / "toy.safetensors").rename(words / "doll.safetensors")
    (models / "vae" / "soft").rename(models / "vae" / "hard")
    imported = studio.look(str(plain))
    assert imported.settings["prompt"] == "red doll <lora:snow:0.5> <lora:rain:0.2:0.3>"
    assert imported.settings["vae"] == "hard"
    assert not {"note.import.adapters", "note.import.vae"} & {note.key for note in imported.notes}
    events = list(studio.again(str(plain), model=str(asked.model)))
    (kept,) = only(KeptPicture, events)
    assert pixels(kept.path) == pixels(path)


def test_what_is_not_here_is_told_and_the_rest_is_drawn(
    studio: Studio, asked: ImageSettings, models: Path, tmp_path: Path
) -> None:
    path = draw(studio, replace(asked, prompt="red apple <lora:rain:0.5> <lora:snow:0.5>", vae="soft"))
    plain = stripped(path, tmp_path / "a.png")
    (models / "loras" / "snow.safetensors").unlink()
    (models / "vae" / "soft" / "config.json").unlink()
    events = list(studio.again(str(plain), model=str(asked.model)))
    told = {
        note.key: note.facts["what"]
        for note in only(Note, events)
        if note.key.startswith("note.import.") and "what" in note.facts
    }
    assert "snow" in told["note.import.adapters"] and "rain" not in told["note.import.adapters"]
    assert "soft" in told["note.import.vae"]
    (kept,) = only(KeptPicture, events)
    assert [use.name for use in kept.picture.drawing.loras] == ["rain"]


def test_another_file_of_the_name_is_drawn_with_and_told(
    studio: Studio, asked: ImageSettings, models: Path, tmp_path: Path
) -> None:
    plain = stripped(draw(studio, replace(asked, prompt="red apple <lora:rain:0.5>")), tmp_path / "a.png")
    (models / "loras" / "snow.safetensors").rename(models / "loras" / "rain.safetensors")
    events = list(studio.again(str(plain), model=str(asked.model)))
    (kept,) = only(KeptPicture, events)
    assert [use.name for use in kept.picture.drawing.loras] == ["rain"]
    assert "note.import.adapters" in {note.key for note in only(Note, events)}

"""LoRAs, textual inversions and autoencoders of the catalog and the hub: brought when they are named, then offline."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from hub_server import HubServer
from safetensors.torch import save

from colabsd.engine.safety import SafetyChecker
from colabsd.errors import DownloadError, LoraMismatchError, UnknownModelError
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.models import addons, remotes
from colabsd.models.addons import CHECKER, AddOn
from colabsd.models.cards import FewSteps, HubFile
from colabsd.models.families import Defaults
from colabsd.planning import few_steps
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings
from colabsd.studio import Comparison, Studio, open_studio

pytestmark = pytest.mark.integration

Kind = TypeVar("Kind")
BLOCK = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
QUICK = AddOn(
    name="quick",
    aliases=("quick-lora",),
    kind="adapter",
    source="someone/quick",
    files=(HubFile("pytorch_lora_weights.safetensors"),),
    license="",
    facts_from=(),
    families=("sd1",),
    draws_with=Defaults("LCM", "Automatic", 2, 1.0, FewSteps((1, 4), (1.0, 2.0), ("LCM",))),
)
LARGE = replace(QUICK, name="large", aliases=(), source="someone/large", families=("sdxl",), draws_with=None)
TOY = replace(
    QUICK,
    name="hubtoy",
    aliases=(),
    kind="embedding",
    source="someone/toy",
    files=(HubFile("toy.safetensors"),),
    draws_with=None,
)
SOFT = replace(
    QUICK,
    name="soft",
    aliases=(),
    kind="autoencoder",
    source="someone/soft",
    files=(HubFile("config.json"), HubFile("diffusion_pytorch_model.safetensors")),
    draws_with=None,
)

CHECKED_BY = replace(
    QUICK,
    name=CHECKER,
    aliases=(),
    kind="checker",
    source="someone/checked",
    files=(HubFile("safety_checker/config.json"), HubFile("safety_checker/model.safetensors")),
    draws_with=None,
)


def lora(seed: int) -> bytes:
    generator = torch.Generator().manual_seed(seed)
    halves = (torch.randn(shape, generator=generator) for shape in ((4, 32), (32, 4)))
    return save(dict(zip((f"{BLOCK}.lora_down.weight", f"{BLOCK}.lora_up.weight"), halves, strict=True)))


@pytest.fixture(autouse=True)
def catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (QUICK, LARGE, TOY, SOFT, CHECKED_BY)
    for module in (addons, remotes, few_steps):
        monkeypatch.setattr(module, "ADDONS", rows)


@pytest.fixture
def open_here(tmp_path: Path, hub_server: HubServer, small_model_folder: Path) -> Callable[[], Studio]:
    vae = small_model_folder / "vae"
    hub_server.repositories |= {
        "someone/quick": {"pytorch_lora_weights.safetensors": lora(1)},
        "someone/large": {"pytorch_lora_weights.safetensors": lora(2)},
        "someone/toy": {"toy.safetensors": save({"hubtoy": torch.randn(2, 32)})},
        "someone/soft": {path.name: path.read_bytes() for path in vae.iterdir()},
        "other/loras": {"ink.safetensors": lora(3)},
    }
    hub_server.repositories["someone/soft"]["config.json"] += b"\n"
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "HF_ENDPOINT": hub_server.url}

    def start() -> Studio:
        return open_studio(tmp_path / "workspace", language="en", environ=environ)

    return start


@pytest.fixture
def studio(open_here: Callable[[], Studio]) -> Iterator[Studio]:
    opened = open_here()
    with opened.library:
        yield opened


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), seed=7, width=64, height=64)


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def keys(events: Iterable[object]) -> list[str]:
    return [note.key for note in only(Note, events)]


@pytest.mark.parametrize("word", ["quick", "quick-lora"])
def test_a_lora_of_the_catalog_comes_when_a_prompt_names_it_and_is_drawn_with_as_it_wants(
    studio: Studio, asked: ImageSettings, hub_server: HubServer, word: str
) -> None:
    settings = replace(asked, prompt=f"red apple <lora:{word}:0.5>")
    planned = studio.plan(settings).drawings[0]
    assert hub_server.requests == [], "planning downloads nothing"
    events = list(studio.draw(settings))
    (kept,) = only(KeptPicture, events)
    drawing = read_manifest(kept.path).drawing
    assert keys(events).index("note.weights.download") < events.index(kept)
    assert (drawing.steps, drawing.sampler, drawing.guidance) == (2, "LCM", 1.0)
    assert (planned.steps, planned.sampler) == (drawing.steps, drawing.sampler)
    assert [(use.name, use.unet, len(use.sha256)) for use in drawing.loras] == [(word, 0.5, 64)]
    assert "note.few_steps.lora" in keys(events) and "note.few_steps.steps" not in keys(events)
    hub_server.close()  # from here on there is no network
    (again,) = only(KeptPicture, studio.draw(settings))
    assert again.record.key == kept.record.key
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal


def test_who_contradicts_a_lora_for_few_steps_is_told_and_gets_it(studio: Studio, asked: ImageSettings) -> None:
    events = list(studio.draw(replace(asked, lora=("quick:0.5",), steps=6, guidance=7.0, sampler="Euler")))
    (kept,) = only(KeptPicture, events)
    drawing = kept.picture.drawing
    assert (drawing.steps, drawing.sampler, drawing.guidance) == (6, "Euler", 7.0)
    told = {"note.few_steps.steps", "note.few_steps.guidance", "note.few_steps.sampler"}
    assert told <= set(keys(events))
    assert all(note.facts["model"] == "quick" for note in only(Note, events) if note.key in told)


def test_only_pictures_whose_prompt_names_it_are_drawn_as_it_wants(studio: Studio, asked: ImageSettings) -> None:
    settings = replace(asked, prompt="apple{| <lora:quick:0.5>}", count=12, batch=4, wildcard_seed=3)
    drawings = studio.plan(settings).drawings
    assert {(bool(one.loras), one.sampler) for one in drawings} == {(True, "LCM"), (False, "Euler a")}
    assert [one.seed for one in drawings] == list(range(7, 19))


def test_without_a_seed_what_was_chosen_first_is_what_is_drawn(studio: Studio, asked: ImageSettings) -> None:
    """The prompt is expanded before the LoRA comes and again after it, to the same words."""
    settings = replace(asked, prompt="apple{| <lora:quick:0.5>}", seed=None, steps=1)
    for _ in range(6):
        (kept,) = only(KeptPicture, studio.draw(settings))
        loras = kept.picture.drawing.loras
        assert all(use.sha256 for use in loras) and bool(loras) == ("quick" in kept.picture.drawing.prompt)


def test_a_lora_of_another_family_is_refused_before_it_comes(
    studio: Studio, asked: ImageSettings, hub_server: HubServer
) -> None:
    with pytest.raises(LoraMismatchError, match="large was made for SDXL"):
        list(studio.draw(replace(asked, lora=("large",))))
    assert hub_server.requests == [] and studio.unfinished() == []


def test_a_textual_inversion_of_the_catalog_comes_when_a_prompt_has_its_word(
    studio: Studio, asked: ImageSettings, hub_server: HubServer
) -> None:
    (plain,) = only(KeptPicture, studio.draw(replace(asked, steps=1)))
    assert hub_server.requests == []
    (kept,) = only(KeptPicture, studio.draw(replace(asked, steps=1, negative_prompt="HubToy")))
    (use,) = kept.picture.drawing.embeddings
    assert (use.name, len(use.sha256)) == ("hubtoy", 64)
    assert kept.path.read_bytes() != plain.path.read_bytes()


@pytest.mark.parametrize("name", ["soft", "someone/soft", "https://huggingface.co/someone/soft"])
def test_an_autoencoder_of_the_catalog_or_the_hub_comes_when_it_is_asked_for(
    studio: Studio, asked: ImageSettings, hub_server: HubServer, name: str
) -> None:
    (kept,) = only(KeptPicture, studio.draw(replace(asked, steps=1, vae=name)))
    drawing = kept.picture.drawing
    assert (drawing.vae, len(drawing.vae_sha256)) == ("soft", 64)
    hub_server.close()
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal


@pytest.mark.parametrize(
    "place", ["other/loras/ink.safetensors", "https://hf.co/other/loras/resolve/main/ink.safetensors"]
)
def test_a_lora_by_its_place_on_the_hub_is_drawn_with_and_found_again(
    open_here: Callable[[], Studio], asked: ImageSettings, hub_server: HubServer, place: str
) -> None:
    studio = open_here()
    with studio.library:
        (kept,) = only(KeptPicture, studio.draw(replace(asked, steps=1, lora=(f"{place}:0.5",))))
    assert [(use.name, use.unet) for use in kept.picture.drawing.loras] == [("ink", 0.5)]
    asked_again = json.loads(json.dumps(read_manifest(kept.path).settings["lora"]))
    assert asked_again == ["other/loras/ink.safetensors:0.5"]
    hub_server.close()
    later = open_here()
    with later.library:
        (comparison,) = only(Comparison, later.again(str(kept.path), verify=True))
    assert comparison.equal


def test_what_is_gone_from_this_disk_comes_again_to_draw_a_picture_again(studio: Studio, asked: ImageSettings) -> None:
    (kept,) = only(KeptPicture, studio.draw(replace(asked, steps=1, lora=("quick:0.5",))))
    studio.cache.remove("quick")
    events = list(studio.again(str(kept.path), verify=True))
    assert "note.weights.download" in keys(events) and only(Comparison, events)[0].equal


def test_without_a_network_the_reason_is_told_and_no_job_is_left(
    studio: Studio, asked: ImageSettings, hub_server: HubServer
) -> None:
    hub_server.close()
    object.__setattr__(studio.cache, "hub", replace(studio.cache.hub, waits_s=()))
    with pytest.raises((DownloadError, UnknownModelError)):
        list(studio.draw(replace(asked, lora=("quick",))))
    assert studio.unfinished() == []


def test_a_checker_comes_when_it_is_asked_for_and_the_model_has_none(
    studio: Studio, asked: ImageSettings, hub_server: HubServer
) -> None:
    """One whose thresholds nothing reaches, and then one that everything does: only the second blurs."""
    config = {
        "projection_dim": 4,
        "vision_config": {
            "hidden_size": 8,
            "intermediate_size": 8,
            "image_size": 32,
            "patch_size": 16,
            "num_attention_heads": 1,
            "num_hidden_layers": 1,
        },
    }
    pixels = []
    for threshold in (5.0, -5.0):
        checker = SafetyChecker(config)
        for parameter in checker.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        torch.nn.init.constant_(checker.concept_embeds_weights, threshold)
        torch.nn.init.constant_(checker.special_care_embeds_weights, 5.0)
        hub_server.repositories["someone/checked"] = {
            "safety_checker/config.json": json.dumps(config).encode(),
            "safety_checker/model.safetensors": save(dict(checker.state_dict())),
        }
        events = list(studio.draw(replace(asked, steps=1, safety="blur")))
        (kept,) = only(KeptPicture, events)
        assert "note.weights.download" in keys(events) and kept.picture.drawing.safety == "blur"
        pixels.append(kept.picture.image.tobytes())
        (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
        assert comparison.equal
        studio.cache.remove(CHECKER)
        (studio.cache.shelf / ".seen" / f"{CHECKER}.json").unlink()
        studio._engine = None
    (plain,) = only(KeptPicture, studio.draw(replace(asked, steps=1)))
    assert pixels[0] == plain.picture.image.tobytes() != pixels[1]

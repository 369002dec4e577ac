"""What was trained lies in the workspace, where prompts, model lists and the list of one's own find it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from training_results import finish, load, make_adapter, make_trained, make_words

from colabsd.engine.components import TEXT_ENCODERS
from colabsd.engine.engine import Engine
from colabsd.errors import ExportError, UnsupportedModelError
from colabsd.library.adapters import kept_adapters, read_card
from colabsd.models.cache import WeightCache
from colabsd.models.cards import Family
from colabsd.models.digests import digest_file
from colabsd.models.registry import find_model, known_models
from colabsd.progress import Note
from colabsd.storage.workspace import Workspace
from colabsd.studio.adapters import adapter_folders
from colabsd.training.export import single_file
from colabsd.training.export.keeping import keep_trained
from colabsd.training.export.single_file import export_trained_model
from colabsd.training.results import Trained

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::FutureWarning")]
Small = Callable[[Family], Engine]


@pytest.fixture
def cache(tmp_path: Path) -> WeightCache:
    workspace = Workspace(tmp_path / "root", tmp_path / "local")
    workspace.prepare()
    return WeightCache(workspace=workspace)


@pytest.fixture
def drive_cache(tmp_path: Path) -> WeightCache:
    """A workspace that lies on Drive."""
    workspace = Workspace(tmp_path / "root", tmp_path / "local", remote=True)
    workspace.root.mkdir()
    workspace.prepare_to_keep()
    return WeightCache(workspace=workspace, remote=True)


def changed_networks(engine: Engine, *parts: str) -> dict[str, dict[str, Tensor]]:
    """All tensors of parts of a loaded model, each a bit larger, as if they had been trained."""
    assert engine.components.parts is not None
    tensors = {part: engine.components.parts.tensors(part) for part in parts}
    return {part: {name: found[name].float() * 1.01 for name in found} for part, found in tensors.items()}


def test_a_lora_is_found_by_its_name(small_of: Small, cache: WeightCache) -> None:
    """`<lora:zorro:0.8>` finds the file, and the list of one's own has its card with the photos' digest and losses."""
    engine = small_of("sd1")
    adapter = make_adapter(engine)
    kept = finish(keep_trained(cache, make_trained(engine), adapter, engine))
    assert kept.path == cache.workspace.root / "models/loras/zorro.safetensors"
    folders = adapter_folders(cache, ())
    sha256 = folders.loras["zorro"]
    assert folders.find_lora("zorro", sha256) == kept.path and sha256 == digest_file(kept.path)
    (listed,) = kept_adapters(cache.workspace)
    assert listed.card == kept.card and listed.name == "zorro"
    assert replace(listed.card, files=()) == adapter
    (file,) = listed.card.files
    assert (file.place, file.form, file.sha256) == ("models/loras/zorro.safetensors", "kohya", sha256)
    told = json.loads((cache.workspace.root / "models/loras/zorro.json").read_text())
    assert told["activation text"] == "zorro fox"
    assert list(cache.workspace.unfinished.iterdir()) == []


def test_a_lora_may_be_kept_in_diffusers_layout(small_of: Small, cache: WeightCache) -> None:
    engine = small_of("sd1")
    kept = finish(keep_trained(cache, make_trained(engine), make_adapter(engine), engine, form="diffusers"))
    assert [file.form for file in kept.card.files] == ["diffusers"]
    assert any(name.endswith(".lora_A.weight") for name in load_file(kept.path))


def test_a_second_training_gets_another_name(small_of: Small, cache: WeightCache) -> None:
    """And so do its words, so that the first one's can still be called."""
    engine = small_of("sd1")
    trained = Trained(lora=make_trained(engine).lora, words=make_words(engine, "zorro"))
    adapter = make_adapter(engine, method="pivotal", words=("zorro",))
    finish(keep_trained(cache, trained, adapter, engine))
    events = list(keep_trained(cache, trained, adapter, engine))
    notes = [event.key for event in events if isinstance(event, Note)]
    assert notes == ["note.trained.named", "note.trained.kept"]
    second = {kept.name: kept for kept in kept_adapters(cache.workspace)}["zorro-2"]
    assert second.card.words == ("zorro-2",) and second.card.phrase == "zorro-2 fox"
    assert [file.place for file in second.card.files] == [
        "models/loras/zorro-2.safetensors",
        "models/embeddings/zorro-2.safetensors",
    ]
    assert {"zorro", "zorro-2"} <= set(adapter_folders(cache, ()).embeddings)


def test_on_drive_it_can_be_used_before_it_has_arrived(small_of: Small, drive_cache: WeightCache) -> None:
    engine = small_of("sd1")
    words = make_words(engine, "zorro")
    trained = Trained(lora=make_trained(engine).lora, words=words)
    kept = finish(keep_trained(drive_cache, trained, make_adapter(engine), engine))
    workspace = drive_cache.workspace
    assert workspace.is_on_the_way("models/loras/zorro.safetensors") and not (workspace.root / "models").exists()
    folders = adapter_folders(drive_cache, ())
    assert folders.loras.paths["zorro"] == kept.path and folders.embeddings.paths["zorro"].is_file()
    assert [one.name for one in kept_adapters(workspace)] == ["zorro"]


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_whole_model_is_in_the_list_of_models(small_of: Small, cache: WeightCache, family: Family) -> None:
    """By its name, with its defaults; it draws with the weights that were trained, in half precision."""
    engine = small_of(family)
    parts = ("unet", *(row[0] for row in TEXT_ENCODERS[family]))
    networks = changed_networks(engine, *parts)
    kept = finish(keep_trained(cache, Trained(networks=networks), make_adapter(engine, method="full"), engine))
    assert known_models(cache)[-1].name == "zorro"
    card = find_model("Zorro", cache)
    assert card.file == kept.path and card.family == family
    drawn = load(card)
    wanted = networks["unet"]["conv_in.weight"].half().float()
    assert torch.equal(drawn.components.unet.conv_in.weight, wanted)  # type: ignore[attr-defined]
    assert [one.card for one in kept_adapters(cache.workspace)] == [kept.card]
    assert cache.remove("zorro") > 0 and kept_adapters(cache.workspace) == ()


def test_on_drive_a_whole_model_is_copied_there(small_of: Small, drive_cache: WeightCache) -> None:
    engine = small_of("sd1")
    networks = changed_networks(engine, "unet")
    kept = finish(keep_trained(drive_cache, Trained(networks=networks), make_adapter(engine), engine))
    copy = drive_cache.workspace.root / "models/zorro/zorro.safetensors"
    assert kept.path.is_relative_to(drive_cache.workspace.local) and digest_file(copy) == digest_file(kept.path)


def test_a_model_that_would_draw_something_else_gets_no_name(
    small_of: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right tensors in a network of other sizes: found because both are run."""
    engine = small_of("sd1")
    trained = Trained(networks=changed_networks(engine, "unet"))
    path = tmp_path / "zorro.safetensors"
    monkeypatch.setattr(single_file, "TIMESTEP", 500)
    run = single_file._run_unet
    calls: list[float] = []

    def other(*facts: object) -> Tensor:
        calls.append(1.0)
        found: Tensor = run(*facts) * (1.0 if len(calls) == 1 else 1.1)  # type: ignore[arg-type]
        return found

    monkeypatch.setattr(single_file, "_run_unet", other)
    with pytest.raises(ExportError):
        finish(export_trained_model(trained, engine.card, path))
    assert list(tmp_path.iterdir()) == []


def test_a_network_with_a_tensor_missing_is_told(small_of: Small, tmp_path: Path) -> None:
    engine = small_of("sd1")
    networks = changed_networks(engine, "unet")
    del networks["unet"]["conv_in.weight"]
    with pytest.raises(UnsupportedModelError):
        finish(export_trained_model(Trained(networks=networks), engine.card, tmp_path / "zorro.safetensors"))


def test_other_programs_find_clip_s_names(small_of: Small, tmp_path: Path) -> None:
    """Trap of transformers 5.6: `text_model.` stands before each name of the text encoder, as every reader wants it."""
    engine = small_of("sd1")
    path = tmp_path / "zorro.safetensors"
    trained = Trained(networks=changed_networks(engine, "unet", "text_encoder"))
    finish(export_trained_model(trained, engine.card, path, half=False))
    tensors = load_file(path)
    name = "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight"
    assert torch.equal(tensors[name], trained.networks["text_encoder"]["encoder.layers.0.self_attn.q_proj.weight"])


def test_what_is_no_card_is_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"format": 2}', '{"format": 1}', "\u0000"):
        (tmp_path / "card.json").write_text(text)
        assert read_card(tmp_path / "card.json") is None

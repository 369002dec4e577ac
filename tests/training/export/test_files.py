"""LoRAs and words as files: what is written does, read again, what was trained; else it gets no name."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load as load_tensors
from torch import Tensor
from training_results import finish, is_any, is_attention, make_adapter, make_lora, make_trained, make_words

from colabsd.artifacts import Adapter
from colabsd.engine.adaptation import networks_of
from colabsd.engine.engine import Engine
from colabsd.engine.textual_inversion import read_inversion
from colabsd.errors import ExportError, StorageError, UsageError
from colabsd.models.cards import Family
from colabsd.models.digests import content_digest
from colabsd.models.embedding_files import read_embedding_file
from colabsd.models.lora_files import read_lora_file
from colabsd.training.export import comparison, files
from colabsd.training.export.comparison import outputs, running_beside
from colabsd.training.export.files import CARD, Form, embedding_file, lora_file, put
from colabsd.training.export.tensor_bytes import to_safetensors
from colabsd.training.results import LoraPair, Trained

pytestmark = pytest.mark.integration

FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")
Small = Callable[[Family], Engine]


def weights(engine: Engine) -> dict[str, Tensor]:
    networks = networks_of(engine.components, engine.card.family)
    return {f"{part} {name}": one.clone() for part, net in networks.items() for name, one in net.named_parameters()}


def metadata_of(path: Path) -> Mapping[str, str]:
    with safe_open(path, "pt") as file:
        found: Mapping[str, str] = file.metadata()
    return found


@pytest.mark.parametrize(
    ("family", "form"), [("sd1", "kohya"), ("sd2", "kohya"), ("sdxl", "kohya"), ("sdxl", "diffusers")]
)
def test_a_lora_comes_back_as_it_was_trained(small_of: Small, family: Family, form: Form, tmp_path: Path) -> None:
    """Attention, feed-forward and convolutions, with alpha ≠ rank: the exporter's own look passes, and the weights of
    the loaded model are bit for bit what they were."""
    engine = small_of(family)
    before, trained = weights(engine), make_trained(engine, chosen=is_any)
    data = finish(lora_file(trained, make_adapter(engine), engine, tmp_path, form=form))
    path = tmp_path / "zorro.safetensors"
    assert put(data, path).bytes == len(data)
    file = read_lora_file(path)
    assert len(file.modules) == len(trained.lora) and file.made_for in (None, family)
    after = weights(engine)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [path.name for path in tmp_path.iterdir()] == ["zorro.safetensors"]


def test_equal_trainings_are_equal_files(small_of: Small, tmp_path: Path) -> None:
    engine = small_of("sd1")
    made = [finish(lora_file(make_trained(engine), make_adapter(engine), engine, tmp_path)) for _ in range(2)]
    assert made[0] == made[1]


def test_kohya_names_alphas_and_texts(small_of: Small, tmp_path: Path) -> None:
    """The names that A1111 and ComfyUI know, an alpha for each layer, and the six texts that readers ask for."""
    engine = small_of("sd1")
    trained = make_trained(engine, chosen=is_any, rank=4, alpha=2.0)
    adapter = make_adapter(engine, phrase="ein zorro fox")
    path = tmp_path / "zorro.safetensors"
    put(finish(lora_file(trained, adapter, engine, tmp_path)), path)
    tensors = load_tensors(path.read_bytes())
    beginnings = {name.split("_down_")[0].split("_mid_")[0].split("_up_")[0].split("_encoder_")[0] for name in tensors}
    assert beginnings == {"lora_unet", "lora_te_text_model"}
    attention = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0"
    assert tensors[f"{attention}.alpha"].item() == 2.0 and tensors[f"{attention}.lora_down.weight"].shape[0] == 4
    assert tensors["lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight"].shape[2:] == (1, 1)
    assert sum(name.endswith(".alpha") for name in tensors) == len(trained.lora)
    texts = metadata_of(path)
    wanted = {
        "ss_v2": "False",
        "ss_base_model_version": "sd_v1",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "4",
        "ss_network_alpha": "2",
        "ss_network_args": '{"conv_dim": "4", "conv_alpha": "2"}',
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.title": "zorro",
        "modelspec.trigger_phrase": "ein zorro fox",
        "modelspec.prediction_type": "epsilon",
    }
    assert {name: texts[name] for name in wanted} == wanted
    assert json.loads(texts["ss_tag_frequency"]) == {"zorro": {"ein zorro fox": 5}}
    assert texts["sshs_model_hash"] == content_digest(path, None)
    assert Adapter.from_json(json.loads(texts[CARD])) == adapter


@pytest.mark.parametrize(
    ("family", "prediction", "version", "beginnings"),
    [
        ("sd2", "v", "sd_v2_v", {"lora_unet_down", "lora_te_text_model"}),
        ("sdxl", "epsilon", "sdxl_base_v1-0", {"lora_unet_input", "lora_te1_text_model", "lora_te2_text_model"}),
    ],
)
def test_kohya_names_of_other_families(
    small_of: Small, family: Family, prediction: str, version: str, beginnings: set[str], tmp_path: Path
) -> None:
    engine = small_of(family)
    path = tmp_path / "zorro.safetensors"
    adapter = make_adapter(engine, prediction=prediction)
    put(finish(lora_file(make_trained(engine), adapter, engine, tmp_path)), path)
    assert metadata_of(path)["ss_base_model_version"] == version
    names = list(load_tensors(path.read_bytes()))
    assert all(any(name.startswith(beginning) for name in names) for beginning in beginnings)


def test_diffusers_names_and_alpha(small_of: Small, tmp_path: Path) -> None:
    """peft's own names, and a LoraConfig for each part; layers that differ in rank are named there."""
    engine = small_of("sd1")
    lora = make_lora(engine, alpha=2.0)
    unusual = next(place for place in lora if place[0] == "unet")
    lora[unusual] = LoraPair(lora[unusual].down[:2], lora[unusual].up[:, :2], 3.0)
    path = tmp_path / "zorro.safetensors"
    put(finish(lora_file(Trained(lora=lora), make_adapter(engine), engine, tmp_path, form="diffusers")), path)
    names = set(load_tensors(path.read_bytes()))
    assert f"unet.{unusual[1]}.lora_A.weight" in names
    assert "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight" in names
    told = json.loads(metadata_of(path)["lora_adapter_metadata"])
    assert told["unet.r"] == 4 and told["unet.lora_alpha"] == 2.0
    assert told["unet.rank_pattern"] == {unusual[1]: 2} and told["unet.alpha_pattern"] == {unusual[1]: 3.0}
    assert "encoder.layers.0.self_attn.q_proj" in told["text_encoder.target_modules"]


def lose_a_layer(tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    gone = next(name for name in tensors if name.endswith("conv1.lora_down.weight")).removesuffix(".lora_down.weight")
    for ending in ("lora_down.weight", "lora_up.weight", "alpha"):
        del tensors[f"{gone}.{ending}"]


def forget_alpha(tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    for name in [name for name in tensors if name.endswith(".alpha")]:
        del tensors[name]


def wrong_alpha(tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    tensors[next(name for name in tensors if name.endswith(".alpha"))] = torch.tensor(2.1)


def no_number(tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    name = next(name for name in tensors if name.endswith("up.weight"))
    tensors[name] = tensors[name].clone()
    tensors[name].view(-1)[0] = math.nan


@pytest.mark.parametrize("spoil", [lose_a_layer, forget_alpha, wrong_alpha, no_number])
def test_a_file_that_does_something_else_is_no_file(
    small_of: Small,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[dict[str, Tensor], dict[str, str]], None],
) -> None:
    """As exporters were seen to fail: layers lost, alpha not told. Nothing stays, and the model is whole."""
    engine = small_of("sd1")
    before = weights(engine)

    def spoiled(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> bytes:
        changed, told = dict(tensors), dict(texts)
        spoil(changed, told)
        return to_safetensors(changed, told)

    monkeypatch.setattr(files, "to_safetensors", spoiled)
    with pytest.raises(ExportError):
        finish(lora_file(make_trained(engine, chosen=is_any), make_adapter(engine), engine, tmp_path))
    assert list(tmp_path.iterdir()) == []
    after = weights(engine)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_outputs_are_compared_as_well(small_of: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that does nothing is found by what the networks make, although every layer in the file is right."""
    engine = small_of("sd1")
    monkeypatch.setattr(comparison, "_finish", lambda merge, loras: None)
    with pytest.raises(ExportError) as caught:
        finish(lora_file(make_trained(engine), make_adapter(engine), engine, tmp_path))
    assert caught.value.facts["place"] in ("unet", "text_encoder")
    assert "zorro" in caught.value.tell("es") and "zorro" in caught.value.tell("en")


def test_names_are_never_written_twice(small_of: Small, tmp_path: Path) -> None:
    path = tmp_path / "zorro.safetensors"
    put(b"first", path)
    with pytest.raises(StorageError):
        put(b"second", path)
    with pytest.raises(UsageError):
        put(b"pickle", tmp_path / "zorro.pt")
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize("family", FAMILIES)
def test_words_come_back_bit_for_bit(small_of: Small, family: Family, tmp_path: Path) -> None:
    """Several vectors; one tensor named as the word, or SDXL's two; the engine reads what was trained."""
    engine = small_of(family)
    words = make_words(engine, "zorro", 3)
    path = tmp_path / "zorro.safetensors"
    put(finish(embedding_file("zorro", Trained(words=words), make_adapter(engine), engine, tmp_path)), path)
    tensors = load_tensors(path.read_bytes())
    assert list(tensors) == (["clip_g", "clip_l"] if family == "sdxl" else ["zorro"])
    found = read_inversion(path, [vectors.shape[1] for vectors in words["zorro"]])
    assert all(torch.equal(one, other) for one, other in zip(found, words["zorro"], strict=True))
    assert read_embedding_file(path).words == ("zorro",)


def test_diffusers_reads_words(small_of: Small, tmp_path: Path) -> None:
    """load_textual_inversion's own reader: the file's only tensor, called by its name."""
    from diffusers.loaders.textual_inversion import TextualInversionLoaderMixin, load_textual_inversion_state_dicts

    engine = small_of("sd1")
    words = make_words(engine, "zorro", 2)
    path = tmp_path / "zorro.safetensors"
    put(finish(embedding_file("zorro", Trained(words=words), make_adapter(engine), engine, tmp_path)), path)
    state = load_textual_inversion_state_dicts([str(path)])
    loader: Any = TextualInversionLoaderMixin()
    tokenizer = SimpleNamespace(get_vocab=dict)  # of which it asks whether the word is there already
    tokens, embeddings = loader._retrieve_tokens_and_embeddings([None], state, tokenizer)
    assert tokens == ["zorro"] and torch.equal(embeddings[0], words["zorro"][0])


def test_rank_16_of_sd_1_5s_attention_is_at_most_7_mb(small_of: Small) -> None:
    """Shapes of the full size, UNet's attention and nothing in memory: what the file's tensors and header take."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):  # its class begins as SD 1.5's but for the sentence's width
        unet = UNet2DConditionModel(cross_attention_dim=768)
    shapes = {
        name.removesuffix(".weight"): one.shape for name, one in unet.named_parameters() if name[-7:] == ".weight"
    }
    layers = {name: shape for name, shape in shapes.items() if ".attn" in name and is_attention("unet", name)}
    assert len(layers) == 128
    elements = sum(16 * (shape[0] + shape[1]) for shape in layers.values())
    lora = {("unet", name): LoraPair(torch.zeros(16, s[1]), torch.zeros(s[0], 16), 16.0) for name, s in layers.items()}
    adapter = replace(make_adapter(small_of("sd1")), losses=tuple((step, 0.123456) for step in range(200)))
    tensors, texts = files.kohya_lora(lora, adapter, list(shapes))
    empty = to_safetensors({name: one.half() for name, one in tensors.items()}, texts | files._card(adapter))
    assert 2 * elements == 6_377_472
    assert len(empty) <= 7_000_000


def test_hooks_do_what_merging_does(small_of: Small) -> None:
    """The measure itself: pairs beside the layers change what is made, and are gone afterwards."""
    engine = small_of("sd1")
    before = outputs(engine)
    with running_beside(engine, make_lora(engine)):
        changed = outputs(engine)
    after = outputs(engine)
    assert all(
        torch.equal(before[part], after[part]) and not torch.equal(before[part], changed[part]) for part in before
    )

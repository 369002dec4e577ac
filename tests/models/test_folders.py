"""Diffusers folders read without a tensor: their cards, and every way in which they can be broken."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.geometry import Size
from colabsd.models.digests import digest_files, digest_of_model
from colabsd.models.folders import count_parameters, model_files, read_card, weight_file
from colabsd.progress import Progress


def write_safetensors(path: Path, shape: tuple[int, ...]) -> None:
    count = 1
    for side in shape:
        count *= side
    header = json.dumps({"w": {"dtype": "F16", "shape": shape, "data_offsets": [0, 2 * count]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * (2 * count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    configs = {
        "unet": {
            "_class_name": "UNet2DConditionModel",
            "in_channels": 4,
            "sample_size": 64,
            "block_out_channels": [320, 640, 1280, 1280],
        },
        "vae": {"block_out_channels": [128, 256, 512, 512]},
        "text_encoder": {"num_hidden_layers": 12},
    }
    for part, config in configs.items():
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        write_safetensors(tmp_path / part / f"{stem}.safetensors", (3, 5))
        (tmp_path / part / "config.json").write_text(json.dumps(config))
    for name in ("scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


def digest(folder: Path, memory: Path | None) -> tuple[dict[str, str], list[Progress]]:
    work, seen = digest_files(folder, model_files(folder), memory), []
    while True:
        try:
            seen.append(next(work))
        except StopIteration as stop:
            return dict(stop.value), seen


def test_a_card_is_read_from_the_configurations(folder: Path) -> None:
    card = read_card(folder, "mine")
    assert (card.size, card.factor, card.multiple, card.text_layers) == (Size(512, 512), 8, 64, 12)
    assert card.weights.total == 45
    assert card.folder == folder


def test_the_starters_smaller_factor_is_read_too(folder: Path) -> None:
    (folder / "vae/config.json").write_text(json.dumps({"block_out_channels": [32, 64, 96]}))
    assert read_card(folder, "mine").size == Size(256, 256)


def test_fp16_safetensors_are_taken_before_the_others(folder: Path) -> None:
    write_safetensors(folder / "unet/diffusion_pytorch_model.fp16.safetensors", (2,))
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(b"x")
    assert weight_file(folder, "unet").name == "diffusion_pytorch_model.fp16.safetensors"


@pytest.mark.parametrize(
    "name", ["unet/config.json", "tokenizer/vocab.json", "vae/diffusion_pytorch_model.safetensors"]
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(MissingWeightsError) as caught:
        model_files(folder)
    assert Path(str(caught.value.facts["path"])) == folder / name


@pytest.mark.parametrize("unet", [{"_class_name": "Transformer2DModel"}, {"_class_name": "UNet2DConditionModel"}])
def test_another_family_is_refused_with_what_was_found(folder: Path, unet: dict[str, object]) -> None:
    (folder / "unet/config.json").write_text(json.dumps(unet | {"in_channels": 5}))
    with pytest.raises(UnsupportedModelError):
        read_card(folder, "mine")


def test_a_second_text_encoder_without_weights_is_missed(folder: Path) -> None:
    (folder / "text_encoder_2").mkdir()
    with pytest.raises(MissingWeightsError) as caught:
        read_card(folder, "mine")
    assert "text_encoder_2" in str(caught.value.facts["path"])


@pytest.mark.parametrize("text", ["{", "[]", '{"_class_name": "UNet2DConditionModel", "in_channels": 4}', "\0\xff"])
def test_a_damaged_configuration_is_our_error(folder: Path, text: str) -> None:
    (folder / "unet/config.json").write_text(text, encoding="latin-1")
    with pytest.raises((DamagedWeightsError, UnsupportedModelError)):
        read_card(folder, "mine")


@pytest.mark.parametrize("keep", [0, 7, 20, -1])
def test_a_truncated_weight_file_is_noticed_from_its_header(folder: Path, keep: int) -> None:
    path = weight_file(folder, "unet")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedWeightsError) as caught:
        count_parameters(path)
    assert caught.value.facts["path"] == path


@given(data=st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_no_bytes_crash_the_header_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("header") / "x.safetensors"
    path.write_bytes(data)
    try:
        count_parameters(path)
    except DamagedWeightsError as error:
        assert error.facts["path"] == path


def test_digests_are_remembered_and_a_changed_file_is_read_anew(folder: Path, tmp_path_factory: object) -> None:
    memory = folder / "memory" / "digests.json"
    first, read_first = digest(folder, memory)
    again, read_again = digest(folder, memory)
    assert first == again
    assert len(read_first) == len(first)
    assert not read_again
    write_safetensors(weight_file(folder, "unet"), (3, 6))
    changed, read_changed = digest(folder, memory)
    assert len(read_changed) == 1
    assert digest_of_model(changed) != digest_of_model(first)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_a_broken_memory_of_digests_costs_time_only(folder: Path, content: str) -> None:
    memory = folder / "digests.json"
    memory.write_text(content)
    assert digest(folder, memory)[0] == digest(folder, None)[0]

"""Single files: ours are what diffusers reads, theirs draw what the folder draws, bad ones say what is wrong."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small_families import make_family

from colabsd.engine.components import load_components
from colabsd.engine.engine import Engine, load_engine
from colabsd.engine.model_parts import FileParts, open_parts
from colabsd.engine.prediction import with_prediction_type
from colabsd.engine.single_file_export import export_single_file
from colabsd.errors import (
    DamagedWeightsError,
    MissingWeightsError,
    StorageError,
    UnsafePickleError,
    UnsupportedModelError,
    UsageError,
)
from colabsd.models.cards import Family, ModelCard
from colabsd.models.file_cards import read_file_card
from colabsd.models.folders import read_card
from colabsd.models.network_configs import UNKNOWN
from colabsd.models.single_files import DESCRIPTION, read_single_file
from colabsd.models.starter import Starter, starter_folder
from colabsd.planning.plans import Drawing, Execution

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::FutureWarning")]

FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")
Draw = Callable[..., Drawing]
Load = Callable[..., Engine]


@dataclass(frozen=True)
class Pair:
    """A model as a folder, and the file that was exported from it."""

    folder: ModelCard
    file: ModelCard

    @property
    def path(self) -> Path:
        return Path(self.file.source)


def finish(work: Any) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pair]:
    """A small model of a family, and its export; each is made once."""
    made: dict[tuple[Any, ...], Pair] = {}

    def make(family: Family, variant: Any = "text") -> Pair:
        if (family, variant) not in made:
            folder = tmp_path_factory.mktemp(family)
            make_family(folder, family, variant)
            card = read_card(folder, family)
            path = folder.with_suffix(".safetensors")
            finish(export_single_file(open_parts(card), card, path))
            made[family, variant] = Pair(card, read_file_card(path, family))
        return made[family, variant]

    return make


def changed(
    pair: Pair, path: Path, change: Callable[[dict[str, torch.Tensor]], Any], *, described: bool = True
) -> Path:
    """A copy of a file with other tensors; not `described` is as others write files, without our configurations."""
    tensors = load_file(pair.path)
    change(tensors)
    with safe_open(pair.path, "pt") as file:
        metadata = file.metadata()
    if not described:
        del metadata[DESCRIPTION]
    save_file(tensors, path, metadata)
    return path


def nothing(_tensors: dict[str, torch.Tensor]) -> None:
    """Change nothing."""


def latents(engine: Engine, drawing: Drawing) -> torch.Tensor:
    return [step.latents for step, _ in engine.steps([drawing])][-1]


def index_for_diffusers(pair: Pair, folder: Path) -> Path:
    """The folder with a model_index.json that names its parts, as diffusers wants it for a file's configuration."""
    assert pair.folder.folder is not None
    shutil.copytree(pair.folder.folder, folder)
    xl = pair.folder.family == "sdxl"
    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "DDIMScheduler"}
    texts = {"text_encoder": "CLIPTextModel", "tokenizer": "CLIPTokenizer"}
    if xl:
        texts |= {"text_encoder_2": "CLIPTextModelWithProjection", "tokenizer_2": "CLIPTokenizer"}
    index: dict[str, Any] = {"_class_name": "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline"}
    index |= {name: ["diffusers", kind] for name, kind in parts.items()}
    index |= {name: ["transformers", kind] for name, kind in texts.items()}
    index |= {} if xl else {"safety_checker": [None, None], "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_diffusers_reads_our_file_as_the_model_it_was(
    pair: Callable[..., Pair], tmp_path: Path, family: Family
) -> None:
    """`from_single_file` has a table of names of its own: every tensor of every part is equal bit for bit."""
    import diffusers

    ours = pair(family)
    kind: Any = diffusers.StableDiffusionXLPipeline if family == "sdxl" else diffusers.StableDiffusionPipeline
    options: dict[str, Any] = {} if family == "sdxl" else {"safety_checker": None}
    config = index_for_diffusers(ours, tmp_path / "config")
    pipeline = kind.from_single_file(str(ours.path), config=str(config), local_files_only=True, **options)
    parts = FileParts(read_single_file(ours.path))
    for part in parts.file.parts:
        theirs = {
            name.removeprefix("text_model."): tensor
            for name, tensor in getattr(pipeline, part).state_dict().items()
            if "position_ids" not in name
        }
        found = parts.tensors(part)
        assert set(found) == set(theirs)
        assert all(torch.equal(found[name], tensor) for name, tensor in theirs.items()), part


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_draws_what_its_folder_draws(
    pair: Callable[..., Pair], load_small: Load, drawing: Draw, family: Family
) -> None:
    ours = pair(family)
    wanted = drawing(prompt="a red apple, roja", negative_prompt="le")
    assert torch.equal(latents(load_small(ours.file), wanted), latents(load_small(ours.folder), wanted))
    assert (ours.file.family, ours.file.size) == (family, ours.folder.size)
    assert (ours.file.multiple, ours.file.text_layers) == (ours.folder.multiple, ours.folder.text_layers)
    assert ours.file.weights == ours.folder.weights


@pytest.mark.parametrize("ending", [".ckpt", ".pt"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_draws_what_the_safetensors_file_draws(
    pair: Callable[..., Pair], tmp_path: Path, ending: str, zipped: bool
) -> None:
    """With a trainer's state and a second, averaged UNet beside it, as the large files of 2022 have them."""
    ours = pair("sd1")
    tensors = load_file(ours.path)
    path = tmp_path / f"model{ending}"
    averaged = {f"model_ema.{name.replace('.', '')}": tensor + 1 for name, tensor in tensors.items()}
    saved = {"state_dict": {**tensors, **averaged}, "global_step": 470000, "optimizer_states": [{"lr": 1e-4}]}
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    read, before = FileParts(read_single_file(path)), FileParts(read_single_file(ours.path))
    for part in ("unet", "text_encoder", "vae"):
        assert dict(read.tensors(part)).keys() == dict(before.tensors(part)).keys()
        assert all(torch.equal(read.tensors(part)[name], tensor) for name, tensor in before.tensors(part).items())


def test_the_embedded_model_reloads_as_it_was(tmp_path: Path, load_small: Load, drawing: Draw) -> None:
    """A model whose sizes, words and networks no other program could guess: the file itself tells them."""
    card = Starter(starter_folder()).card()
    path = tmp_path / "starter.safetensors"
    assert finish(export_single_file(open_parts(card), card, path)) == path
    wanted = drawing(prompt="a red apple, 3d style", width=card.size.width, height=card.size.height, steps=2)
    again = load_small(read_file_card(path, "starter"))
    assert torch.equal(latents(again, wanted), latents(load_small(card), wanted))


def test_half_writes_fp16_of_half_the_size(pair: Callable[..., Pair], tmp_path: Path) -> None:
    ours = pair("sdxl")
    path = tmp_path / "half.safetensors"
    finish(export_single_file(open_parts(ours.folder), ours.folder, path, half=True))
    whole, half = load_file(ours.path), load_file(path)
    assert all(torch.equal(half[name], tensor.half()) for name, tensor in whole.items())
    assert path.stat().st_size < 0.6 * ours.path.stat().st_size


def test_an_exported_file_can_be_exported_again(pair: Callable[..., Pair], tmp_path: Path) -> None:
    ours = pair("sdxl")
    path = tmp_path / "again.safetensors"
    finish(export_single_file(open_parts(ours.file), ours.file, path))
    assert load_file(path).keys() == load_file(ours.path).keys()


def test_an_export_never_overwrites_and_leaves_nothing_half(pair: Callable[..., Pair], tmp_path: Path) -> None:
    ours = pair("sd1")
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"mine")
    with pytest.raises(StorageError, match="exists"):
        finish(export_single_file(open_parts(ours.folder), ours.folder, path))
    stopped = export_single_file(open_parts(ours.folder), ours.folder, tmp_path / "other.safetensors")
    next(stopped)
    stopped.close()
    assert [one.name for one in tmp_path.iterdir()] == ["model.safetensors"] and path.read_bytes() == b"mine"
    with pytest.raises(UsageError, match="safetensors"):
        finish(export_single_file(open_parts(ours.folder), ours.folder, tmp_path / "model.ckpt"))


# Files as others make them.


def test_names_without_text_model_are_read(pair: Callable[..., Pair], tmp_path: Path) -> None:
    """Some exporters, with transformers from 5.6 on, forget that part of the names."""
    ours = pair("sd1")

    def forget(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if ".text_model." in name]:
            tensors[name.replace(".text_model.", ".")] = tensors.pop(name)

    path = changed(ours, tmp_path / "flat.safetensors", forget)
    before, read = FileParts(read_single_file(ours.path)), FileParts(read_single_file(path))
    assert dict(read.tensors("text_encoder")).keys() == dict(before.tensors("text_encoder")).keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_are_read_off_the_shapes(pair: Callable[..., Pair], tmp_path: Path, family: Family) -> None:
    """All but what no shape tells: heads, groups and the sizes of pictures, which are the family's."""
    path = changed(pair(family), tmp_path / "bare.safetensors", nothing, described=False)
    told, read = read_single_file(pair(family).path).configs, read_single_file(path).configs
    alike = {
        "unet": (
            "in_channels",
            "out_channels",
            "block_out_channels",
            "layers_per_block",
            "down_block_types",
            "up_block_types",
            "cross_attention_dim",
            "use_linear_projection",
            "addition_embed_type",
            "projection_class_embeddings_input_dim",
        ),
        "vae": ("block_out_channels", "layers_per_block", "latent_channels", "out_channels"),
        "text_encoder": ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "hidden_act"),
        "text_encoder_2": ("vocab_size", "hidden_size", "num_hidden_layers", "hidden_act", "projection_dim"),
    }
    for part, names in alike.items():
        for name in names if part in read else ():
            assert read[part].get(name) == told[part].get(name), (part, name)


def test_a_bare_file_with_clips_words_draws(tmp_path: Path, load_small: Load, drawing: Draw) -> None:
    """Without any of our texts: the family's habits and CLIP's own vocabulary, which comes with the package."""
    path = tmp_path / "bare.safetensors"
    save_file(bare_tensors(), path)
    card = read_file_card(path, "bare")
    engine = load_small(card)
    assert engine.tokenize("a photo of a cat") == [320, 1125, 539, 320, 2368]  # as OpenAI's tokenizer has them
    assert card.family == "sd1" and card.size.width == 128
    assert torch.isfinite(latents(engine, drawing(width=64, height=64))).all()


def bare_tensors() -> dict[str, torch.Tensor]:
    """A small Stable Diffusion 1 by original names, of widths that its family's habits fit."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from colabsd.engine.clip import ClipTextEncoder
    from colabsd.models.original_names import read_diffusers_autoencoder_structure, read_diffusers_unet_structure

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(22)
        sizes: dict[str, Any] = {"block_out_channels": (32, 64), "layers_per_block": 1}
        unet = UNet2DConditionModel(
            **sizes,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=64,
            attention_head_dim=8,
        ).state_dict()
        vae = AutoencoderKL(
            **sizes, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2
        ).state_dict()
        words = {"vocab_size": 49408, "hidden_size": 64, "intermediate_size": 128}
        text = ClipTextEncoder({**words, "num_hidden_layers": 2, "num_attention_heads": 1}).state_dict()
        for name in ("embeddings.token_embedding.weight", "embeddings.position_embedding.weight"):
            torch.nn.init.normal_(text[name])
    unet_names = read_diffusers_unet_structure(unet)
    vae_names = read_diffusers_autoencoder_structure(vae)
    assert unet_names is not None and vae_names is not None
    found = {f"model.diffusion_model.{unet_names.names.to_original(name)}": one for name, one in unet.items()}
    for name, one in vae.items():
        matrix = ".mid_block.attentions.0." in name and one.ndim == 2
        found[f"first_stage_model.{vae_names.names.to_original(name)}"] = one[:, :, None, None] if matrix else one
    found |= {f"cond_stage_model.transformer.text_model.{name}": one for name, one in text.items()}
    found["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return {name: one.contiguous() for name, one in found.items()}


def test_the_last_layer_of_stable_diffusion_2s_text_encoder_is_not_used(
    pair: Callable[..., Pair], tmp_path: Path
) -> None:
    """Its files have 24 layers, its folders 23: it was trained on the states of the last but one."""

    def deepen(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if ".resblocks.0." in name]:
            for layer in range(1, 24):
                tensors[name.replace(".resblocks.0.", f".resblocks.{layer}.")] = tensors[name].clone()

    path = changed(pair("sd2"), tmp_path / "deep.safetensors", deepen, described=False)
    file = read_single_file(path)
    assert file.configs["text_encoder"]["num_hidden_layers"] == 23
    assert not any("layers.23." in name for name in file.parts["text_encoder"])


def test_what_a_stable_diffusion_2_predicts_is_found_out_by_asking_it() -> None:
    class Network:
        """Gives back a share of what it is shown."""

        in_channels = out_channels = 4

        def __init__(self, share: float) -> None:
            self.share = share

        def prepare(self, embeddings: torch.Tensor) -> torch.Tensor:
            return embeddings

        def __call__(self, noise: torch.Tensor, _timestep: Any, _conditions: Any) -> torch.Tensor:
            return self.share * noise

    config = {"prediction_type": UNKNOWN, "num_train_timesteps": 1000}
    for share, kind in ((0.98, "epsilon"), (0.07, "v_prediction"), (-0.1, "v_prediction")):
        network: Any = Network(share)
        found = with_prediction_type(config, network, {"cross_attention_dim": 8}, "cpu", torch.float32)
        assert found["prediction_type"] == kind


def test_the_embedded_model_gives_the_noise_back_as_it_was_taught(load_small: Load) -> None:
    """The same question to a network that was trained: which answer is right its configuration says."""
    card = Starter(starter_folder()).card()
    parts, components = open_parts(card), load_small(card).components
    told = parts.scheduler_config.get("prediction_type", "epsilon")
    asked = {**parts.scheduler_config, "prediction_type": UNKNOWN}
    found = with_prediction_type(asked, components.unet, parts.config("unet"), "cpu", torch.float32)
    assert found["prediction_type"] == told


def test_velocity_in_an_sdxl_file_is_believed(pair: Callable[..., Pair], tmp_path: Path) -> None:
    def mark(tensors: dict[str, torch.Tensor]) -> None:
        tensors["v_pred"], tensors["ztsnr"] = torch.zeros(0), torch.zeros(0)

    file = read_single_file(changed(pair("sdxl"), tmp_path / "v.safetensors", mark, described=False))
    assert file.scheduler_config["prediction_type"] == "v_prediction"
    assert file.scheduler_config["rescale_betas_zero_snr"] is True


# Autoencoders of their own.


@pytest.fixture
def autoencoders(pair: Callable[..., Pair], tmp_path: Path) -> Iterator[tuple[torch.Tensor, list[Path]]]:
    """Another autoencoder in every layout there is; with it, a tensor by which it is known."""
    tensors = {name: tensor + 0.01 for name, tensor in load_file(pair("sd1").path).items() if "first_stage" in name}
    bare = {name.removeprefix("first_stage_model."): tensor for name, tensor in tensors.items()}
    folder = tmp_path / "folder"
    assert pair("sd1").folder.folder is not None
    shutil.copytree(pair("sd1").folder.folder / "vae", folder / "vae")
    theirs = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    save_file(
        {name: tensor + 0.01 for name, tensor in theirs.items()}, folder / "vae/diffusion_pytorch_model.safetensors"
    )
    save_file(tensors, tmp_path / "a.safetensors")
    save_file(bare, tmp_path / "b.safetensors")
    torch.save({"state_dict": bare, "loss.x": torch.zeros(1)}, tmp_path / "c.vae.pt")
    shutil.copy(folder / "vae/diffusion_pytorch_model.safetensors", tmp_path / "d.safetensors")
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.vae.pt", "d.safetensors")]
    yield bare["decoder.conv_in.weight"], [*paths, folder, folder / "vae"]


def test_another_autoencoder_is_taken_from_any_layout(
    pair: Callable[..., Pair], autoencoders: tuple[torch.Tensor, list[Path]]
) -> None:
    known, paths = autoencoders
    own = open_parts(pair("sd1").folder).tensors("vae")
    for path in paths:
        for card in (pair("sd1").folder, pair("sd1").file):
            parts = open_parts(card, path)
            assert torch.equal(parts.tensors("vae")["decoder.conv_in.weight"], known), path
            assert set(parts.tensors("vae")) == set(own) and parts.tensors("vae").shapes == own.shapes
            assert dict(parts.tensors("unet")).keys() == dict(open_parts(card).tensors("unet")).keys()


def test_a_file_without_an_autoencoder_asks_for_one(
    pair: Callable[..., Pair], autoencoders: tuple[torch.Tensor, list[Path]], tmp_path: Path
) -> None:
    def drop(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if name.startswith("first_stage_model.")]:
            del tensors[name]

    card = read_file_card(changed(pair("sd1"), tmp_path / "no-vae.safetensors", drop), "x")
    with pytest.raises(MissingWeightsError, match="--vae"):
        finish(load_components(card, Execution()))
    components = finish(load_components(card, Execution(), autoencoders[1][-1]))
    assert torch.equal(components.vae.decoder.conv_in.weight, autoencoders[0])


def test_sdxls_autoencoder_decodes_in_fp32_where_the_rest_is_fp16(pair: Callable[..., Pair]) -> None:
    """It overflows in fp16. (Loaded only: a processor draws no fp16.)"""
    components = finish(load_components(pair("sdxl").file, Execution(precision="fp16")))
    assert components.vae.decoder.conv_in.weight.dtype == torch.float32
    assert components.unet.conv_in.weight.dtype == torch.float16
    components = finish(load_components(pair("sd1").file, Execution(precision="fp16")))
    assert components.vae.decoder.conv_in.weight.dtype == torch.float16


# Bad files.


def load(path: Path) -> None:
    finish(load_engine(read_file_card(path, "bad"), Execution()))


def test_a_truncated_file_is_told_before_anything_is_loaded(pair: Callable[..., Pair], tmp_path: Path) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes(pair("sd1").path.read_bytes()[:-1000])
    with pytest.raises(DamagedWeightsError, match="bytes instead of"):
        read_file_card(path, "bad")
    broken = tmp_path / "short.ckpt"
    torch.save(load_file(pair("sd1").path), broken)
    broken.write_bytes(broken.read_bytes()[:-1000])
    with pytest.raises(DamagedWeightsError):
        read_file_card(broken, "bad")


def test_a_missing_tensor_is_named(pair: Callable[..., Pair], tmp_path: Path) -> None:
    name = "model.diffusion_model.middle_block.0.in_layers.2.weight"
    path = changed(pair("sd1"), tmp_path / "x.safetensors", lambda tensors: tensors.pop(name))
    with pytest.raises(DamagedWeightsError, match=r"missing: mid_block\.resnets\.0\.conv1\.weight"):
        load(path)


def test_a_tensor_of_another_shape_is_named(pair: Callable[..., Pair], tmp_path: Path) -> None:
    name = "model.diffusion_model.middle_block.0.in_layers.2.bias"
    path = changed(pair("sd1"), tmp_path / "x.safetensors", lambda one: one.update({name: torch.zeros(3)}))
    with pytest.raises(DamagedWeightsError, match=r"of another shape: mid_block\.resnets\.0\.conv1\.bias"):
        load(path)


def test_a_tensor_too_many_is_named(pair: Callable[..., Pair], tmp_path: Path) -> None:
    name = "model.diffusion_model.surprise.weight"
    path = changed(pair("sd1"), tmp_path / "x.safetensors", lambda one: one.update({name: torch.zeros(3)}))
    with pytest.raises(DamagedWeightsError, match=r"unexpected: surprise\.weight"):
        load(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_told(pair: Callable[..., Pair], tmp_path: Path, number: float) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.diffusion_model.out.2.weight"][0, 0, 0, 0] = number

    with pytest.raises(DamagedWeightsError, match=r"conv_out\.weight") as caught:
        load(changed(pair("sd1"), tmp_path / "x.safetensors", spoil))
    assert "NaN" in caught.value.tell("es")


def test_a_hostile_checkpoint_is_refused_and_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    class Hostile:
        def __reduce__(self) -> Any:
            return os.system, ("touch hacked",)

    monkeypatch.chdir(tmp_path)
    for zipped in (True, False):
        path = tmp_path / "x.ckpt"
        tensors = {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1), "x": Hostile()}
        torch.save({"state_dict": tensors}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(UnsafePickleError, match="system"):
            read_file_card(path, "bad")
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "LoRA"),
        ("emb_params", "textual inversion"),
        ("model.diffusion_model.joint_blocks.0.x", "Stable Diffusion 3"),
        ("nothing", "UNet"),
    ],
)
def test_another_kind_of_file_is_told_what_it_is(tmp_path: Path, name: str, found: str) -> None:
    path = tmp_path / "x.safetensors"
    save_file({name: torch.zeros(2)}, path)
    with pytest.raises(UnsupportedModelError, match=found):
        read_file_card(path, "x")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"scheduler":{},"padding":{},"configs":{"unet":[]}}', "[" * 9999])
def test_a_broken_description_is_our_error(pair: Callable[..., Pair], tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.safetensors"
    save_file(load_file(pair("sd1").path), path, {DESCRIPTION: text})
    with pytest.raises(DamagedWeightsError):
        read_file_card(path, "x")


def test_words_that_nobody_knows_are_told(pair: Callable[..., Pair], tmp_path: Path) -> None:
    path = changed(pair("sd1"), tmp_path / "x.safetensors", nothing, described=False)
    with pytest.raises(UnsupportedModelError, match="49,408"):
        load(path)

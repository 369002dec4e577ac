"""Fixtures shared by several rooms."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import colabsd
from colabsd.models.cards import ModelCard

if TYPE_CHECKING:
    from hub_server import HubServer

sys.path.insert(0, str(Path(__file__).parent))  # for hub_server

LATENT_SIDE = 8  # of the small model: 64 pixels


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_reaches_children() -> None:
    """A shell ignores Ctrl-C for what it starts in the background, and children inherit that; here they must not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def small_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder of the Stable Diffusion 1.x family with small random weights: 64 pixels, factor 8.

    It draws noise, fast; for pictures of something there is the starter.
    """
    folder = tmp_path_factory.mktemp("small-model")
    write_small_model(folder)
    return folder


@pytest.fixture(scope="session")
def small_card(small_model_folder: Path) -> ModelCard:
    """The card of the small model; its digest is that of its files."""
    from dataclasses import replace

    from colabsd.models.digests import digest_file, digest_of_model
    from colabsd.models.folders import model_files, read_card

    digests = {name: digest_file(small_model_folder / name) for name in model_files(small_model_folder)}
    card = read_card(small_model_folder, "small")
    return replace(card, default_steps=3, sha256=digest_of_model(digests), files=digests)


def write_small_model(folder: Path) -> None:
    """Write the small model: seeded weights, a byte-level tokenizer with a few merges, SD 1's scheduler."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file

    from colabsd.engine.clip import ClipTextEncoder

    words = write_small_tokenizer(folder / "tokenizer")
    text_config = {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": words,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": words - 1,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        UNet2DConditionModel(
            sample_size=LATENT_SIDE,
            block_out_channels=(32, 64),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=8,
        ).save_pretrained(folder / "unet")
        AutoencoderKL(
            block_out_channels=(8, 16, 16, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=64,
        ).save_pretrained(folder / "vae")
        encoder = ClipTextEncoder(text_config)
        for table in (encoder.embeddings.token_embedding, encoder.embeddings.position_embedding):
            torch.nn.init.normal_(table.weight)
        torch.nn.init.normal_(encoder.final_layer_norm.bias)  # as in trained ones, whose states have a mean
    (folder / "text_encoder").mkdir()
    (folder / "text_encoder" / "config.json").write_text(json.dumps(text_config))
    tensors = {f"text_model.{name}": tensor for name, tensor in encoder.state_dict().items()}
    save_file(tensors, folder / "text_encoder" / "model.safetensors", {"format": "pt"})
    scheduler = {
        "_class_name": "PNDMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
        "clip_sample": False,
    }
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))


def write_small_tokenizer(folder: Path) -> int:
    """Write vocab.json and merges.txt over all bytes with a few merges; returns the number of tokens."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printing]
    letters = [chr(byte) for byte in printing] + [chr(256 + index) for index in range(len(others))]
    merges = ["r e", "re d</w>", "a p", "ap p", "l e</w>", "app le</w>", "r o", "ro j", "roj o</w>", "Ã ±"]
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(merge.split()) for merge in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(tokens)


KILLS = """
import os, random, signal, time
{program}
randomness = random.Random({seed})
for run in range({kills}):
    child = os.fork()
    if child == 0:
        try:
            work(run)
        finally:
            os._exit(0)
    if {longest_s} is not None:
        time.sleep(randomness.uniform(0, {longest_s}))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    check(run)
"""


@pytest.fixture
def fork_and_kill() -> Callable[..., None]:
    """Runs a program that defines `work(run)` and `check(run)`: `work` in a process of its own that is killed with
    SIGKILL after a random time of at most `longest_s` (None: it ends by itself), then `check`, again and again."""

    def run(program: str, *, kills: int, longest_s: float | None, seed: int = 0) -> None:
        program = KILLS.format(program=program, seed=seed, kills=kills, longest_s=longest_s)
        environ = {**os.environ, "PYTHONPATH": str(Path(colabsd.__file__).parents[1])}
        subprocess.run([sys.executable, "-c", program], env=environ, check=True, timeout=120)

    return run


@pytest.fixture
def hub_server() -> "Iterator[HubServer]":
    """A hub on this machine, empty at first."""
    from hub_server import HubServer

    server = HubServer()
    yield server
    server.close()

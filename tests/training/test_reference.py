"""Reference mode: the losses of diffusers' train_dreambooth.py, bit for bit.

The script is in no package. What always runs compares with `plain_losses`, a loop of its own after what the script
does; `pytest tests/training/test_reference.py --official-script train_dreambooth.py` compares with the script itself.
"""

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import SIDE, SUBJECT, as_example, losses_of, small_pictures, small_plan, train_small

from colabsd.models.cards import ModelCard
from colabsd.models.folders import read_card

SEED, STEPS, RATE = 7, 12, 5e-4


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    """With several threads sums may be added in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny_card(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    """A folder that diffusers, transformers and we read alike."""
    from small_families import make_family

    folder = tmp_path_factory.mktemp("tiny")
    make_family(folder, "sd1", "text")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    for path in folder.glob("*/*.safetensors"):
        align(path)
    return replace(read_card(folder, "tiny"), sha256="1" * 64)


def align(path: Path) -> None:
    """Let every tensor of a file lie at a multiple of 64 bytes, as in torch's own memory.

    diffusers computes with weights where they lie in the file, and MKL adds up in another order at odd places.
    """
    from safetensors.torch import load_file

    tensors = {name: tensor.contiguous().numpy().tobytes() for name, tensor in load_file(path).items()}
    shapes = {name: list(tensor.shape) for name, tensor in load_file(path).items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in sorted(tensors, key=lambda one: len(tensors[one]) % 64 > 0):
        header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [end, end := end + len(tensors[name])]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    path.write_bytes(b"".join((struct.pack("<Q", len(text)), text, *(tensors[name] for name in [*header][1:]))))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of photos and one of class pictures, square, as PNG."""
    folders = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("classes")
    for folder, count, seed in zip(folders, (3, 4), (1, 2), strict=True):
        for number, picture in enumerate(small_pictures(count, seed)):
            picture.save(folder / f"{number}.png")
    return folders


def examples_of(folders: tuple[Path, Path]) -> Any:
    """The folders' pictures in the order in which the script finds them."""
    from PIL import Image

    from colabsd.training.data import Examples

    photos, classes = (
        tuple(as_example(Image.open(path).convert("RGB"), str(path), sentence) for path in folder.iterdir())
        for folder, sentence in zip(folders, (SUBJECT.photo_prompt, SUBJECT.class_prompt), strict=True)
    )
    return Examples(photos, classes)


def our_losses(card: ModelCard, folders: tuple[Path, Path], folder: Path, **facts: Any) -> list[float]:
    plan = small_plan(
        card, method="full", reference=True, seed=SEED, steps=STEPS, learning_rate=RATE, text_encoder_rate=RATE, **facts
    )
    return losses_of(train_small(card, plan, folder, examples=examples_of(folders))[0])


class Folder(torch.utils.data.Dataset[Any]):
    """The script's dataset, for square pictures."""

    def __init__(self, folders: tuple[Path, Path], tokenizer: Any, prior: bool) -> None:
        self.photos, self.classes = ([*folder.iterdir()] for folder in folders)
        self.tokenizer, self.prior = tokenizer, prior

    def __len__(self) -> int:
        return max(len(self.photos), len(self.classes)) if self.prior else len(self.photos)

    def __getitem__(self, index: int) -> Any:
        found = [(self.photos[index % len(self.photos)], SUBJECT.photo_prompt)]
        if self.prior:
            found.append((self.classes[index % len(self.classes)], SUBJECT.class_prompt))
        return [(self._pixels(path), self._ids(sentence)) for path, sentence in found]

    def _pixels(self, path: Path) -> torch.Tensor:
        import numpy as np
        from PIL import Image

        picture = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return (torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float() / 255 - 0.5) / 0.5

    def _ids(self, sentence: str) -> torch.Tensor:
        ids: torch.Tensor = self.tokenizer(
            sentence, truncation=True, padding="max_length", max_length=77, return_tensors="pt"
        ).input_ids
        return ids


def together(items: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Photos first, then class pictures."""
    ordered = [pair for part in zip(*items, strict=True) for pair in part]
    return torch.stack([pixels for pixels, _ in ordered]), torch.cat([ids for _, ids in ordered])


def plain_losses(
    folder: Path,
    folders: tuple[Path, Path],
    *,
    prior: bool,
    text: bool = False,
    batch: int = 1,
    offset: bool = False,
    told: Callable[[], None] = lambda: None,
) -> list[float]:
    """What train_dreambooth.py does, in plain PyTorch: global chance, its loader, everything encoded at every step.

    `told` is called after every step.
    """
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from torch.nn import functional
    from transformers import CLIPTextModel, CLIPTokenizer

    torch.manual_seed(SEED)
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet").train()
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae").requires_grad_(False)
    encoder = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").requires_grad_(text)
    levels = DDPMScheduler.from_pretrained(folder, subfolder="scheduler")
    data = Folder(folders, CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer"), prior)
    loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True, collate_fn=together)
    learning = [*unet.parameters(), *(encoder.parameters() if text else ())]
    optimizer = torch.optim.AdamW(learning, lr=RATE, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    losses: list[float] = []
    while True:
        for pixels, ids in loader:
            latents = vae.encode(pixels).latent_dist.sample() * vae.config.scaling_factor
            noise = torch.randn_like(latents)
            if offset:
                noise = noise + 0.1 * torch.randn(latents.shape[0], latents.shape[1], 1, 1)
            timesteps = torch.randint(0, levels.config.num_train_timesteps, (len(latents),))
            mixed = levels.add_noise(latents, noise, timesteps)
            embeddings = encoder(ids, attention_mask=None, return_dict=False)[0]
            predicted = unet(mixed, timesteps, embeddings, return_dict=False)[0]
            if prior:
                (predicted, other), (wanted, other_wanted) = predicted.chunk(2), noise.chunk(2)
                loss = functional.mse_loss(predicted, wanted) + 1.0 * functional.mse_loss(other, other_wanted)
            else:
                loss = functional.mse_loss(predicted, noise)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            told()
            if len(losses) == STEPS:
                return losses


CASES = {
    "photos alone": {"prior": False},
    "class pictures too": {"prior": True},
    "the text encoder too": {"prior": True, "text": True},
    "two at once": {"prior": True, "batch": 2},
    "shifted noise": {"prior": False, "offset": True},
}


@pytest.mark.parametrize("case", CASES)
def test_the_losses_are_those_of_a_plain_loop_bit_for_bit(
    case: str, tiny_card: ModelCard, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    facts = CASES[case]
    ours = our_losses(
        tiny_card,
        pictures,
        tmp_path,
        prior=facts["prior"],
        text_encoder=facts.get("text", False),
        batch=facts.get("batch", 1),
        noise_offset=0.1 if facts.get("offset") else 0.0,
    )
    assert tiny_card.folder is not None
    assert ours == plain_losses(tiny_card.folder, pictures, **facts)  # type: ignore[arg-type]
    assert len(set(ours)) == STEPS


WRAPPED = """
import runpy, sys, json
import torch
torch.set_num_threads(1)
import accelerate
found = []
before = accelerate.Accelerator.log
def log(self, values, step=None, **others):
    found.append(float(values["loss"]))
    return before(self, values, step=step, **others)
accelerate.Accelerator.log = log
import diffusers.utils as utils
script, sys.argv = sys.argv[1], sys.argv[1:]
source = open(script).read()
source = source.replace("check_min_version(", "(lambda version: None)(")  # it may be of a later development version
code = compile(source, script, "exec")
try:
    exec(code, {"__name__": "__main__", "__file__": script})
finally:
    print("LOSSES " + json.dumps(found))
"""


@pytest.mark.parametrize("prior", [False, True])
def test_the_losses_are_those_of_the_official_script_bit_for_bit(
    prior: bool,
    tiny_card: ModelCard,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    script = request.config.getoption("--official-script")
    if script is None:
        pytest.skip("run with --official-script PATH, diffusers' examples/dreambooth/train_dreambooth.py")
    options: dict[str, Any] = {
        "pretrained_model_name_or_path": tiny_card.source,
        "instance_data_dir": pictures[0],
        "instance_prompt": SUBJECT.photo_prompt,
        "output_dir": tmp_path / "theirs",
        "seed": SEED,
        "resolution": SIDE,
        "train_batch_size": 1,
        "max_train_steps": STEPS,
        "learning_rate": RATE,
        "lr_scheduler": "constant",
        "lr_warmup_steps": 0,
        "checkpointing_steps": 1000,
    }
    if prior:
        options |= {"class_data_dir": pictures[1], "class_prompt": SUBJECT.class_prompt, "num_class_images": 4}
    command = [sys.executable, "-c", WRAPPED, str(script)]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += ["--with_prior_preservation"] if prior else []
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=280)
    found = re.search(r"^LOSSES (.*)$", done.stdout, re.MULTILINE)
    assert found is not None and done.returncode == 0, done.stderr[-3000:]
    theirs = json.loads(found[1])
    ours = our_losses(tiny_card, pictures, tmp_path / "ours", prior=prior)
    print(f"prior {prior}: official {theirs}\nours {ours}")
    assert ours == theirs

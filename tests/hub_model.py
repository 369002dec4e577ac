"""A model as a repository on the hub has it: more files than are needed, and random weights."""

import random
from collections.abc import Generator
from typing import Any

from colabsd.models.download import Wanted

TOKEN = "hf_" + "Q" * 34  # what must never be seen in any output
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"
FILES = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    "vae/config.json": b"{}",
    "text_encoder/config.json": b"{}",
    "scheduler/scheduler_config.json": b"{}",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"#version: 0.2\n",
    "unet/diffusion_pytorch_model.safetensors": b"u" * 600_000,
    UNET: random.Random(1).randbytes(300_000),
    "vae/diffusion_pytorch_model.fp16.safetensors": random.Random(2).randbytes(50_000),
    "text_encoder/model.safetensors": random.Random(3).randbytes(40_000),
    "safety_checker/model.fp16.safetensors": b"s" * 200_000,
    "v1-5-pruned.ckpt": b"x" * 500_000,
}
NOT_NEEDED = {
    "unet/diffusion_pytorch_model.safetensors",
    "safety_checker/model.fp16.safetensors",
    "v1-5-pruned.ckpt",
}
NEEDED_BYTES = sum(len(data) for name, data in FILES.items() if name not in NOT_NEEDED)
WANTED = Wanted(name="someone/model", source="someone/model")


def finish(work: Generator[Any, None, Any]) -> tuple[Any, list[Any]]:
    """The result of long work, and everything that it yielded."""
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as stop:
            return stop.value, events

"""Whether SDXL loads in the memory that Colab's machines have: `python -m benchmarks.sdxl`.

Writes a model of SDXL's full size with random weights in half precision (7 GB), and loads it in processes that may not
have more than 12.7 GB: a control group of Linux's (as root), in which files that are read count as well. Every
weight is read once. Prints the peaks of the process and of its group.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LIMIT_BYTES = int(12.7e9)
GROUPS = (  # where there may be control groups of memory: version 1, version 2; limit, most that was used
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max", "memory.peak"),
)
MIXED = 2**24  # random numbers, used again and again
HALF = 2
TEXT: Mapping[str, Any] = {
    "vocab_size": 49_408,
    "max_position_embeddings": 77,
    "bos_token_id": 49_406,
    "eos_token_id": 49_407,
}
TEXT_ENCODERS: Mapping[str, Mapping[str, Any]] = {
    "text_encoder": {
        **TEXT,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "hidden_act": "quick_gelu",
        "pad_token_id": 49_407,
    },
    "text_encoder_2": {
        **TEXT,
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
        "hidden_act": "gelu",
        "projection_dim": 1280,
        "pad_token_id": 0,
    },
}
UNET: Mapping[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 128,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
VAE: Mapping[str, Any] = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "scaling_factor": 0.13025,
    "force_upcast": True,
}
SCHEDULER: Mapping[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "prediction_type": "epsilon",
}
LOAD = """
import json, os, resource, sys
from pathlib import Path
if sys.argv[3]:
    Path(sys.argv[3], "cgroup.procs").write_text(str(os.getpid()))
import torch
from colabsd.engine.engine import load_engine
from colabsd.models.registry import find_model
from colabsd.planning.plans import Execution
loading = load_engine(find_model(sys.argv[1]), Execution(precision=sys.argv[2]))
try:
    while True:
        next(loading)
except StopIteration as stop:
    parts = stop.value.components
modules = [parts.unet, parts.vae, *(encoder.model for encoder in parts.encoders)]
total = sum(float(weight.detach().view(-1)[::64].float().abs().max())
            for module in modules for weight in module.parameters())
assert total > 0
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


def shapes(part: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a part's tensors by the names of its file."""
    import torch

    from colabsd.engine.clip import ClipTextEncoder, ProjectedClipTextEncoder
    from colabsd.engine.networks import build_autoencoder, build_picture_encoder, build_unet

    with torch.device("meta"):
        if part == "unet":
            networks = [build_unet(UNET)]
        elif part == "vae":
            networks = [build_autoencoder(VAE), build_picture_encoder(VAE)]
        else:
            projected = "projection_dim" in TEXT_ENCODERS[part]
            networks = [(ProjectedClipTextEncoder if projected else ClipTextEncoder)(TEXT_ENCODERS[part])]
    return {name: tuple(tensor.shape) for network in networks for name, tensor in network.state_dict().items()}


def write_weights(path: Path, found: Mapping[str, tuple[int, ...]]) -> None:
    """A safetensors file of small random numbers in half precision, written without ever holding a part in memory."""
    import numpy as np

    header: dict[str, Any] = {}
    end = 0
    for name, shape in found.items():
        begin, end = end, end + int(np.prod(shape)) * HALF
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    mixed = (np.random.default_rng(0).standard_normal(MIXED, dtype=np.float32) * 0.02).astype(np.float16).tobytes()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _ in range(end // len(mixed)):
            file.write(mixed)
        file.write(mixed[: end % len(mixed)])
        file.flush()
        os.fsync(file.fileno())


def write_sdxl(folder: Path) -> None:
    """Write the model: parts, configurations, and the starter's words for tokenizers (enough for loading)."""
    import shutil

    from colabsd.models.starter import starter_folder

    configs = {"unet": UNET, "vae": VAE, **TEXT_ENCODERS}
    for part, config in configs.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / "config.json").write_text(json.dumps(dict(config)))
        plain = "model" if part.startswith("text") else "diffusion_pytorch_model"
        write_weights(folder / part / f"{plain}.safetensors", shapes(part))
    for name in ("tokenizer", "tokenizer_2"):
        shutil.copytree(starter_folder() / "tokenizer", folder / name, dirs_exist_ok=True)
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(dict(SCHEDULER)))
    index = {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True}
    (folder / "model_index.json").write_text(json.dumps(index))


def group_of(limit: int) -> tuple[Path, str] | None:
    """A new control group with a limit, and the name of its file with the most used; None where there is none."""
    for root, limit_name, most_name in GROUPS:
        group = root / f"colabsd-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit_name).write_text(str(limit))
        except OSError:
            continue
        return group, most_name
    return None


def measure(folder: Path, precision: str) -> tuple[int, int]:
    """Peak bytes of a process that loads, and of its group; 0 for the latter where there are no groups."""
    for path in folder.glob("*/*.safetensors"):  # what is read is to count for the group that reads it
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    group = group_of(LIMIT_BYTES)
    command = [sys.executable, "-c", LOAD, str(folder), precision, str(group[0]) if group else ""]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        most = int((group[0] / group[1]).read_text()) if group else 0
    finally:
        if group:
            group[0].rmdir()
    return int(done.stdout.splitlines()[-1]), most


def rows(folder: Path) -> Iterator[str]:
    """A line of a table for each precision."""
    yield "| loaded in | peak of the process | peak of its group, with files | allowed |"
    yield "|---|---|---|---|"
    for precision in ("fp16", "bf16"):
        peak, most = measure(folder, precision)
        group = f"{most / 1e9:.2f} GB" if most else "(no control groups here)"
        yield f"| {precision} | {peak / 1e9:.2f} GB | {group} | {LIMIT_BYTES / 1e9:.1f} GB |"


def main() -> int:
    """Print the table. Fails when a process was killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sdxl", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write the model, and leave it, instead of a passing one")
    kept: Path | None = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as passing:
        folder = kept or Path(passing)
        if not (folder / "model_index.json").is_file():
            # In a process of its own: a child's peak begins with its parent's memory.
            write = (
                f"from pathlib import Path; from benchmarks.sdxl import write_sdxl; write_sdxl(Path({str(folder)!r}))"
            )
            subprocess.run([sys.executable, "-c", write], check=True)
        for line in rows(folder):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

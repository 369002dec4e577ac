"""A model that was trained as a whole, as one safetensors file for A1111, ComfyUI and diffusers' from_single_file.

Written by `engine/single_file_export.py`, which compares every tensor bit for bit; here the file's networks are run
beside those in memory too, because a file of right tensors and wrong sizes would draw something else.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from colabsd.engine.clip import PROJECTION, ProjectedClipTextEncoder
from colabsd.engine.components import TEXT_ENCODERS
from colabsd.engine.model_parts import FileParts, ModelParts, open_parts
from colabsd.engine.networks import build_unet
from colabsd.engine.single_file_export import export_single_file
from colabsd.engine.tensor_files import PartTensors
from colabsd.engine.tokenizer import ClipTokenizer
from colabsd.engine.unet_embeddings import Added
from colabsd.engine.weights import fill
from colabsd.errors import UnsupportedModelError
from colabsd.models.cards import ModelCard
from colabsd.models.single_files import Taken, read_single_file
from colabsd.models.stored_tensors import StoredTensor
from colabsd.models.tensor_headers import TensorHeader
from colabsd.progress import Progress
from colabsd.storage.disk import Disk
from colabsd.training.export.comparison import SEED, SENTENCE, TIMESTEP, compare_outputs
from colabsd.training.export.tensor_bytes import NAMES
from colabsd.training.results import Trained

# Of outputs, relative to them, both in fp32: sums in another order; in half precision every weight is rounded (2⁻¹¹).
TOLERANCE, HALF_TOLERANCE = 1e-5, 1e-2


class HeldTensors(PartTensors):
    """Tensors of a part that are in memory, under the names that its file has."""

    def __init__(self, file: PartTensors, held: Mapping[str, Tensor]) -> None:
        unused = [name for name in file if name.startswith(PROJECTION) and name not in held]
        held = {**held, **{name: file[name] for name in unused}}  # networks that do not use it do not have it
        wrong = [name for name in file if name not in held or tuple(held[name].shape) != file.shapes[name]]
        if wrong or len(held) != len(file):
            raise UnsupportedModelError("error.export.name", path=file.path, name=next(iter(wrong or held), ""))
        stored = {name: StoredTensor(tuple(held[name].shape), NAMES[held[name].dtype], 0) for name in file}
        taken = {name: Taken(name, "whole", stored[name].shape) for name in stored}
        super().__init__(TensorHeader(file.path, stored, file.header.metadata), taken)
        self.held = held

    def __getitem__(self, name: str) -> Tensor:
        return self.held[name].detach().cpu()


class TrainedParts:
    """A model of whose parts some were trained: these from memory, everything else from its files."""

    def __init__(self, parts: ModelParts, networks: Mapping[str, Mapping[str, Tensor]]) -> None:
        self.parts = parts
        self.networks = networks

    def tensors(self, part: str) -> PartTensors:
        file = self.parts.tensors(part)
        return HeldTensors(file, self.networks[part]) if part in self.networks else file

    def config(self, part: str) -> Mapping[str, Any]:
        return self.parts.config(part)

    def tokenizer(self, part: str) -> ClipTokenizer:
        return self.parts.tokenizer(part)

    def merges(self) -> Sequence[str]:
        return self.parts.merges()

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        return self.parts.scheduler_config

    @property
    def zeros_for_empty(self) -> bool:
        return self.parts.zeros_for_empty


def export_trained_model(
    trained: Trained, card: ModelCard, path: Path, *, half: bool = True, disk: Disk | None = None
) -> Generator[Progress, None, Path]:
    """Write the model of `card` with the networks that were trained to `path`, in fp16 or with `half` False in fp32.

    Holds one network more in memory for a while. Raises: ExportError, and as `export_single_file`.
    """
    parts = TrainedParts(open_parts(card), trained.networks)

    def check(written: Path) -> Generator[Progress, None, None]:
        for part in trained.networks:
            yield Progress(stage="check", done=0, total=0)
            wanted, found = _both(part, parts, FileParts(read_single_file(written)), card)
            compare_outputs(path, {part: wanted}, {part: found}, HALF_TOLERANCE if half else TOLERANCE)

    return (yield from export_single_file(parts, card, path, half=half, disk=disk, check=check))


def _both(part: str, trained: TrainedParts, written: ModelParts, card: ModelCard) -> tuple[Tensor, Tensor]:
    """What a trained network makes of fixed inputs, in memory and as the file has it; one of them at a time."""
    rows: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
        "unet": build_unet,
        **{row[0]: row[1] for row in TEXT_ENCODERS[card.family]},
    }
    run = _run_unet if part == "unet" else _run_encoder
    wanted = run(_held(rows[part], trained.config(part), trained.networks[part]), trained, part, card)
    config, tensors = written.config(part), written.tensors(part)
    read = fill(lambda: rows[part](config), tensors, dtype=torch.float32, device="cpu")
    return wanted, run(read, written, part, card)


def _held(
    build: Callable[[Mapping[str, Any]], Any], config: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> nn.Module:
    """A network over tensors that are in memory, without copying those in fp32."""
    with torch.device("meta"):
        module: nn.Module = build(config)
    inner: nn.Module = getattr(module, "model", module)
    inner.load_state_dict({name: one.detach().to("cpu", torch.float32) for name, one in tensors.items()}, assign=True)
    return module.eval().requires_grad_(False)


@torch.inference_mode()
def _run_unet(unet: Any, parts: ModelParts, part: str, card: ModelCard) -> Tensor:
    config, side = parts.config(part), 2 * card.multiple // card.factor
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(1, unet.in_channels, side, side, generator=generator)
    sentence = torch.randn(1, 77, config.get("cross_attention_dim", 1280), generator=generator)
    added = Added(guidance=7.5 if unet.guidance_width else None)
    if card.family == "sdxl":
        pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        sizes = torch.tensor([[512.0, 512.0, 0.0, 0.0, 512.0, 512.0]])
        added = Added(torch.randn(1, pooled, generator=generator), sizes, added.guidance)
    result: Tensor = unet(noise, torch.tensor(TIMESTEP), unet.prepare(sentence, added))
    return result


@torch.inference_mode()
def _run_encoder(encoder: Any, parts: ModelParts, part: str, card: ModelCard) -> Tensor:
    tokenizer = parts.tokenizer(part)
    ids = torch.tensor([tokenizer.padded(tokenizer.ids(SENTENCE))])
    last: Tensor = encoder.states(ids, (1,))[0]
    if not isinstance(encoder, ProjectedClipTextEncoder):
        return last
    ends = (ids == tokenizer.end).int().argmax(dim=-1)
    return torch.cat([last.flatten(), encoder.pooled(last, ends).flatten()])

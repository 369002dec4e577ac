"""Whether a file, read again by the engine as drawing reads it, does what was trained. Knows no layouts.

Three looks. Every layer's change is compared alone, in fp32, so that a layer that got lost or a wrong alpha is found
however little the whole differs. Then what text encoders and UNet make of one sentence and one noise is compared: as
trained, the pairs of matrices run beside the layers; as drawn, the file is merged into the weights.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.adaptation import networks_of
from colabsd.engine.clip import Insertion
from colabsd.engine.components import TEXT, TEXT_ENCODERS, UNET
from colabsd.engine.engine import Engine
from colabsd.engine.lora import Change, LoraMerge
from colabsd.engine.model_parts import ModelParts
from colabsd.engine.textual_inversion import read_inversion
from colabsd.engine.unet_embeddings import Added
from colabsd.errors import ExportError
from colabsd.models.lora_files import place_lora, read_lora_file
from colabsd.planning.plans import LoraUse, Precision
from colabsd.progress import Progress
from colabsd.training.results import LoraPair, Module

SENTENCE = "a photo of a dog on the beach"
TIMESTEP = 500
SEED = 0
Outputs = Mapping[str, Tensor]
"""What each part made of the fixed inputs, in fp32."""

# Of a layer's change, relative to it: both matrices are rounded to the file's precision (2⁻¹¹ and 2⁻²⁴ each), and the
# errors of sums of products are well below twice that.
CHANGE_TOLERANCES: Mapping[torch.dtype, float] = {torch.float16: 2e-3, torch.float32: 1e-5}
# Of outputs, relative to them, beside that: merged weights are rounded to the engine's precision, and every layer adds
# its own rounding; measured on small models 1e-6, 3e-3 and 2e-2 where half of the output is the LoRA's doing.
OUTPUT_TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-5, "fp16": 1e-2, "bf16": 6e-2}


def check_lora(
    path: Path, lora: Mapping[Module, LoraPair], engine: Engine, half: bool
) -> Generator[Progress, None, None]:
    """Read a LoRA's file and compare it with the pairs that it was written from. Raises: ExportError.

    The engine's weights are its model's own afterwards.
    """
    merge = engine.adaptation.merge
    assert merge is not None, "the model's files are here"
    tolerance = CHANGE_TOLERANCES[torch.float16 if half else torch.float32]
    yield Progress(stage="check", done=0, total=3)
    _compare_changes(path, lora, merge.parts, engine, tolerance)
    engine.residence.rest()
    _finish(merge, [])
    try:
        yield Progress(stage="check", done=1, total=3)
        with running_beside(engine, lora):
            wanted = outputs(engine)
        engine.residence.rest()
        _finish(merge, [(LoraUse(name=path.stem), path)])
        yield Progress(stage="check", done=2, total=3)
        compare_outputs(path, wanted, outputs(engine), OUTPUT_TOLERANCES[engine.execution.precision] + tolerance)
    finally:
        engine.residence.rest()
        _finish(merge, [])
        engine.reader.forget()


def check_words(path: Path, vectors: Sequence[Tensor], engine: Engine) -> None:
    """Read a textual inversion's file, compare its vectors bit by bit, and what the text encoders make of them.

    Raises: ExportError.
    """
    widths = [vector.shape[1] for vector in vectors]
    found = read_inversion(path, widths)
    for wanted, now in zip(vectors, found, strict=True):
        if not torch.equal(wanted.detach().float().cpu(), now):
            raise differs(path, "emb", _difference(wanted.float().cpu(), now))
    compare_outputs(
        path, outputs(engine, vectors), outputs(engine, found), OUTPUT_TOLERANCES[engine.execution.precision]
    )


def compare_outputs(path: Path, wanted: Outputs, found: Outputs, tolerance: float) -> None:
    """Raises: ExportError where a part's output differs by more than that share of it."""
    for part, tensor in wanted.items():
        difference = _difference(tensor, found[part])
        if not difference <= tolerance:  # NaN too
            raise differs(path, part, difference)


def differs(path: Path, place: str, difference: float) -> ExportError:
    """The error that says where a file is not what was trained."""
    return ExportError(name=path.stem, place=place, difference=f"{difference:.2g}")


@torch.inference_mode()
def outputs(engine: Engine, vectors: Sequence[Tensor] = ()) -> Outputs:
    """What a loaded model's parts make of the sentence and the noise; `vectors` stand for the sentence's first word,
    in each text encoder its own."""
    parts = engine.components
    found: dict[str, Tensor] = {}
    states: list[Tensor] = []
    pooled: Tensor | None = None
    engine.residence.bring(TEXT)
    for index, ((part, _, _), encoder) in enumerate(
        zip(TEXT_ENCODERS[engine.card.family], parts.encoders, strict=True)
    ):
        ids = torch.tensor([encoder.tokenizer.padded(encoder.tokenizer.ids(SENTENCE))], device=parts.device)
        insertions = [Insertion(0, 1, vectors[index].to(parts.device))] if vectors else []
        state, last = encoder(ids, 1, insertions)
        pooled = pooled if last is None else last
        states.append(state)
        found[part] = (state if last is None else torch.cat([state.flatten(), last.flatten()])).float().cpu()
    found["unet"] = _predicted(engine, torch.cat(states, dim=-1), pooled)
    return found


def _predicted(engine: Engine, embeddings: Tensor, pooled: Tensor | None) -> Tensor:
    parts, card = engine.components, engine.card
    side = 2 * card.multiple // card.factor
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(1, parts.unet.in_channels, side, side, generator=generator)
    noise = noise.to(parts.device, parts.dtype)
    sizes = torch.tensor([[512, 512, 0, 0, 512, 512]], device=parts.device, dtype=parts.dtype)
    added = Added(
        pooled=pooled,
        sizes=None if pooled is None else sizes,
        guidance=7.5 if parts.unet.guidance_width else None,
    )
    engine.residence.bring(UNET)
    conditions: Any = parts.unet.prepare(embeddings, added)
    return parts.unet(noise, torch.tensor(TIMESTEP, device=parts.device), conditions).float().cpu()


@contextmanager
def running_beside(engine: Engine, lora: Mapping[Module, LoraPair]) -> Iterator[None]:
    """Within it the pairs run beside the loaded model's layers, as in training; no weight is changed."""
    networks = networks_of(engine.components, engine.card.family)
    hooks = []
    for (part, module), pair in lora.items():
        network = networks[part]
        layer = getattr(network, "model", network).get_submodule(module)
        hooks.append(layer.register_forward_hook(_beside(pair)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _beside(pair: LoraPair) -> Any:
    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        seen = inputs[0].float()
        down, up = (matrix.detach().to(seen) for matrix in (pair.down, pair.up))
        if isinstance(layer, nn.Conv2d):
            down, up = (matrix if matrix.ndim == 4 else matrix[:, :, None, None] for matrix in (down, up))
            added = functional.conv2d(functional.conv2d(seen, down, None, layer.stride, layer.padding), up)
        else:
            added = functional.linear(functional.linear(seen, down.flatten(1)), up.flatten(1))
        return (output.float() + added * pair.scale).to(output.dtype)

    return add


def _compare_changes(
    path: Path, lora: Mapping[Module, LoraPair], parts: ModelParts, engine: Engine, tolerance: float
) -> None:
    """Every layer's change in the file against that of its pair. Raises: ExportError."""
    names = ["unet", *(row[0] for row in TEXT_ENCODERS[engine.card.family])]
    shapes = {part: parts.tensors(part).shapes for part in names}
    file = read_lora_file(path)
    placed = {
        (one.part, one.weight.removesuffix(".weight")): one for one in place_lora(file, shapes, engine.card.family)
    }
    for place in placed.keys() ^ lora.keys():
        raise differs(path, ".".join(place), 1.0)
    for place, module in placed.items():
        weight = torch.zeros(()).expand(
            shapes[module.part][module.weight]
        )  # of no size in memory: only its shape counts
        now, wanted = Change(file, module, 1.0, None).delta(weight), lora[place].delta().detach().cpu()
        difference = _difference(wanted.reshape(now.shape), now)
        if not difference <= tolerance:
            raise differs(path, ".".join(place), difference)


def _difference(wanted: Tensor, found: Tensor) -> float:
    """How far a tensor is from what it should be, as a share of that."""
    distance, length = (float(torch.linalg.vector_norm(one)) for one in (wanted - found, wanted))
    return distance / length if length else distance


def _finish(merge: LoraMerge, loras: Sequence[tuple[LoraUse, Path]]) -> None:
    for _ in merge.use(loras):
        pass

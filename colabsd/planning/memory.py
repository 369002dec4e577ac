"""Where and how a model runs on a machine, with reasons, and what memory that takes. Arithmetic only.

The forecast counts live tensors of the outer levels. Its coefficients are fitted to measured peaks on a processor,
which it exceeds by 1 to 13 % (`python -m benchmarks.memory`); on a GPU they have not been measured.
"""

from dataclasses import dataclass, replace

from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import NotEnoughMemoryError, UsageError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Device, Execution, Note, Precision

BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2, "bf16": 2}
GIB = 2**30
RUNTIME_RAM_BYTES = int(0.75 * GIB)  # Python, torch and the libraries that read a model
RUNTIME_VRAM_BYTES = int(0.4 * GIB)  # the CUDA context and cuDNN's workspace
UNET_TENSORS = 190  # live tensors of the outer level's size at the UNet's peak, guidance included
DECODER_TENSORS = 13  # the same at the decoder's peak, at full resolution
SHARE_OF_FREE_MEMORY = 0.9
LARGEST_CHOSEN_BATCH = 4
TILE_LATENTS = 64  # the side of a tile that is decoded: 512 pixels of a model with factor 8
BF16_CPU_CHANNELS = 64  # thinner networks are not faster in bf16 (measured)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Bytes that drawing one batch takes on the device."""

    weights: int
    activations: int
    runtime: int

    @property
    def total(self) -> int:
        return self.weights + self.activations + self.runtime


def forecast_memory(card: ModelCard, execution: Execution, size: Size, batch: int) -> Forecast:
    """What drawing a batch of that size takes.

    The decoder works on one picture at a time, or on one tile of it, the UNet on the whole batch.
    """
    width = BYTES[execution.precision]
    latents = size.pixels // card.factor**2
    unet = latents * batch * card.unet_channels * UNET_TENSORS * width
    decoded = min(size.pixels, (TILE_LATENTS * card.factor) ** 2) if execution.tiling else size.pixels
    decoder = decoded * card.decoder_channels * DECODER_TENSORS * width
    on_gpu = execution.device == "cuda"
    return Forecast(
        weights=card.weights.total * width,
        activations=max(unet, decoder),
        runtime=RUNTIME_VRAM_BYTES if on_gpu else RUNTIME_RAM_BYTES,
    )


def choose_execution(card: ModelCard, machine: Machine, device: str | None, precision: str | None) -> Execution:
    """Device and precision, as asked or chosen, with the reasons as notes.

    A GPU before the processor; fp16 on every GPU (a T4 only imitates bf16); on a processor fp32, or bf16 where it has
    the instructions and the model is wide enough to gain. Raises: UsageError when there is no GPU to use.
    """
    if device == "cuda" and machine.gpu is None:
        raise UsageError("error.no_gpu")
    if machine.gpu is not None and device != "cpu":
        return _on_gpu(machine.gpu, precision)
    reason = Note("note.cpu_asked" if machine.gpu else "note.no_gpu", {"cores": machine.cores})
    if precision == "fp16":
        raise UsageError("error.fp16_on_cpu")
    if precision is not None:
        return Execution(device="cpu", precision=_known(precision), reasons=(reason,))
    wide = card.unet_channels >= BF16_CPU_CHANNELS
    if machine.cpu_bf16 and wide:
        return Execution(device="cpu", precision="bf16", reasons=(reason, Note("note.cpu_bf16", {})))
    return Execution(device="cpu", precision="fp32", reasons=(reason, Note("note.cpu_fp32", {})))


def _on_gpu(gpu: Gpu, precision: str | None) -> Execution:
    facts = {"gpu": gpu.name}
    device: Device = "cuda"
    if precision == "bf16" and gpu.capability < (8, 0):
        return Execution(device=device, precision="fp16", reasons=(Note("note.gpu_no_bf16", facts),))
    chosen = _known(precision) if precision else "fp16"
    return Execution(device=device, precision=chosen, reasons=(Note("note.gpu", facts | {"precision": chosen}),))


def _known(precision: str) -> Precision:
    return next(name for name in BYTES if name == precision)


def available_bytes(machine: Machine, execution: Execution) -> int:
    """Memory that drawing may use on the chosen device; 0 where the system does not say."""
    if execution.device == "cuda" and machine.gpu is not None:
        return int(machine.gpu.vram_bytes * SHARE_OF_FREE_MEMORY)
    return int(machine.free_ram_bytes * SHARE_OF_FREE_MEMORY)


@dataclass(frozen=True)
class Fitted:
    """How a request is run so that it fits: perhaps in tiles, `batch` pictures at a time; `notes` say what changed."""

    execution: Execution
    batch: int
    notes: tuple[Note, ...] = ()


def fit_memory(
    card: ModelCard, machine: Machine, execution: Execution, size: Size, asked: int | None, count: int
) -> Fitted:
    """The batch asked for, or else one picture on a processor and up to four on a GPU; fewer where they do not fit.

    Where not even one fits, it is decoded in tiles. Raises: NotEnoughMemoryError with both figures when that is too
    much as well.
    """
    wanted = min(count, asked or (1 if execution.device == "cpu" else LARGEST_CHOSEN_BATCH))
    for tried in (execution, replace(execution, tiling=True)):
        batch = next((batch for batch in range(wanted, 0, -1) if _fits(card, machine, tried, size, batch)), None)
        if batch is not None:
            notes = [Note("note.tiled", {"size": size})] if tried.tiling and not execution.tiling else []
            if asked is not None and batch < wanted:
                notes.append(Note("note.batch_reduced", {"asked": asked, "batch": batch}))
            return Fitted(tried, batch, tuple(notes))
    forecast = forecast_memory(card, replace(execution, tiling=True), size, 1)
    raise NotEnoughMemoryError(
        width=size.width,
        height=size.height,
        batch=1,
        needed_gb=f"{forecast.total / GIB:,.1f}",
        available_gb=f"{available_bytes(machine, execution) / GIB:,.1f}",
    )


def _fits(card: ModelCard, machine: Machine, execution: Execution, size: Size, batch: int) -> bool:
    available = available_bytes(machine, execution)
    return not available or forecast_memory(card, execution, size, batch).total <= available


def reduced(execution: Execution, batch: int) -> Fitted | None:
    """The next smaller way to run what did not fit after all: half the batch, then tiles; None when nothing is left."""
    if batch > 1:
        return Fitted(execution, batch // 2, (Note("note.out_of_memory.batch", {"batch": batch // 2}),))
    if not execution.tiling:
        return Fitted(replace(execution, tiling=True), 1, (Note("note.out_of_memory.tiles", {}),))
    return None

"""Where and how a model runs on a machine, with reasons. Arithmetic only; what that takes is in `forecasts.py`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import NotEnoughMemoryError, UsageError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.planning.forecasts import BYTES, GIB, Work, forecast_memory
from colabsd.planning.plans import ATTENTIONS, Attention, Device, Execution, Note, Precision

SHARE_OF_FREE_MEMORY = 0.9
LARGEST_CHOSEN_BATCH = 4
BF16_CPU_CHANNELS = 64  # thinner networks are not faster in bf16 (measured)


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


def choose_attention(execution: Execution, machine: Machine, asked: str | None) -> Execution:
    """The execution with the attention that was asked for, where this machine has it; else PyTorch's own.

    xformers needs a graphics card and has to be installed; a note says when it is not used for that.
    """
    attention: Attention = next((one for one in ATTENTIONS if one == asked), "sdpa")
    if attention == "xformers" and not (machine.xformers and execution.device == "cuda"):
        return replace(execution, reasons=(*execution.reasons, Note("note.no_xformers", {})))
    return replace(execution, attention=attention)


@dataclass(frozen=True)
class Fitted:
    """How a request is run so that it fits: `batch` pictures at a time; `notes` say what was changed for that."""

    execution: Execution
    batch: int
    notes: tuple[Note, ...] = ()


def fit_memory(
    card: ModelCard,
    machine: Machine,
    execution: Execution,
    size: Size,
    asked: int | None,
    count: int,
    work: Work | None = None,
    offload: str | None = None,
) -> Fitted:
    """The batch asked for, or else one picture on a processor and up to four on a GPU; fewer where they do not fit.

    Where not even one fits, it is decoded in tiles; where that is too much for a GPU as well, the parts of the model
    take turns there, unless `offload` is "off"; "on" asks for that. Raises: NotEnoughMemoryError with both figures
    when nothing fits.
    """
    wanted = min(count, asked or (1 if execution.device == "cpu" else LARGEST_CHOSEN_BATCH))
    tried = execution
    for tried, reason in _ways(execution, offload):
        batches = range(wanted, 0, -1)
        batch = next((batch for batch in batches if _fits(card, machine, tried, size, batch, work)), None)
        if batch is not None:
            notes = [Note(reason, {"size": size})] if reason else []
            if asked is not None and batch < wanted:
                notes.append(Note("note.batch_reduced", {"asked": asked, "batch": batch}))
            return Fitted(tried, batch, tuple(notes))
    forecast = forecast_memory(card, tried, size, 1, work)
    short_of_ram = forecast.ram and forecast.total <= available_bytes(machine, tried)
    needed, available = (
        (forecast.ram, _free_ram(machine)) if short_of_ram else (forecast.total, available_bytes(machine, tried))
    )
    raise NotEnoughMemoryError(
        width=size.width,
        height=size.height,
        batch=1,
        needed_gb=f"{needed / GIB:,.1f}",
        available_gb=f"{available / GIB:,.1f}",
    )


def _ways(execution: Execution, offload: str | None) -> Iterator[tuple[Execution, str | None]]:
    """Ways to run it, each with less memory than the one before, with what is said of them."""
    if execution.device == "cuda" and offload == "on":
        execution = replace(execution, offload=True)
        yield execution, "note.offload_asked"
    else:
        yield execution, None
    yield replace(execution, tiling=True), "note.tiled"
    if execution.device == "cuda" and offload is None:
        yield replace(execution, tiling=True, offload=True), "note.offloaded"


def _fits(card: ModelCard, machine: Machine, execution: Execution, size: Size, batch: int, work: Work | None) -> bool:
    """Whether the device and, where parts wait in it, the machine's memory hold it; unknown memory holds everything."""
    available, ram = available_bytes(machine, execution), _free_ram(machine)
    forecast = forecast_memory(card, execution, size, batch, work)
    waits = not execution.offload or not ram or forecast.ram <= ram
    return waits and (not available or forecast.total <= available)


def _free_ram(machine: Machine) -> int:
    return int(machine.free_ram_bytes * SHARE_OF_FREE_MEMORY)


def reduced(execution: Execution, batch: int) -> Fitted | None:
    """The next smaller way to run what did not fit after all; None when nothing is left.

    Half the batch, then tiles, then attention in slices, and on a GPU, last because slow, parts that take turns.
    """
    if batch > 1:
        return Fitted(execution, batch // 2, (Note("note.out_of_memory.batch", {"batch": batch // 2}),))
    if not execution.tiling:
        return Fitted(replace(execution, tiling=True), 1, (Note("note.out_of_memory.tiles", {}),))
    if execution.attention != "sliced":
        return Fitted(replace(execution, attention="sliced"), 1, (Note("note.out_of_memory.slices", {}),))
    if execution.device == "cuda" and not execution.offload:
        return Fitted(replace(execution, offload=True), 1, (Note("note.out_of_memory.offload", {}),))
    return None

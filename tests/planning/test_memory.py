"""What fits: batches, tiles, and the smaller way after memory ran out."""

import dataclasses

import pytest

from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import NotEnoughMemoryError
from colabsd.geometry import Size
from colabsd.models.catalog import CATALOG
from colabsd.planning.forecasts import Work, forecast_memory
from colabsd.planning.memory import Fitted, choose_attention, fit_memory, reduced
from colabsd.planning.plans import Execution, Precision

GIB = 2**30
CARD = dataclasses.replace(CATALOG[0], sha256="0" * 64)
SDXL = next(card for card in CATALOG if card.family == "sdxl" and card.variant == "text")
PRECISIONS: tuple[Precision, ...] = ("fp16", "bf16")
CPU, GPU = Execution(), Execution(device="cuda", precision="fp16")
SMALL, LARGE = Size(512, 512), Size(2048, 2048)


def machine(gib: float, gpu: bool = False) -> Machine:
    """A machine with so much memory free, on its GPU when it has one."""
    size = int(gib * GIB)
    card = Gpu(name="Tesla T4", capability=(7, 5), vram_bytes=size, free_vram_bytes=size) if gpu else None
    return Machine(cores=2, ram_bytes=64 * GIB, free_ram_bytes=64 * GIB if gpu else size, gpu=card)


def fitted(gib: float, execution: Execution, size: Size, asked: int | None, count: int = 8) -> Fitted:
    return fit_memory(CARD, machine(gib, execution.device == "cuda"), execution, size, asked, count)


def test_a_processor_draws_one_at_a_time_and_a_gpu_up_to_four() -> None:
    assert fitted(60, CPU, SMALL, None).batch == 1
    assert fitted(14.5, GPU, SMALL, None).batch == 4
    assert fitted(14.5, GPU, SMALL, None, count=3).batch == 3


def test_the_batch_that_was_asked_for_is_drawn_where_it_fits() -> None:
    assert fitted(60, CPU, SMALL, 6) == Fitted(CPU, 6)


def test_a_smaller_batch_is_chosen_and_said_where_it_does_not() -> None:
    found = fitted(10, CPU, SMALL, 8)
    assert 1 <= found.batch < 8 and not found.execution.tiling
    assert [note.key for note in found.notes] == ["note.batch_reduced"]
    assert forecast_memory(CARD, CPU, SMALL, found.batch + 1).total > 0.9 * 10 * GIB


def test_a_picture_too_large_to_be_decoded_at_once_is_decoded_in_tiles() -> None:
    whole = forecast_memory(CARD, CPU, LARGE, 1).total
    tiled = forecast_memory(CARD, Execution(tiling=True), LARGE, 1).total
    assert tiled < whole
    between = (whole + tiled) / 2 / 0.9 / GIB
    found = fitted(between, CPU, LARGE, None)
    assert found.execution.tiling and "note.tiled" in [note.key for note in found.notes]
    with pytest.raises(NotEnoughMemoryError):
        fitted(tiled * 0.9 / GIB, CPU, LARGE, None)


def test_nothing_is_refused_where_the_system_tells_no_memory() -> None:
    nothing_known = Machine(cores=2, ram_bytes=0, free_ram_bytes=0)
    assert fit_memory(CARD, nothing_known, CPU, LARGE, 3, 8) == Fitted(CPU, 3)


def ladder(execution: Execution, batch: int) -> list[str]:
    """What is said of each smaller way after the last one failed."""
    said = []
    while (smaller := reduced(execution, batch)) is not None:
        execution, batch = smaller.execution, smaller.batch
        said.append(smaller.notes[0].key.removeprefix("note.out_of_memory."))
    return said


def test_after_a_shortage_the_batch_is_halved_then_come_tiles_slices_and_turns() -> None:
    assert ladder(GPU, 5) == ["batch", "batch", "tiles", "slices", "offload"]
    assert ladder(CPU, 1) == ["tiles", "slices"]  # a processor's memory has no other to take turns with


def test_the_parts_take_turns_on_a_gpu_only_when_nothing_else_fits() -> None:
    tiled = forecast_memory(SDXL, dataclasses.replace(GPU, tiling=True), SDXL.size, 1).total
    turns = forecast_memory(SDXL, dataclasses.replace(GPU, tiling=True, offload=True), SDXL.size, 1).total
    assert turns < tiled
    gib = (tiled + turns) / 2 / 0.9 / GIB
    found = fit_memory(SDXL, machine(gib, gpu=True), GPU, SDXL.size, None, 1)
    assert found.execution.offload and [note.key for note in found.notes] == ["note.offloaded"]
    with pytest.raises(NotEnoughMemoryError):
        fit_memory(SDXL, machine(gib, gpu=True), GPU, SDXL.size, None, 1, offload="off")
    enough = fit_memory(SDXL, machine(20, gpu=True), GPU, SDXL.size, None, 1)
    assert not enough.execution.offload and not enough.notes


def test_turns_that_were_asked_for_are_taken_and_said() -> None:
    found = fit_memory(CARD, machine(14.5, gpu=True), GPU, SMALL, None, 1, offload="on")
    assert found.execution.offload and [note.key for note in found.notes] == ["note.offload_asked"]
    assert not fit_memory(CARD, machine(60), CPU, SMALL, None, 1, offload="on").execution.offload


def test_turns_need_the_machines_memory_and_it_is_named_where_it_is_short() -> None:
    small = dataclasses.replace(machine(14.5, gpu=True), free_ram_bytes=3 * GIB)
    with pytest.raises(NotEnoughMemoryError) as error:
        fit_memory(SDXL, small, GPU, SDXL.size, None, 1, offload="on")
    assert error.value.facts["available_gb"] == "2.7"


def test_a_forecast_knows_passes_loras_and_the_autoencoder_that_overflows() -> None:
    usual = forecast_memory(CARD, GPU, SMALL, 4)
    one = forecast_memory(CARD, GPU, SMALL, 4, Work(passes=1))
    three = forecast_memory(CARD, GPU, SMALL, 4, Work(passes=3))
    assert one.activations * 2 == usual.activations and three.activations > usual.activations
    merging = forecast_memory(CARD, GPU, Size(64, 64), 1, Work(loras=True))
    assert merging.total > forecast_memory(CARD, GPU, Size(64, 64), 1).total
    half, brain = (
        forecast_memory(SDXL, Execution(device="cuda", precision=precision), SDXL.size, 1) for precision in PRECISIONS
    )
    assert half.weights - brain.weights == 2 * SDXL.weights.autoencoder and half.activations > brain.activations


def test_the_machines_own_memory_is_forecast_beside_a_gpu() -> None:
    assert not forecast_memory(CARD, CPU, SMALL, 1).ram
    plain = forecast_memory(CARD, GPU, SMALL, 1).ram
    turns = forecast_memory(CARD, dataclasses.replace(GPU, offload=True), SMALL, 1).ram
    assert turns - plain == 2 * CARD.weights.total


def test_xformers_is_used_where_it_is_installed_and_asked_for() -> None:
    here = dataclasses.replace(machine(14.5, gpu=True), xformers=True)
    assert choose_attention(GPU, here, "xformers").attention == "xformers"
    assert choose_attention(GPU, here, None).attention == "sdpa"
    for execution, lacking in ((GPU, machine(14.5, gpu=True)), (CPU, here)):
        found = choose_attention(execution, lacking, "xformers")
        assert found.attention == "sdpa" and [note.key for note in found.reasons] == ["note.no_xformers"]
    assert choose_attention(CPU, machine(60), "sliced").attention == "sliced"

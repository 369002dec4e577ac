"""What fits: batches, tiles, and the smaller way after memory ran out."""

import dataclasses

import pytest

from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import NotEnoughMemoryError
from colabsd.geometry import Size
from colabsd.models.catalog import CATALOG
from colabsd.planning.memory import Fitted, fit_memory, forecast_memory, reduced
from colabsd.planning.plans import Execution

GIB = 2**30
CARD = dataclasses.replace(CATALOG[0], sha256="0" * 64)
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


def test_after_a_shortage_the_batch_is_halved_and_then_tiles_are_taken() -> None:
    ways, execution, batch = [], GPU, 5
    while (smaller := reduced(execution, batch)) is not None:
        execution, batch = smaller.execution, smaller.batch
        ways.append((batch, execution.tiling, smaller.notes[0].key))
    assert ways == [
        (2, False, "note.out_of_memory.batch"),
        (1, False, "note.out_of_memory.batch"),
        (1, True, "note.out_of_memory.tiles"),
    ]

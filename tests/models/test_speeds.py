"""How fast weights came is remembered beside the models, in small files that nobody changes."""

from pathlib import Path

import pytest

from colabsd.models.speeds import FOLDER, LEAST_BYTES, REMEMBERED, Speeds, read_speeds, remember_speed


def test_the_median_of_the_last_transfers_counts(tmp_path: Path) -> None:
    for number, seconds in enumerate((1.0, 1.0, 100.0, 2.0, 2.0, 4.0)):
        remember_speed(tmp_path, "hub", 10**8, seconds, f"2026112{number}")
    assert read_speeds(tmp_path) == Speeds(hub=10**8 / 2.0)


@pytest.mark.parametrize(("count", "seconds"), [(LEAST_BYTES - 1, 1.0), (LEAST_BYTES, 0.0)])
def test_what_says_nothing_of_speed_is_not_remembered(tmp_path: Path, count: int, seconds: float) -> None:
    remember_speed(tmp_path, "hub", count, seconds, "1")
    assert read_speeds(tmp_path) == Speeds()


def test_old_measurements_go(tmp_path: Path) -> None:
    for number in range(50):
        remember_speed(tmp_path, "drive", 10**8, 1.0, f"{number:04d}")
    names = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert len(names) == 4 * REMEMBERED and names[-1].startswith("0049")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origin": "hub", "bytes": 1, "seconds": 0}', '{"origin": "moon"}'])
def test_an_unreadable_measurement_is_passed_over(tmp_path: Path, text: str) -> None:
    remember_speed(tmp_path, "hub", 10**8, 1.0, "1")
    (tmp_path / FOLDER / "2.json").write_text(text)
    assert read_speeds(tmp_path) == Speeds(hub=10**8)


@pytest.mark.parametrize(
    ("speeds", "faster"),
    [
        (Speeds(), "drive"),
        (Speeds(hub=200e6), "drive"),
        (Speeds(drive=1.0), "drive"),
        (Speeds(hub=100e6, drive=50e6), "hub"),
        (Speeds(hub=110e6, drive=100e6), "drive"),
    ],
)
def test_drive_is_taken_until_the_hub_is_measured_to_be_clearly_faster(speeds: Speeds, faster: str) -> None:
    assert speeds.faster == faster

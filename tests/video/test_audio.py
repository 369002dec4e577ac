"""What a sound says at every frame."""

from pathlib import Path

import numpy as np
import pytest
from small_films import clicks, write_clip, write_sound

from colabsd.errors import UnreadableVideoError
from colabsd.video.audio import RATE, decode_sound, hear, listen

BEATS = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_onsets_and_beats_are_found_at_the_frames_where_they_sound(tmp_path: Path) -> None:
    write_sound(tmp_path / "beats.wav", clicks(BEATS, 4))
    sound = listen(tmp_path / "beats.wav", fps=20, frames=80)
    assert {len(values) for values in sound.variables().values()} == {80}
    assert all(0 <= value <= 1 for values in sound.variables().values() for value in values)
    found = [index for index, value in enumerate(sound.beat) if value > 0.99]
    expected = [round(moment * 20) for moment in BEATS]
    assert len(found) == len(BEATS)
    assert max(abs(one - other) for one, other in zip(found, expected, strict=True)) <= 1  # a window is 46 ms
    assert sound.tempo == pytest.approx(120, rel=0.02)
    quiet = [value for index, value in enumerate(sound.onset) if min(abs(index - place) for place in expected) > 3]
    assert max(quiet) < 0.1


def test_amplitude_follows_loudness_and_silence_is_zero() -> None:
    loud = np.concatenate([np.zeros(RATE), 0.5 * np.ones(RATE), np.ones(RATE)]).astype(np.float32)
    sound = hear(loud, fps=10, frames=40)
    assert max(sound.amplitude[:9]) == 0
    assert sound.amplitude[15] == pytest.approx(0.5, abs=0.01)
    assert sound.amplitude[25] == pytest.approx(1.0)
    assert max(sound.amplitude[31:]) == 0  # behind the end is silence


def test_silence_has_neither_beats_nor_tempo() -> None:
    sound = hear(np.zeros(RATE, dtype=np.float32), fps=10, frames=10)
    assert set(sound.amplitude) == set(sound.onset) == set(sound.beat) == {0.0}
    assert sound.tempo == 0


def test_a_steady_tone_begins_once(tmp_path: Path) -> None:
    times = np.arange(3 * RATE) / RATE
    tone = np.where(times > 1, np.sin(2 * np.pi * 440 * times), 0).astype(np.float32)
    sound = hear(tone, fps=10, frames=30)
    assert sound.onset.index(1.0) in (9, 10)
    assert max(sound.onset[12:]) < 0.2


def test_no_more_is_decoded_than_is_needed(tmp_path: Path) -> None:
    write_sound(tmp_path / "long.wav", np.zeros(RATE * 5, dtype=np.float32))
    assert len(decode_sound(tmp_path / "long.wav", 1.5)) == int(1.5 * RATE)


def test_files_without_sound_and_missing_ones_are_told(tmp_path: Path) -> None:
    write_clip(tmp_path / "silent.mp4", [0, 0.1, 0.2])
    (tmp_path / "text.mp3").write_text("no sound")
    keys = []
    for name in ("silent.mp4", "text.mp3", "missing.mp3"):
        with pytest.raises(UnreadableVideoError) as caught:
            listen(tmp_path / name, fps=10, frames=10)
        keys.append(caught.value.message_key)
    assert keys == ["error.video.no_sound", "error.video.unreadable", "error.video.missing"]

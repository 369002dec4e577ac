"""Frames out of a video."""

from pathlib import Path

import pytest
from small_films import number_of, write_clip, write_sound

from colabsd.errors import UnreadableVideoError
from colabsd.geometry import Size
from colabsd.video.input_video import look_at_video, read_frames

SIZE = Size(64, 48)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "even.mp4"
    write_clip(path, [number / 12 for number in range(24)])
    return path


def numbers(path: Path, **options: int) -> list[tuple[int, int]]:
    return [(frame.number, number_of(frame.pixels)) for frame in read_frames(path, SIZE, **options)]


def test_every_nth_frame_from_here_to_there(clip: Path) -> None:
    facts = look_at_video(clip)
    assert (facts.size, facts.frames, facts.uneven, facts.has_sound) == (SIZE, 24, False, False)
    assert facts.fps == pytest.approx(12)
    assert numbers(clip) == [(number, number) for number in range(24)]
    chosen = numbers(clip, every=5, first=3, last=14)
    assert chosen == [(3, 3), (8, 8), (13, 13)]
    assert facts.count(5, 3, 14) == len(chosen)


def test_frames_at_uneven_times_are_seen_when_they_are_seen(tmp_path: Path) -> None:
    """Frame 2 stays for three times as long as the others."""
    write_clip(tmp_path / "uneven.mp4", [0, 0.1, 0.2, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
    facts = look_at_video(tmp_path / "uneven.mp4")
    assert facts.uneven
    read = numbers(tmp_path / "uneven.mp4")
    assert len(read) == facts.frames == facts.count()
    seen = [number for _, number in read]
    assert seen == sorted(seen) and seen.count(2) >= 2
    assert seen[0] == 0 and seen[-1] == 9


def test_large_videos_are_scaled_and_cut_while_they_are_read(clip: Path) -> None:
    wide = next(read_frames(clip, Size(32, 32)))
    assert wide.pixels.shape == (32, 32, 3)
    tall = next(read_frames(clip, Size(40, 64)))
    assert tall.pixels.shape == (64, 40, 3)


def test_what_cannot_be_read_is_told(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:1500])
    write_sound(tmp_path / "sound.wav", __import__("numpy").zeros(1000))
    keys = []
    for name in ("missing.mp4", "text.mp4", "cut.mp4", "sound.wav"):
        with pytest.raises(UnreadableVideoError) as caught:
            list(read_frames(tmp_path / name, SIZE))
        keys.append(caught.value.message_key)
    assert keys == ["error.video.missing", "error.video.unreadable", "error.video.unreadable", "error.video.no_picture"]


def test_a_range_outside_the_video_is_told_with_its_frames(clip: Path) -> None:
    with pytest.raises(UnreadableVideoError, match="24 frames"):
        list(read_frames(clip, SIZE, first=30))

"""Films out of frames."""

import errno
from pathlib import Path

import numpy as np
import pytest
from small_films import clicks, frame, frames, number_of, write_sound

from colabsd.errors import EncodingError, MissingPackageError, StorageError
from colabsd.video import encode
from colabsd.video.encode import Encoding, count_frames, encode_film, encode_short, read_texts
from colabsd.video.writers import fraction

COUNT = 20


def film(path: Path, **options: object) -> Path:
    for _ in encode_film(frames(COUNT, 65, 49), path, Encoding(fps=10, **options), COUNT):
        pass
    return path


def decoded(path: Path) -> list[np.ndarray]:
    import av

    with av.open(str(path)) as file:
        return [one.to_ndarray(format="rgb24") for one in file.decode(video=0)]


@pytest.fixture(params=["av", "imageio_ffmpeg"])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two encoders, the other one missing for the module that writes."""
    known = encode.find_spec
    monkeypatch.setattr(encode, "find_spec", lambda name: known(name) if name == request.param else None)
    return str(request.param)


def test_a_film_has_every_frame_in_order_with_even_sides_and_its_colours(tmp_path: Path, encoder: str) -> None:
    found = decoded(film(tmp_path / "film.mp4"))
    assert len(found) == COUNT
    assert found[0].shape == (50, 66, 3)
    assert [number_of(one) for one in found] == list(range(COUNT))
    # crf 17 and 4:2:0 colours: a few levels on the average
    assert np.abs(found[7][:49, :65].astype(int) - frame(7, 65, 49)).mean() < 5


def test_a_film_says_its_settings_and_carries_its_sound_to_its_end(tmp_path: Path, encoder: str) -> None:
    import av

    write_sound(tmp_path / "long.wav", clicks([0.5, 1.0], 6))
    path = film(tmp_path / "film.mp4", sound=tmp_path / "long.wav", texts={"comment": '{"prompt": "niño"}'})
    with av.open(str(path)) as file:
        assert file.metadata["comment"] == '{"prompt": "niño"}'
        assert {stream.codec_context.name for stream in file.streams} >= {"h264"}
        assert file.streams.video[0].pix_fmt == "yuv420p"
        lengths = [float(stream.duration * stream.time_base) for stream in file.streams]
    assert lengths == pytest.approx([2.0, 2.0], abs=0.1)  # AAC has blocks of 23 ms, and one before the sound


def test_sound_that_ends_before_the_film_leaves_the_film_whole(tmp_path: Path, encoder: str) -> None:
    write_sound(tmp_path / "short.wav", clicks([0.2], 0.5))
    assert count_frames(film(tmp_path / "film.mp4", sound=tmp_path / "short.wav")) == COUNT


def test_without_an_encoder_the_error_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install"):
        film(tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_film_that_lost_frames_gets_no_name(tmp_path: Path, encoder: str) -> None:
    with pytest.raises(EncodingError) as caught:
        list(encode_film(frames(COUNT - 1), tmp_path / "film.mp4", Encoding(fps=10), COUNT))
    assert caught.value.message_key == "error.video.frames_lost"
    assert list(tmp_path.iterdir()) == []


def test_closing_leaves_nothing_and_another_film_is_not_overwritten(tmp_path: Path) -> None:
    work = encode_film(frames(COUNT), tmp_path / "film.mp4", Encoding(fps=10), COUNT)
    next(work)
    work.close()
    assert list(tmp_path.iterdir()) == []
    film(tmp_path / "film.mp4")
    with pytest.raises(StorageError):
        film(tmp_path / "film.mp4")


def test_a_silent_file_is_told_where_sound_is_asked(tmp_path: Path) -> None:
    silent = film(tmp_path / "silent.mp4")
    with pytest.raises(EncodingError) as caught:
        film(tmp_path / "film.mp4", sound=silent)
    assert caught.value.message_key == "error.video.no_sound"
    assert [path.name for path in tmp_path.iterdir()] == ["silent.mp4"]


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught, encode.encoding_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.message_key == "error.storage.full"


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_short_version_is_small_and_plays_at_the_films_pace(tmp_path: Path, kind: encode.ShortFormat) -> None:
    from PIL import Image

    path = tmp_path / f"short.{kind}"
    size = encode_short(frames(340, 320, 240), path, kind, 30)
    with Image.open(path) as opened:
        assert max(opened.size) <= 480
        assert opened.n_frames <= 151
        assert opened.info.get("loop") == 0
    assert size == path.stat().st_size


def test_frame_rates_of_television_are_written_exactly() -> None:
    assert [str(fraction(fps)) for fps in (29.97, 23.976, 12.5, 15)] == [
        "30000/1001",
        "24000/1001",
        "25/2",
        "15",
    ]


def test_reading_texts_of_what_is_no_film_gives_none(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    assert read_texts(tmp_path / "film.mp4") == {}
    with pytest.raises(EncodingError):
        count_frames(tmp_path / "film.mp4")

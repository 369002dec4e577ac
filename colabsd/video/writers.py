"""What writes frames into an MP4: PyAV, with the sound keeping step, or the ffmpeg of imageio-ffmpeg."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from colabsd.errors import EncodingError

Pixels = NDArray[np.uint8]
"""A frame: (H, W, 3) RGB."""
QUALITY = 17  # x264's constant rate factor: about what the eye cannot tell from the frames, as Deforum encodes
PRESET = "medium"
SOUND_RATE, SOUND_BITS = 44_100, 160_000
BT709 = 1  # what players take for granted


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a film is written. `quality` is x264's crf (0 lossless to 51); `sound` a file with a sound track.

    The track is cut where the film ends. `texts` become the file's metadata.
    """

    fps: float
    quality: int = QUALITY
    sound: Path | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


class Writer(Protocol):
    """Takes frames of one even size, one after the other."""

    def add(self, frame: Pixels) -> None: ...

    def close(self) -> None: ...


class PyAVWriter:
    """Frames into an MP4 by PyAV, with the sound keeping step."""

    def __init__(self, path: Path, shape: tuple[int, ...], encoding: Encoding, count: int) -> None:
        import av

        self._fps = fraction(encoding.fps)
        flags = {"movflags": "+faststart+use_metadata_tags"}
        self._file = av.open(os.fspath(path), "w", format="mp4", options=flags)
        self._file.metadata.update(encoding.texts)
        options = {"crf": str(encoding.quality), "preset": PRESET}
        stream: Any = self._file.add_stream("libx264", rate=self._fps, options=options)
        stream.height, stream.width = shape[:2]
        stream.pix_fmt = "yuv420p"
        for name in ("colorspace", "color_primaries", "color_trc"):
            setattr(stream.codec_context, name, BT709)
        self._stream = stream
        self._sound = None if encoding.sound is None else _Sound(encoding.sound, self._file, count / self._fps)
        self._number = 0

    def add(self, frame: Pixels) -> None:
        """Encode one frame."""
        import av

        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        picture.pts, picture.time_base = self._number, 1 / self._fps
        self._number += 1
        self._file.mux(self._stream.encode(picture))
        if self._sound is not None:
            self._sound.go_to(self._number / self._fps)

    def close(self) -> None:
        """Write what the encoder still holds; with nothing added there is nothing to write."""
        try:
            if self._number:
                self._file.mux(self._stream.encode())
                if self._sound is not None:
                    self._sound.finish()
        finally:
            self._file.close()


class _Sound:
    """A file's sound track as AAC, let through up to a moment of the film."""

    def __init__(self, path: Path, output: Any, seconds: Fraction) -> None:
        import av

        self._source = av.open(os.fspath(path))
        if not self._source.streams.audio:
            self._source.close()
            raise EncodingError("error.video.no_sound", path=path)
        self._output, self._end = output, int(seconds * SOUND_RATE)
        self._stream: Any = output.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        self._stream.bit_rate = SOUND_BITS
        self._blocks = self._resampled()
        self._at = 0

    def go_to(self, seconds: Fraction) -> None:
        """Write the sound up to that moment."""
        while self._at < min(self._end, int(seconds * SOUND_RATE)):
            block = next(self._blocks, None)
            if block is None:
                self._end = self._at
                return
            self._at += block.samples
            self._output.mux(self._stream.encode(block))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._output.mux(self._stream.encode())
        self._source.close()

    def _resampled(self) -> Iterator[Any]:
        """Blocks of 1024 samples, the last one cut at the film's end."""
        import av

        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SOUND_RATE, frame_size=1024)
        at = 0
        for decoded in self._decoded():
            for block in resampler.resample(decoded):
                cut = _cut(block, self._end - at)
                if cut is None:
                    return
                cut.pts, cut.time_base = at, Fraction(1, SOUND_RATE)
                at += cut.samples
                yield cut

    def _decoded(self) -> Iterator[Any]:
        """The track's blocks, then None, which has the resampler give what it holds."""
        for frame in self._source.decode(audio=0):
            frame.pts = None
            yield frame
        yield None


def _cut(block: Any, most: int) -> Any:
    """A block of at most so many samples; None for none."""
    import av

    if most <= 0 or block.samples == 0:
        return None
    if block.samples <= most:
        return block
    cut = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.to_ndarray()[:, :most]), format="fltp", layout="stereo")
    cut.sample_rate = SOUND_RATE
    return cut


class FfmpegWriter:
    """Frames into an MP4 by the ffmpeg that imageio-ffmpeg brings along."""

    def __init__(self, path: Path, shape: tuple[int, ...], encoding: Encoding, count: int) -> None:
        import imageio_ffmpeg

        texts = [part for name, text in encoding.texts.items() for part in ("-metadata", f"{name}={text}")]
        seconds = f"{count / encoding.fps:.6f}"
        colours = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709"]
        flags = ["-crf", str(encoding.quality), "-preset", PRESET, "-movflags", "+faststart+use_metadata_tags"]
        sound = {} if encoding.sound is None else {"audio_path": os.fspath(encoding.sound), "audio_codec": "aac"}
        self._writer = imageio_ffmpeg.write_frames(
            os.fspath(path),
            (shape[1], shape[0]),
            fps=encoding.fps,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            output_params=[*flags, *colours, *texts, *(["-t", seconds] if sound else [])],
            ffmpeg_log_level="error",
            **sound,
        )
        self._writer.send(None)

    def add(self, frame: Pixels) -> None:
        """Encode one frame."""
        self._writer.send(np.ascontiguousarray(frame))

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._writer.close()


def fraction(fps: float) -> Fraction:
    """Frames per second as films say it: 29.97 is 30000/1001."""
    ntsc = Fraction(round(fps * 1001 / 1000) * 1000, 1001)
    return ntsc if abs(float(ntsc) - fps) < 0.005 and fps != round(fps) else Fraction(fps).limit_denominator(1000)

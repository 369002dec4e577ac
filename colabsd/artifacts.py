"""Results with the plan that made them: what recipes yield and the library keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from colabsd.geometry import Size
from colabsd.models.cards import Family
from colabsd.planning.plans import Drawing, Execution

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A finished picture that is not yet a file.

    `index` is its place in its plan; `batch` holds all drawings that shared its batch, in order, and `position` its
    own place among them (what `again --verify` replays). `parents` are the keys of the pictures it was made from.
    """

    image: "Image"
    drawing: Drawing
    execution: Execution
    index: int = 0
    batch: tuple[Drawing, ...] = ()
    position: int = 0
    seconds: float = 0.0
    parents: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


ADAPTER_FORMAT = 1
LoraForm = Literal["kohya", "diffusers"]
"""Layouts of LoRA files that are written."""
Prediction = Literal["epsilon", "v"]
"""What the base model was taught to predict."""


@dataclass(frozen=True, kw_only=True)
class AdapterFile:
    """A file of an adapter: its place in the workspace, with slashes, and what it was when it was written.

    `form` is its layout: kohya, diffusers, embedding or model.
    """

    place: str
    form: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What a training made, as its card tells it: what it is called, what it belongs to, and all that made it.

    `method` is lora, full, inversion or pivotal; `base` names the model that it was trained on, `base_sha256` is the
    digest of that model's files. `phrase` is what calls it in a prompt, `words` are those of its words that are new
    tokens. `photos_sha256` is the digest of the `photos` that it learnt from, `plan` the key of its exact plan.
    `losses` are (step, loss), thinned out; `made` is a time of ISO 8601. `files` are those in the workspace.
    """

    name: str
    method: str
    family: Family
    base: str
    base_sha256: str
    phrase: str
    photos: int
    photos_sha256: str
    made: str
    width: int = 512
    height: int = 512
    steps: int = 0
    seconds: float = 0.0
    prediction: Prediction = "epsilon"
    words: tuple[str, ...] = ()
    plan: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    losses: tuple[tuple[int, float], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    files: tuple[AdapterFile, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads again."""
        return {"format": ADAPTER_FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError when the data is no adapter's card. What a later version added is
        left out."""
        if data["format"] != ADAPTER_FORMAT:
            raise ValueError(data["format"])
        known = {one.name for one in fields(cls)}
        facts = {name: value for name, value in data.items() if name in known}
        facts["losses"] = tuple((int(step), float(loss)) for step, loss in facts.get("losses", ()))
        facts["words"] = tuple(map(str, facts.get("words", ())))
        facts["files"] = tuple(AdapterFile(**one) for one in facts.get("files", ()))
        return cls(**facts)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of a film that is a file now, on this machine's disk. `drawn` is False for those between drawn ones.

    `key` is its own; `parents` are the keys of the frames that it was made from, and digests of what was brought.
    """

    index: int
    path: Path
    key: str
    drawn: bool = True
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A finished film that is a file of the workspace: `path` is absolute, `shorts` are its short versions."""

    name: str
    path: Path
    frames: int
    fps: float
    size: Size
    key: str
    sha256: str = ""
    sound: bool = False
    shorts: tuple[Path, ...] = ()

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

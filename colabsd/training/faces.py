"""Faces in photos, found by YuNet through OpenCV where both can be had.

YuNet is Wu, Peng, Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector", doi:10.1007/s11633-023-1423-y.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.errors import DamagedWeightsError, MissingPackageError
from colabsd.training.crops import Point

if TYPE_CHECKING:
    from PIL.Image import Image

WEIGHTS = "yunet"  # in the catalog of what goes with models
INSTALL = "pip install opencv-python-headless"
LONGEST_SIDE = 640  # at which photos are looked at
SURE = 0.8  # from which score on something is a face: faces have 0.9, a hand that holds a clock has 0.75
OVERLAP = 0.3  # of two boxes from which on they are one face
MOST = 50


@dataclass(frozen=True)
class Face:
    """A face in shares of the photo's width and height, and how sure the detector is of it, in [0, 1]."""

    left: float
    top: float
    width: float
    height: float
    score: float

    @property
    def middle(self) -> Point:
        return Point(self.left + self.width / 2, self.top + self.height / 2)

    @property
    def area(self) -> float:
        """Its share of the photo."""
        return self.width * self.height


class FaceFinder:
    """Finds faces with the weights of a file. Built by `load_faces`."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector

    def find(self, image: "Image") -> tuple[Face, ...]:
        """The faces of a photo, the largest first."""
        import numpy as np

        small = image.convert("RGB")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        self._detector.setInputSize(small.size)
        _, found = self._detector.detect(np.ascontiguousarray(np.asarray(small)[:, :, ::-1]))
        faces = [_face(row, small.size) for row in (() if found is None else found)]
        return tuple(sorted(faces, key=lambda face: -face.area))


def can_find_faces() -> bool:
    """Whether OpenCV is installed."""
    return find_spec("cv2") is not None


def load_faces(path: Path) -> FaceFinder:
    """The detector of a file of weights. Raises: MissingPackageError without OpenCV, DamagedWeightsError."""
    if not can_find_faces():
        raise MissingPackageError("error.photos.faces", name="opencv-python-headless", command=INSTALL)
    import cv2

    try:
        return FaceFinder(cv2.FaceDetectorYN.create(str(path), "", (LONGEST_SIDE, LONGEST_SIDE), SURE, OVERLAP, MOST))
    except (cv2.error, AttributeError) as error:
        raise DamagedWeightsError(path=path, reason=str(error).splitlines()[0][:200]) from None


def _face(row: Any, size: tuple[int, int]) -> Face:
    left, top, width, height = (float(value) for value in row[:4])
    return Face(left / size[0], top / size[1], width / size[0], height / size[1], float(row[14]))

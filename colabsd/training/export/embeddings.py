"""New words as files of textual inversions, as A1111, ComfyUI and diffusers read them. Knows no files.

One file for each word, which other programs call by the file's name: for models with one text encoder a single tensor
(Gal et al. 2022, arXiv:2208.01618), named as the word so that diffusers knows it too; for SDXL `clip_l` and `clip_g`.
"""

from collections.abc import Sequence

from torch import Tensor

from colabsd.artifacts import Adapter
from colabsd.models.embedding_files import SDXL
from colabsd.training.export.kohya_lora import modelspec


def embedding(word: str, vectors: Sequence[Tensor], adapter: Adapter) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors (n, width) by their names in the file, and its texts."""
    assert len(vectors) in (1, len(SDXL)), "models have one or two text encoders"
    names = (word,) if len(vectors) == 1 else SDXL
    texts = {"format": "pt", **modelspec(adapter, "/textual-inversion")}
    return dict(zip(names, vectors, strict=True)), texts

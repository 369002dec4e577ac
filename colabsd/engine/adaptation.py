"""What a drawing adds to a loaded model, LoRAs and textual inversions, put in before it is drawn. Knows no prompts."""

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from colabsd.engine.components import TEXT_ENCODERS, Components
from colabsd.engine.conditioning import Inversions
from colabsd.engine.lora import LoraMerge
from colabsd.engine.model_parts import open_parts
from colabsd.engine.textual_inversion import check_widths, read_inversion, read_vectors
from colabsd.models.cards import Family, ModelCard
from colabsd.models.embedding_files import read_embedding_file
from colabsd.models.lora_files import place_lora, read_lora_file
from colabsd.planning.plans import Drawing, EmbeddingUse
from colabsd.progress import Progress


class FindsAdapters(Protocol):
    """Where the files of LoRAs and textual inversions are. Both raise UnknownLoraError when the file is not there."""

    def find_lora(self, name: str, sha256: str) -> Path: ...

    def find_embedding(self, name: str, sha256: str) -> Path: ...


class Adaptation:
    """A loaded model's LoRAs and textual inversions: which it has now. `forget` is called when they change."""

    def __init__(self, components: Components, family: Family, forget: Callable[[], None]) -> None:
        self.components = components
        self.family = family
        self.forget = forget
        self.inversions: Inversions = {}
        self._embeddings: tuple[EmbeddingUse, ...] = ()
        self._lora_embeddings: Mapping[str, tuple[Tensor, ...]] = {}
        self._own: Mapping[str, tuple[Tensor, ...]] = {}
        self.merge: LoraMerge | None = None
        if components.parts is not None:
            networks = networks_of(components, family)
            self.merge = LoraMerge(components.parts, networks, family, components.device)

    def use(self, drawing: Drawing, finder: FindsAdapters | None) -> Generator[Progress, None, None]:
        """Have exactly a drawing's LoRAs and textual inversions in the model.

        Raises: UnknownLoraError, DamagedLoraError, LoraMismatchError, DamagedEmbeddingError, and those of reading.
        """
        assert finder is not None or not (drawing.loras or drawing.embeddings), "somebody found them when planning"
        loras = [(use, finder.find_lora(use.name, use.sha256)) for use in drawing.loras] if finder else []
        changed = False
        if self.merge is not None:
            changed = yield from self.merge.use(loras)
        if changed:
            self._lora_embeddings = self._embeddings_in([path for _, path in loras])
        if drawing.embeddings != self._embeddings:
            widths = self._widths()
            assert finder is not None, "an embedding's file was found"
            found = {use.name: finder.find_embedding(use.name, use.sha256) for use in drawing.embeddings}
            self._own = {name: read_inversion(path, widths) for name, path in found.items()}
            self._embeddings = drawing.embeddings
            changed = True
        if changed:
            self.inversions = {**self._lora_embeddings, **self._own}
            self.forget()

    def _widths(self) -> list[int]:
        """The width of the words of each text encoder."""
        networks = networks_of(self.components, self.family)
        parts = [row[0] for row in TEXT_ENCODERS[self.family]]
        return [networks[part].get_parameter("embeddings.token_embedding.weight").shape[1] for part in parts]

    def _embeddings_in(self, paths: list[Path]) -> dict[str, tuple[Tensor, ...]]:
        """Textual inversions that came in the files of LoRAs, for models with one text encoder."""
        files = [read_lora_file(path) for path in paths]
        width = self._widths()
        return {
            word: (vectors,)
            for file in files
            for word, name in file.embeddings.items()
            if (vectors := read_vectors(file.header, name)).shape[1:] == tuple(width)
        }


def check_fit(card: ModelCard, drawings: Sequence[Drawing], finder: FindsAdapters) -> None:
    """Look whether the LoRAs and textual inversions of drawings fit a model, by headers; nothing is loaded.

    Raises: as `Adaptation.use`, but for numbers that are none.
    """
    parts = open_parts(card)
    names = ["unet", *(row[0] for row in TEXT_ENCODERS[card.family])]
    shapes = {part: parts.tensors(part).shapes for part in names}
    for lora in {use: None for drawing in drawings for use in drawing.loras}:
        place_lora(read_lora_file(finder.find_lora(lora.name, lora.sha256)), shapes, card.family)
    widths = tuple(shapes[part]["embeddings.token_embedding.weight"][1] for part in names[1:])
    for embedding in {use: None for drawing in drawings for use in drawing.embeddings}:
        check_widths(read_embedding_file(finder.find_embedding(embedding.name, embedding.sha256)), widths)


def networks_of(components: Components, family: Family) -> dict[str, nn.Module]:
    """The modules of a model's parts that LoRAs change, by diffusers' names of the parts."""
    encoders = zip(TEXT_ENCODERS[family], components.encoders, strict=True)
    networks = {row[0]: encoder.model for row, encoder in encoders}
    unet = components.unet
    assert isinstance(unet, nn.Module), "a UNet is a module"
    return {"unet": unet, **networks}

"""CLIP's tokenizer from its vocabulary and merges: text -> token ids. Equal to transformers' CLIPTokenizer."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.models.folders import read_config
from colabsd.prompts import SpecialTokens

START, END = "<|startoftext|>", "<|endoftext|>"
# A word is an English contraction's ending, a run of letters, a single digit, or a run of anything else.
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
# CLIP's letters for the 256 bytes: those that print as themselves, then the others.
PRINTING = (*range(33, 127), *range(161, 173), *range(174, 256))
BYTES = (*map(chr, PRINTING), *(chr(256 + index) for index in range(256 - len(PRINTING))))


@dataclass(frozen=True)
class ClipTokenizer:
    """Token ids of texts; `length` is how many the text encoder takes at once, start and end included."""

    tokenizer: Tokenizer
    start: int
    end: int
    padding: int
    length: int = 77

    @property
    def special(self) -> SpecialTokens:
        """The ids that frame a chunk of a prompt."""
        return SpecialTokens(self.start, self.end, self.padding)

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without start and end, however many they are."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def padded(self, ids: Sequence[int]) -> list[int]:
        """`length` ids: start, the ids that fit, end, padding."""
        row = [self.start, *ids[: self.length - 2], self.end]
        return row + [self.padding] * (self.length - len(row))


def load_tokenizer(folder: Path, part: str = "tokenizer") -> ClipTokenizer:
    """A tokenizer of a diffusers folder. Raises: MissingWeightsError, DamagedWeightsError."""
    vocabulary, merges = folder / part / "vocab.json", folder / part / "merges.txt"
    for path in (vocabulary, merges):
        if not path.is_file():
            raise MissingWeightsError(path=path)
    try:
        model = BPE.from_file(
            str(vocabulary), str(merges), unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>"
        )
    except Exception as error:  # the Rust library raises nothing more specific
        raise DamagedWeightsError(path=vocabulary, reason=error) from error
    return _complete(model, *_padding_and_length(folder, part), vocabulary)


def build_tokenizer(merges: Sequence[str], padding: str, path: Path) -> ClipTokenizer:
    """CLIP's tokenizer over a list of merges: its vocabulary are all bytes, all bytes at a word's end, and the merges.

    `path` is for the error's sentence. Raises: DamagedWeightsError when the merges are none.
    """
    pairs = [(first, last) for first, _, last in (merge.partition(" ") for merge in merges)]
    tokens = [*BYTES, *(letter + "</w>" for letter in BYTES), *(first + last for first, last in pairs), START, END]
    ids = {token: index for index, token in enumerate(tokens)}
    try:
        model = BPE(vocab=ids, merges=pairs, unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>")
    except Exception as error:  # the Rust library raises nothing more specific
        raise DamagedWeightsError(path=path, reason=error) from error
    return _complete(model, padding, 77, path)


def clip_merges() -> list[str]:
    """The merges of CLIP's own vocabulary, which come with the package."""
    compressed = files("colabsd.models").joinpath("clip_merges.txt.gz").read_bytes()
    return gzip.decompress(compressed).decode().split("\n")[:-1]


def _complete(model: BPE, padding: str, length: int, vocabulary: Path) -> ClipTokenizer:
    """The tokenizer around a vocabulary. Raises: DamagedWeightsError when that lacks a special token."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (START, END)])
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    pad = tokenizer.token_to_id(padding)
    if start is None or end is None or pad is None:
        raise DamagedWeightsError(path=vocabulary, reason=f"{START}, {END} or {padding} missing")
    return ClipTokenizer(tokenizer, start, end, pad, length)


def _padding_and_length(folder: Path, part: str) -> tuple[str, int]:
    """The padding token and the number of ids at once, as the tokenizer's own configuration says."""
    if not (folder / part / "tokenizer_config.json").is_file():
        return END, 77
    config = read_config(folder, f"{part}/tokenizer_config.json")
    padding, length = config.get("pad_token", END), config.get("model_max_length", 77)
    return padding["content"] if isinstance(padding, dict) else padding or END, length if length <= 1024 else 77

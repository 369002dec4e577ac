"""CLIP's tokenizer from its vocabulary and merges: text -> token ids. Equal to transformers' CLIPTokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.models.folders import read_config

START, END = "<|startoftext|>", "<|endoftext|>"
# A word is an English contraction's ending, a run of letters, a single digit, or a run of anything else.
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class ClipTokenizer:
    """Token ids of texts; `length` is how many the text encoder takes at once, start and end included."""

    tokenizer: Tokenizer
    start: int
    end: int
    padding: int
    length: int = 77

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without start and end, however many they are."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def padded(self, ids: Sequence[int]) -> list[int]:
        """`length` ids: start, the ids that fit, end, padding."""
        row = [self.start, *ids[: self.length - 2], self.end]
        return row + [self.padding] * (self.length - len(row))

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids, words separated by single spaces."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False)).replace("</w>", " ").strip()


def load_tokenizer(folder: Path) -> ClipTokenizer:
    """The tokenizer of a diffusers folder. Raises: MissingWeightsError, DamagedWeightsError."""
    vocabulary, merges = folder / "tokenizer" / "vocab.json", folder / "tokenizer" / "merges.txt"
    for path in (vocabulary, merges):
        if not path.is_file():
            raise MissingWeightsError(path=path)
    try:
        model = BPE.from_file(
            str(vocabulary), str(merges), unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>"
        )
    except Exception as error:  # the Rust library raises nothing more specific
        raise DamagedWeightsError(path=vocabulary, reason=error) from error
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
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (START, END)])
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    padding, length = _padding_and_length(folder)
    pad = tokenizer.token_to_id(padding)
    if start is None or end is None or pad is None:
        raise DamagedWeightsError(path=vocabulary, reason=f"{START}, {END} or {padding} missing")
    return ClipTokenizer(tokenizer, start, end, pad, length)


def _padding_and_length(folder: Path) -> tuple[str, int]:
    """The padding token and the number of ids at once, as the tokenizer's own configuration says."""
    if not (folder / "tokenizer" / "tokenizer_config.json").is_file():
        return END, 77
    config = read_config(folder, "tokenizer/tokenizer_config.json")
    padding, length = config.get("pad_token", END), config.get("model_max_length", 77)
    return padding["content"] if isinstance(padding, dict) else padding or END, length if length <= 1024 else 77

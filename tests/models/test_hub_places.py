"""Places on the hub, however people write them; and paths, which are none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.models.hub_places import HubPlace, read_place

FILE = "owner/some-name/sub/file.safetensors"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("owner/name", HubPlace("owner/name")),
        (" owner/name@v2 ", HubPlace("owner/name", "v2")),
        ("owner/name@main", HubPlace("owner/name")),
        (FILE, HubPlace("owner/some-name", "", "sub/file.safetensors")),
        (f"{FILE}@abc", HubPlace("owner/some-name", "abc", "sub/file.safetensors")),
        ("owner/name@abc/file.ckpt", HubPlace("owner/name", "abc", "file.ckpt")),
        ("https://huggingface.co/owner/name", HubPlace("owner/name")),
        ("https://huggingface.co/owner/name/tree/main", HubPlace("owner/name")),
        ("https://hf.co/owner/name/tree/v2/", HubPlace("owner/name", "v2")),
        (
            "https://huggingface.co/owner/name/blob/main/a%20b.safetensors",
            HubPlace("owner/name", "", "a b.safetensors"),
        ),
        (
            "http://huggingface.co/owner/name/resolve/refs%2Fpr%2F3/x/y.pt?download=true",
            HubPlace("owner/name", "refs/pr/3", "x/y.pt"),
        ),
    ],
)
def test_a_place_is_read_however_it_is_written(text: str, place: HubPlace) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "",
        "/",
        "/root/name",
        "./folder/file.safetensors",
        "~/file.safetensors",
        "../up/file.safetensors",
        "C:/folder/file.safetensors",
        "owner/name/../../file.safetensors",
        "owner/name//file.safetensors",
        "owner/name/notes.txt",
        "owner/name/folder",
        "https://example.org/owner/name/blob/main/file.safetensors",
        "https://huggingface.co/owner",
    ],
)
def test_what_is_no_place_is_none(text: str) -> None:
    assert read_place(text) is None


NAMES = st.from_regex(r"\A[a-zA-Z0-9][a-zA-Z0-9._-]{0,8}\Z")


@given(NAMES, NAMES, st.none() | NAMES, st.none() | NAMES)
@settings(deadline=None)
def test_a_place_written_down_is_read_as_itself(owner: str, name: str, revision: str | None, stem: str | None) -> None:
    file = f"{stem}.safetensors" if stem else ""
    place = HubPlace(f"{owner}/{name}", "" if revision == "main" else revision or "", file)
    assert read_place(str(place)) == place
    branched = HubPlace(place.source, "refs/pr/3", file)
    assert read_place(str(branched)) == branched


def test_a_file_is_called_by_its_name_and_one_of_no_name_by_its_repository() -> None:
    assert HubPlace("owner/ink", "", "deep/rain.safetensors").word == "rain"
    assert HubPlace("owner/ink", "", "pytorch_lora_weights.safetensors").word == "ink"
    assert HubPlace("owner/ink").word == "ink"

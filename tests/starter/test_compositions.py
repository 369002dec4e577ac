"""Two things, counts and changed pictures are measured: what is there is found, what is not is missed."""

from __future__ import annotations

import numpy as np
import shapes

from starter.compositions import (
    change_figures,
    changes,
    count_figures,
    counted,
    pair_figures,
    pairs,
    real_before,
    real_pairs,
    real_several,
    several,
)
from starter.evaluate import references
from starter.recipe import FIRST

DRAWINGS = shapes.drawings(64)
RETRIEVAL = references(DRAWINGS)
CONCEPTS = DRAWINGS.concepts


def test_real_pairs_are_found_each_on_its_side() -> None:
    asked = pairs(CONCEPTS, 24)
    pictures = real_pairs(asked, DRAWINGS, FIRST)
    assert pair_figures(asked, pictures, RETRIEVAL) == {"both": 1.0, "in_order": 1.0}


def test_pairs_that_changed_sides_are_found_but_not_in_order() -> None:
    asked = pairs(CONCEPTS, 24)
    mirrored = np.ascontiguousarray(real_pairs(asked, DRAWINGS, FIRST)[:, :, ::-1])
    found = pair_figures(asked, mirrored, RETRIEVAL)
    assert found["in_order"] == 0.0


def test_one_two_and_three_are_told_apart() -> None:
    asked = several(CONCEPTS, len(CONCEPTS) // 3 * 3)
    found = count_figures(asked, real_several(asked, DRAWINGS, FIRST), RETRIEVAL)
    assert found["right"] == 1.0


def test_a_wrong_count_is_seen() -> None:
    asked = several(CONCEPTS, 3)
    pictures = real_several(asked, DRAWINGS, FIRST)
    assert counted(pictures[1], asked[1].thing, RETRIEVAL) == 2 != asked[2].count


def test_a_picture_that_did_not_change_has_kept_its_thing_only() -> None:
    asked = changes(CONCEPTS, 6)
    found = change_figures(asked, real_before(asked, DRAWINGS, FIRST), RETRIEVAL)
    assert found == {"thing_kept": 1.0, "background_changed": 0.0}


def test_what_is_asked_is_half_spanish_and_repeats() -> None:
    for ask in (pairs, several, changes):
        assert ask(CONCEPTS, 4) == ask(CONCEPTS, 4)
    assert " y " in pairs(CONCEPTS, 4)[1].text
    assert several(CONCEPTS, 3)[1].text.startswith("dos ")

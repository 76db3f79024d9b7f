"""Outlines, textures and the split of looks."""

import numpy as np
import pytest

from sim.attributes import (
    HELD_OUT_SHAPES,
    HUE_BAND_DEG,
    HUE_BANDS,
    HUE_GUARD_DEG,
    PATTERNS,
    SHAPES,
    SPLITS,
    TRAIN_PATTERNS,
    TRAIN_SHAPES,
    Look,
    distinct,
    draw_hue,
    draw_look,
    inside,
    outline,
    shares,
    split_pairs,
    texture,
)

ALL_SHAPES = SHAPES + TRAIN_SHAPES + HELD_OUT_SHAPES
LOOK = Look("square", "stripes", 100.0, 0.8, 0.8, "light", 0.03, 7)


def look(**changes):
    return Look(**{**LOOK.__dict__, **changes})


def shoelace(polygon):
    x, y = polygon.T
    return 0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum()


@pytest.mark.parametrize("shape", ALL_SHAPES)
def test_outlines_have_the_area_of_their_disc(shape):
    polygon = outline(shape, 0.03)
    assert shoelace(polygon) == pytest.approx(np.pi * 0.03**2)
    assert shoelace(outline(shape, 0.06)) == pytest.approx(4 * shoelace(polygon))


@pytest.mark.parametrize("shape", ALL_SHAPES)
def test_outlines_are_convex_and_centred(shape, rng):
    polygon = outline(shape, 0.03)
    edges = np.roll(polygon, -1, 0) - polygon
    following = np.roll(edges, -1, 0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    assert (turns > 0).all(), "counter-clockwise, no edge turns back"
    # The centroid by Monte Carlo: a way of its own.
    points = rng.uniform(-0.08, 0.08, (40_000, 2))
    within = np.array([inside(polygon, p) for p in points])
    assert np.abs(points[within].mean(0)).max() < 6e-4
    assert within.mean() * 0.16**2 == pytest.approx(np.pi * 0.03**2, rel=0.05)


def test_an_outline_can_neither_be_changed_nor_unknown():
    with pytest.raises(ValueError, match="read-only"):
        outline("square", 0.03)[0] = 1.0
    with pytest.raises(ValueError, match=r"no shape 'star'; there are \['circle'"):
        outline("star", 0.03)


def test_inside_a_square():
    half = 0.03 * np.sqrt(np.pi) / 2
    square = outline("square", 0.03)
    for point, answer in (
        ((0.0, 0.0), True),
        ((0.99 * half, -0.99 * half), True),
        ((1.01 * half, 0.0), False),
        ((0.0, -1.01 * half), False),
        ((half, 2 * half), False),
    ):
        assert inside(square, np.array(point)) is answer


def test_pairs_of_splits_are_a_partition():
    table = [split_pairs(split) for split in ("train", "val", "test")]
    common = [[(s, p) for s, p in pairs if s in SHAPES and p in PATTERNS] for pairs in table]
    every = sorted(pair for pairs in common for pair in pairs)
    assert every == sorted((s, p) for s in SHAPES for p in PATTERNS)
    for pairs in common:
        assert {s for s, _ in pairs} == set(SHAPES), "every shape is seen in each split"
        assert {p for _, p in pairs} == set(PATTERNS), "and every pattern"
    assert len(set(table[0])) == len(table[0]) > len(common[0]), "training has more of its own"
    assert table[1:] == common[1:], "and no other split has those"
    assert {s for s, _ in split_pairs("test_shapes")} == set(HELD_OUT_SHAPES)
    assert not set(HELD_OUT_SHAPES) & set(SHAPES)


def test_hue_bands_do_not_meet():
    held = [HUE_BANDS[split] for split in ("train", "val", "test")]
    every = sorted(band for bands in held for band in bands)
    assert every == list(range(round(360 / HUE_BAND_DEG)))
    assert HUE_GUARD_DEG > 0


@pytest.mark.parametrize("split", SPLITS)
def test_drawn_looks_belong_to_their_split(split, rng):
    looks = [draw_look(split, rng, (0.02, 0.03)) for _ in range(500)]
    for drawn in looks:
        band, rest = divmod(drawn.hue_deg, HUE_BAND_DEG)
        assert int(band) in HUE_BANDS[split]
        assert HUE_GUARD_DEG <= rest <= HUE_BAND_DEG - HUE_GUARD_DEG
        assert (drawn.shape, drawn.pattern) in split_pairs(split)
        assert 0.02 <= drawn.size_m <= 0.03
    assert {(x.shape, x.pattern) for x in looks} == set(split_pairs(split))
    assert {int(x.hue_deg // HUE_BAND_DEG) for x in looks} == set(HUE_BANDS[split])


def test_a_hue_away_from_another_is_in_another_band(rng):
    for _ in range(200):
        first = draw_hue("val", rng)
        other = draw_hue("val", rng, away_from=first)
        assert int(first // HUE_BAND_DEG) != int(other // HUE_BAND_DEG)


def test_shapes_can_be_asked_for(rng):
    for _ in range(100):
        assert draw_look("train", rng, (0.02, 0.02), shapes=("circle",)).shape == "circle"


@pytest.mark.parametrize(
    ("other", "tell_apart", "alike"),
    [
        (LOOK, False, True),
        (look(hue_deg=140.0), True, True),
        (look(hue_deg=140.0, shape="circle", size_m=0.02), True, False),
        (look(shape="circle", size_m=0.02), False, True),
        (look(shape="circle", pattern="dots"), True, True),
        (look(hue_deg=100.0 + 355.0, size_m=0.02), False, True),
        (look(hue_deg=5.0, shape="circle", size_m=0.02), True, False),
    ],
)
def test_distinct_and_shares(other, tell_apart, alike):
    assert distinct(LOOK, other) is tell_apart is distinct(other, LOOK)
    assert shares(LOOK, other) is alike is shares(other, LOOK)


def test_hues_are_compared_round_the_circle():
    assert shares(look(hue_deg=359.0), look(hue_deg=1.0, shape="circle", size_m=0.02))
    assert not distinct(look(hue_deg=359.0), look(hue_deg=1.0))


@pytest.mark.parametrize("pattern", PATTERNS + TRAIN_PATTERNS)
def test_textures_come_from_their_look_alone(pattern):
    given = look(pattern=pattern)
    top = texture(given)
    assert (top.shape, top.dtype) == ((64, 64, 3), np.uint8)
    assert (texture(given) == top).all()
    assert (texture(look(pattern=pattern, texture_seed=8)) != top).any()
    assert texture(given, 16).shape == (16, 16, 3)


def test_textures_show_colour_and_ink():
    plain = texture(look(pattern="plain", hue_deg=0.0, saturation=1.0, value=0.8)).mean((0, 1))
    assert plain[0] > 180
    assert plain[1:].max() < 10
    light = texture(look(pattern="ring", ink="light")).mean()
    assert light > texture(look(pattern="ring", ink="dark")).mean() + 20

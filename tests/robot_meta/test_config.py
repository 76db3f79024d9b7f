from dataclasses import dataclass, field

import pytest

from robot_meta.config import as_dict, from_dict
from robot_meta.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1

    def __post_init__(self):
        if not self.rate > 0:
            raise ValueError(f"rate must be > 0, got {self.rate}")


@dataclass(frozen=True)
class Outer:
    sizes: tuple[int, ...] = (3, 4)
    image: tuple[int, int] = (8, 8)
    inner: Inner = field(default_factory=Inner)
    target: tuple[int, int] | None = None


def test_a_config_comes_back_equal():
    config = Outer(sizes=(5,), inner=Inner(rate=0.5), target=(1, 2))
    plain = as_dict(config)
    assert plain["sizes"] == [5]
    assert plain["inner"] == {"rate": 0.5}
    assert from_dict(Outer, plain) == config


def test_unknown_keys_are_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown \['speed'\]; it knows \['image'"):
        from_dict(Outer, {"speed": 1})


@pytest.mark.parametrize("values", [{"inner": {"rate": -1.0}}, {"inner": {"rate": float("nan")}}])
def test_the_class_own_refusal_is_passed_on(values):
    with pytest.raises(ConfigError, match="rate must be > 0"):
        from_dict(Outer, values)


def test_a_tuple_of_another_length_is_refused():
    with pytest.raises(ConfigError, match="3 values"):
        from_dict(Outer, {"image": [1, 2, 3]})


@dataclass(frozen=True)
class Tuned:
    outer: Outer = field(default_factory=lambda: Outer(sizes=(7,)))


def test_a_nested_mapping_keeps_the_rest_of_the_fields_default():
    tuned = from_dict(Tuned, {"outer": {"image": [4, 4]}})
    assert tuned.outer == Outer(sizes=(7,), image=(4, 4))

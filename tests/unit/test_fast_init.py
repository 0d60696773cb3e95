"""Dataclasses whose objects are made quickly stay what they are: frozen, equal, with their defaults."""

import copy
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import NamedTuple

import pytest
from leadline_server.domain.call import Party
from leadline_server.domain.fast_init import fast_init, maker, replacer
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber


@fast_init
@dataclass(frozen=True, slots=True)
class Example:
    type: str
    size: int = 3
    parts: list[str] = field(default_factory=list)
    name: str = field(default="", kw_only=True)


@fast_init
@dataclass(frozen=True, slots=True)
class Larger(Example):
    more: int = 0


def test_the_parameters_are_those_of_the_dataclass() -> None:
    made = Example("a", 4, name="n")
    assert (made.type, made.size, made.parts, made.name) == ("a", 4, [], "n")
    assert Example("a").parts is not Example("a").parts
    with pytest.raises(TypeError, match="missing 1 required"):
        Example()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Example("a", 4, [], "n")  # type: ignore[call-arg]


def test_an_object_is_of_its_class_and_frozen() -> None:
    for made in (Example("a"), Larger("a", more=2), Party(name="Ada"), PhoneNumber("+1", NumberKind.UNUSABLE)):
        assert type(made) in (Example, Larger, Party, PhoneNumber)
        name = fields(made)[0].name
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, "b")
        with pytest.raises(FrozenInstanceError):
            delattr(made, name)


def test_an_object_is_compared_replaced_and_copied_as_before() -> None:
    number = PhoneNumber("+1", NumberKind.UNUSABLE)
    assert number == PhoneNumber("+1", NumberKind.UNUSABLE)
    assert hash(number) == hash(PhoneNumber("+1", NumberKind.UNUSABLE))
    assert replace(number, text="+2") == PhoneNumber("+2", NumberKind.UNUSABLE)
    assert copy.copy(number) == number


def test_a_subclass_makes_its_own_objects() -> None:
    class Derived(Example):
        __slots__ = ()

    assert type(Derived("a")) is Derived
    assert Larger("a", more=2).more == 2


class Pair(NamedTuple):
    first: str
    second: int = 2


def test_a_maker_makes_what_the_class_makes() -> None:
    made = maker(Example)("a", 4, name="n")
    assert type(made) is Example
    assert made == Example("a", 4, name="n")
    assert maker(Example)("a").parts is not maker(Example)("a").parts
    with pytest.raises(FrozenInstanceError):
        made.type = "b"  # type: ignore[misc] # it is frozen
    with pytest.raises(TypeError, match="missing 1 required"):
        maker(Example)()  # type: ignore[call-arg] # a type checker sees that an argument is missing
    assert type(maker(Pair)("a")) is Pair
    assert maker(Pair)("a", second=3) == Pair("a", 3)
    assert maker(Pair)("a").second == Pair("a").second


def test_a_copy_with_other_values_is_as_frozen_as_the_first() -> None:
    first = Example("a", name="n")
    second = replacer(Example)(first, {"type": "b", "size": 5})
    assert second == replace(first, type="b", size=5)
    assert (first.type, second.parts) == ("a", first.parts)
    with pytest.raises(FrozenInstanceError):
        second.type = "c"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        replacer(Example)(first, {"none": 1})

"""Choosing among several contacts that have one number."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.choosing import contenders, pick, ranked
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.preferences import MultipleMatchAction
from unit.strategies import NOW, NUMBER, matches

FIRST = MultipleMatchAction.FIRST_ALPHABETICAL
RECENT = MultipleMatchAction.MOST_RECENT_ACTIVITY
EARLIEST = MultipleMatchAction.EARLIEST_CREATED
EARLY, LATE = NOW, NOW + timedelta(days=1)


def match(
    id_: str,
    name: str = "",
    *,
    kind: MatchKind = MatchKind.EXACT,
    created: datetime | None = None,
    active: datetime | None = None,
    is_placeholder: bool = False,
    is_respelled: bool = False,
) -> ContactMatch:
    contact = Contact(id=id_, name=name, create_time=created, last_activity_time=active, is_placeholder=is_placeholder)
    return ContactMatch(contact, NUMBER, kind, is_respelled=is_respelled)


def ids(found: Sequence[ContactMatch]) -> list[str]:
    return [each.contact.id for each in found]


def test_duplicates_of_one_contact_count_once_by_their_strongest_match() -> None:
    [only] = contenders([match("a", kind=MatchKind.NATIONAL), match("a", kind=MatchKind.EXACT)])
    assert only.kind is MatchKind.EXACT


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (MatchKind.EXACT, MatchKind.NATIONAL),
        (MatchKind.EXACT, MatchKind.EXTENSION),
        (MatchKind.NATIONAL, MatchKind.EXTENSION),
    ],
)
def test_only_the_strongest_kind_of_match_counts(stronger: MatchKind, weaker: MatchKind) -> None:
    assert ids(contenders([match("a", kind=weaker), match("b", kind=stronger)])) == ["b"]


def test_an_exact_spelling_beats_another_spelling_of_the_number() -> None:
    assert ids(contenders([match("a", is_respelled=True), match("b"), match("c")])) == ["b", "c"]
    assert ids(contenders([match("a", is_respelled=True), match("b", is_respelled=True)])) == ["a", "b"]
    assert ids(contenders([match("a", is_respelled=True), match("b", kind=MatchKind.NATIONAL)])) == ["a"]


def test_an_exact_spelling_of_a_placeholder_beats_a_real_contacts_other_one() -> None:
    assert ids(contenders([match("a", is_respelled=True), match("b", is_placeholder=True)])) == ["b"]


def test_real_contacts_beat_placeholders() -> None:
    assert ids(contenders([match("a", is_placeholder=True), match("b"), match("c")])) == ["b", "c"]


def test_a_placeholder_with_a_stronger_match_beats_a_real_contact() -> None:
    found = [match("a", is_placeholder=True), match("b", kind=MatchKind.NATIONAL)]
    assert ids(contenders(found)) == ["a"]


def test_placeholders_alone_all_count() -> None:
    assert ids(contenders([match("b", is_placeholder=True), match("a", is_placeholder=True)])) == ["a", "b"]


def test_candidates_are_ranked_by_kind_then_real_before_placeholder_then_name_then_id() -> None:
    found = [
        match("6", "Al", kind=MatchKind.EXTENSION),
        match("5", "Al", kind=MatchKind.NATIONAL),
        match("4", "Al", is_placeholder=True),
        match("3", "bo"),
        match("2", "Al"),
        match("1", "al"),
    ]
    assert ids(ranked(found)) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("rivals", "action", "picked"),
    [
        ([match("b", "Ann"), match("a", "Bo")], FIRST, "b"),
        ([match("b", "ann"), match("a", "Bo")], FIRST, "b"),  # capitals do not matter
        ([match("b", "Ann"), match("a", "ann")], FIRST, "a"),  # a tie goes to the smallest id
        ([match("b", active=LATE), match("a", active=EARLY)], RECENT, "b"),
        ([match("b", active=LATE), match("a", active=LATE)], RECENT, "a"),
        ([match("b", active=EARLY), match("a")], RECENT, "b"),  # a missing time sorts last
        ([match("b", created=EARLY), match("a", created=LATE)], EARLIEST, "b"),
        ([match("b", created=EARLY), match("a", created=EARLY)], EARLIEST, "a"),
        ([match("b", created=LATE), match("a")], EARLIEST, "b"),
    ],
)
def test_the_action_picks(rivals: list[ContactMatch], action: MultipleMatchAction, picked: str) -> None:
    chosen = pick(rivals, action)
    assert chosen is not None
    assert chosen.contact.id == picked


@pytest.mark.parametrize(
    ("rivals", "action"),
    [
        ([match("a", "Ann"), match("b", "Bo")], MultipleMatchAction.DO_NOTHING),
        ([match("a", created=EARLY), match("b", created=LATE)], RECENT),  # the other time does not help
        ([match("a", active=EARLY), match("b", active=LATE)], EARLIEST),
    ],
)
def test_the_choice_is_left_to_a_person(rivals: list[ContactMatch], action: MultipleMatchAction) -> None:
    assert pick(rivals, action) is None


@given(found=matches(min_size=1), action=st.sampled_from(MultipleMatchAction), data=st.data())
def test_the_order_of_the_answer_is_all_one(
    found: list[ContactMatch], action: MultipleMatchAction, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(found))
    assert ranked(shuffled) == ranked(found)
    assert contenders(shuffled) == contenders(found)
    assert pick(contenders(shuffled), action) == pick(contenders(found), action)


@given(found=matches(min_size=1), action=st.sampled_from(MultipleMatchAction))
def test_who_is_picked_is_a_contender(found: list[ContactMatch], action: MultipleMatchAction) -> None:
    rivals = contenders(found)
    picked = pick(rivals, action)
    assert picked is None or picked in rivals


@given(found=matches(min_size=1))
def test_every_contact_is_ranked_exactly_once(found: list[ContactMatch]) -> None:
    assert sorted(ids(ranked(found))) == sorted({each.contact.id for each in found})

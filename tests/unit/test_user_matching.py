"""`leadline users match` proposes by equal e-mail addresses alone, and guesses nothing."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline.v1.directory_pb2 import CrmUser, User
from leadline_server.cli.user_matching import MatchOutcome, UserMatch, matches

JANE = User(user_id="jane", emails=["jane@example.com", "j.roe@example.com"], is_active=True)


def match(user: User, *crm_users: CrmUser) -> UserMatch:
    [found] = matches([user], crm_users)
    return found


def crm_user(crm_id: str, email: str, *, is_active: bool = True) -> CrmUser:
    return CrmUser(id=crm_id, email=email, is_active=is_active)


@pytest.mark.parametrize("email", ["jane@example.com", "JANE@Example.COM", " jane@example.com ", "j.roe@example.com"])
def test_an_equal_address_is_proposed_whatever_its_case(email: str) -> None:
    found = match(JANE, crm_user("5", email), crm_user("6", "bob@example.com"))
    assert (found.outcome, [each.id for each in found.crm_users]) == (MatchOutcome.PROPOSED, ["5"])


@pytest.mark.parametrize("email", ["jane@example.co", "xjane@example.com", "jane+crm@example.com", "", "jane"])
def test_a_similar_address_is_no_match(email: str) -> None:
    assert match(JANE, crm_user("5", email)).outcome is MatchOutcome.NONE


def test_two_crm_users_with_one_address_are_both_named() -> None:
    found = match(JANE, crm_user("5", "jane@example.com"), crm_user("6", "Jane@example.com", is_active=False))
    assert (found.outcome, [each.id for each in found.crm_users]) == (MatchOutcome.SEVERAL, ["5", "6"])


def test_two_addresses_of_two_crm_users_are_both_named() -> None:
    found = match(JANE, crm_user("5", "jane@example.com"), crm_user("6", "j.roe@example.com"))
    assert found.outcome is MatchOutcome.SEVERAL


def test_one_crm_user_who_is_listed_twice_is_one() -> None:
    found = match(JANE, crm_user("5", "jane@example.com"), crm_user("5", "jane@example.com"))
    assert found.outcome is MatchOutcome.PROPOSED


def test_a_crm_user_who_is_not_active_is_not_proposed() -> None:
    assert match(JANE, crm_user("5", "jane@example.com", is_active=False)).outcome is MatchOutcome.NOT_ACTIVE


def test_a_user_without_an_address_is_named() -> None:
    assert match(User(user_id="bob"), crm_user("5", "")).outcome is MatchOutcome.NO_EMAIL


@pytest.mark.parametrize(
    ("own_id", "outcome"), [("5", MatchOutcome.SET), ("7", MatchOutcome.DIFFERENT)], ids=["the same id", "another id"]
)
def test_an_id_that_is_set_stays(own_id: str, outcome: MatchOutcome) -> None:
    user = User(user_id="jane", emails=JANE.emails, crm_user_id=own_id)
    assert match(user, crm_user("5", "jane@example.com")).outcome is outcome


EMAILS = st.sampled_from(["a@x.com", "A@X.com", "b@x.com", "c@x.com", ""])


@given(
    st.lists(EMAILS, max_size=3),
    st.lists(st.builds(CrmUser, id=st.sampled_from("123"), email=EMAILS, is_active=st.booleans()), max_size=6),
)
def test_a_proposal_is_the_only_crm_user_with_an_address(emails: list[str], crm_users: Sequence[CrmUser]) -> None:
    found = match(User(user_id="u", emails=[email for email in emails if email]), *crm_users)
    wanted = {email.casefold() for email in emails if email}
    ids = {each.id for each in crm_users if each.email.casefold() in wanted}
    assert {each.id for each in found.crm_users} == ids
    if found.outcome is MatchOutcome.PROPOSED:
        assert len(ids) == 1
        assert found.crm_users[0].is_active

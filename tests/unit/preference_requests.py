"""Requests about preferences and settings, as messages of the contract."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import strategies as st
from leadline.v1 import preferences_pb2 as prefs_pb
from leadline.v1 import preferences_service_pb2 as pb
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.preferences import (
    MultipleMatchAction,
    PlaceholderNameFormat,
    Preferences,
    UnknownContactAction,
)

names = st.text("abcÄ 李", min_size=1, max_size=10).map(str.strip).filter(bool)
flags = st.none() | st.booleans()
preferences = st.builds(
    Preferences,
    auto_log_calls=flags,
    unknown_contact_action=st.none() | st.sampled_from(UnknownContactAction),
    placeholder_name=st.none() | names,
    placeholder_contact_type=st.none() | st.just("") | names,
    multiple_match_action=st.none() | st.sampled_from(MultipleMatchAction),
    log_internal_calls=flags,
    excluded_directions=st.none() | st.lists(st.sampled_from(CallDirection), unique=True).map(tuple),
    excluded_results=st.none() | st.lists(st.sampled_from(CallResult), unique=True).map(tuple),
    excluded_numbers=st.none() | st.sampled_from([(), ("+14155550123", "+1900*")]),
    wait_until_final=flags,
    distrust_failed_attestation=flags,
    crm_user_id=st.none() | st.just("") | names,
    placeholder_name_format=st.none() | st.sampled_from(PlaceholderNameFormat),
)


def update(values: prefs_pb.Preferences, *mask: str, account_id: str = "us") -> pb.UpdatePreferencesRequest:
    return pb.UpdatePreferencesRequest(
        account_id=account_id, user_id="u1", preferences=values, update_mask=FieldMask(paths=mask)
    )


def settings_update(values: prefs_pb.AccountSettings, *mask: str) -> pb.UpdateAccountSettingsRequest:
    return pb.UpdateAccountSettingsRequest(account_id="us", settings=values, update_mask=FieldMask(paths=mask))


def numbers(*values: str) -> prefs_pb.Preferences:
    return prefs_pb.Preferences(excluded_numbers=prefs_pb.PhoneNumberList(values=values))


async def violations(reading: Any) -> set[str]:
    with pytest.raises(InvalidRequest) as error:
        await reading
    return {violation.field for violation in error.value.violations}

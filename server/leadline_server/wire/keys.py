"""admin/v1/key.proto: API keys, both ways."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from leadline.admin.v1 import key_pb2 as pb
from leadline.admin.v1 import key_service_pb2

from leadline_server.domain.access.key_changes import MOST_OVERLAP, OVERLAP
from leadline_server.domain.access.principals import GRANTS_OF, WITHOUT_ACCOUNT, ApiKey, Grant, Role
from leadline_server.wire.violations import Violations

ROLES: Final[Mapping[int, Role]] = {pb.Role.Value(f"ROLE_{role.name}"): role for role in Role}
GRANTS: Final[Mapping[int, Grant]] = {pb.Grant.Value(f"GRANT_{grant.name}"): grant for grant in Grant}

_ROLE_NUMBERS: Final = {role: number for number, role in ROLES.items()}
_GRANT_NUMBERS: Final = {grant: number for number, grant in GRANTS.items()}

LABEL_LENGTH: Final = 128
NAME_LENGTH: Final = 256

_is_certificate_name = re.compile(r"(URI:[a-z][a-z0-9+.-]*:|DNS:)[!-~]+", re.ASCII).fullmatch


def key_message(key: ApiKey) -> pb.Key:
    """The message of a key."""
    times: dict[str, Any] = {
        name: value
        for name in ("create_time", "expire_time", "revoke_time")
        if (value := getattr(key, name)) is not None
    }
    return pb.Key(
        account_id=key.account_id,
        key_id=key.key_id,
        role=pb.Role.ValueType(_ROLE_NUMBERS[key.role]),
        user_id=key.user_id,
        grants=[pb.Grant.ValueType(_GRANT_NUMBERS[grant]) for grant in sorted(key.grants)],
        label=key.label,
        certificate_name=key.certificate_name,
        creator=key.creator,
        **times,
    )


def wish_fields(check: Violations, request: key_service_pb2.IssueKeyRequest) -> dict[str, Any]:
    """The fields of the key that a request wants."""
    role = check.member("role", request.role, ROLES)
    grants = frozenset(check.members("grants", request.grants, GRANTS))
    if role is not None:
        _check_role(check, request, role, grants)
    name = check.text("certificate_name", request.certificate_name, NAME_LENGTH)
    if name and not _is_certificate_name(name):
        check.add("certificate_name", "Must be URI: or DNS: and a name, such as URI:spiffe://acme/pbx.")
    return {
        "account_id": check.optional_id("account_id", request.account_id),
        "user_id": check.optional_id("user_id", request.user_id),
        "role": role,
        "grants": grants,
        "label": check.text("label", request.label, LABEL_LENGTH),
        "certificate_name": name,
        "expire_time": check.time("expire_time", request.expire_time) if request.HasField("expire_time") else None,
    }


def overlap_of(check: Violations, request: key_service_pb2.RotateKeyRequest) -> timedelta:
    """How long two keys are accepted."""
    if not request.HasField("overlap"):
        return OVERLAP
    most = int(MOST_OVERLAP.total_seconds())
    seconds = request.overlap.seconds
    if not 0 <= seconds <= most or request.overlap.nanos:
        check.add("overlap", f"Must be whole seconds, 0 to {most}.")
        return OVERLAP
    return timedelta(seconds=seconds)


def _check_role(
    check: Violations, request: key_service_pb2.IssueKeyRequest, role: Role, grants: frozenset[Grant]
) -> None:
    if role in WITHOUT_ACCOUNT and request.account_id:
        check.add("account_id", f"Must be empty: a key of the role {role} belongs to no account.")
    if role not in WITHOUT_ACCOUNT and not request.account_id:
        check.add("account_id", "Required.")
    if role is Role.USER and not request.user_id:
        check.add("user_id", "Required with ROLE_USER.")
    if role is not Role.USER and request.user_id:
        check.add("user_id", "Must be empty: only ROLE_USER acts for one user.")
    if grants - {GRANTS_OF.get(role)}:
        check.add("grants", f"The role {role} cannot have all of these grants.")

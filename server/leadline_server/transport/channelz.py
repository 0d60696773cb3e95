"""What gRPC says of its servers and their connections: its own statistics, "channelz" (gRFC A14)."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from grpc._cython import cygrpc  # type: ignore[attr-defined] # ships no types

PAGE: Final = 20
"""Connections that are looked at in one turn of the loop."""

_MAPPED: Final = bytes(10) + b"\xff\xff"  # begins an IPv4 address in IPv6's form

Address = tuple[bytes, int]
"""The address of a peer, 4 or 16 bytes, and its port."""


def server_ids() -> set[int]:
    """GRPC's numbers of the servers of this process."""
    ids, after = set[int](), 0
    while True:
        answer = json.loads(cygrpc.channelz_get_servers(after))
        ids |= (page := {int(server["ref"]["serverId"]) for server in answer.get("server", ())})
        if answer.get("end", False) or not page:
            return ids
        after = max(page) + 1


def socket_ids(server_id: int, after: int) -> list[int]:
    """The numbers of a server's connections from `after` on, PAGE at most; none if the server is gone."""
    try:
        answer = json.loads(cygrpc.channelz_get_server_sockets(server_id, after, PAGE))
    except ValueError:
        return []
    return [int(found["socketId"]) for found in answer.get("socketRef", ())]


def socket_of(socket_id: int) -> Mapping[str, Any]:
    """What gRPC says of a connection. Empty if it is closed, or not by TCP."""
    try:
        found: Mapping[str, Any] = json.loads(cygrpc.channelz_get_socket(socket_id))["socket"]
    except (ValueError, KeyError):
        return {}
    return found if "tcpipAddress" in found.get("remote", {}) else {}


def peer_of(found: Mapping[str, Any]) -> Address:
    """The other end of a connection."""
    remote = found["remote"]["tcpipAddress"]
    return unmapped(base64.b64decode(remote["ipAddress"])), int(remote["port"])


def unmapped(address: bytes) -> bytes:
    """An address in its own form: IPv4's instead of IPv6's for it."""
    return address.removeprefix(_MAPPED)


async def shown_certificates(server_id: int) -> AsyncIterator[Mapping[Address, bytes]]:
    """The client certificates of a server's connections, in PEM, some in each turn of the loop."""
    after, is_more = 0, True
    while is_more:
        ids = socket_ids(server_id, after)
        found = (socket_of(socket_id) for socket_id in ids)
        yield {peer_of(one): base64.b64decode(pem) for one in found if (pem := _certificate(one))}
        is_more = len(ids) == PAGE
        after = ids[-1] + 1 if ids else 0
        await asyncio.sleep(0)


def _certificate(found: Mapping[str, Any]) -> str:
    return str(found.get("security", {}).get("tls", {}).get("remoteCertificate", ""))

"""A fake FreeSWITCH: its event socket, which plays scripted sessions.

It is as strict as mod_event_socket: nothing before the login but `auth`, events only of the names that were asked for,
in the form that was asked for, an error for a command that it does not know. Source: "mod_event_socket" and
"mod_commands" of the FreeSWITCH documentation (FreeSWITCH Explained).
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from fakes.freeswitch_script import FreeSwitchEvent
from fakes.switch import FakeSwitch

PASSWORD: Final = "s3cret: with=signs"


def in_json(event: FreeSwitchEvent) -> bytes:
    """The frame of an event, as JSON."""
    body = json.dumps(event).encode()
    return f"Content-Length: {len(body)}\nContent-Type: text/event-json\n\n".encode() + body


def in_plain(event: FreeSwitchEvent) -> bytes:
    """The frame of an event, as lines. Their values are percent-encoded."""
    body = ("".join(f"{name}: {quote(value, safe='')}\n" for name, value in event.items()) + "\n").encode()
    return f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n".encode() + body


def reply(text: str) -> bytes:
    """The frame of a reply to a command."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def response(text: str) -> bytes:
    """The frame of the answer to an API command."""
    body = text.encode()
    return f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body


@dataclass(eq=False)
class _Client:
    """A connection of a client.

    Attributes:
        names: of the events that it asked for.
        encode: makes frames of events.
    """

    writer: asyncio.StreamWriter
    is_in: bool = False
    names: frozenset[str] = frozenset()
    encode: Any = in_json


@dataclass
class LegList:
    """The channels that there are, each with its latest headers."""

    legs: dict[str, dict[str, str]] = field(default_factory=dict)
    first: dict[str, FreeSwitchEvent] = field(default_factory=dict)

    def happen(self, event: FreeSwitchEvent) -> None:
        """An event changes the channels."""
        uuid = event["Unique-ID"]
        if event["Event-Name"] == "CHANNEL_HANGUP_COMPLETE":
            self.legs.pop(uuid, None)
            return
        self.first.setdefault(uuid, event)
        self.legs.setdefault(uuid, {}).update(event)

    def rows(self) -> str:
        """The answer to `show channels as json`."""
        rows = [self._row(uuid, event) for uuid, event in self.legs.items()]
        return json.dumps({"row_count": len(rows), **({"rows": rows} if rows else {})})

    def dump(self, uuid: str) -> str:
        """The answer to `uuid_dump UUID json`."""
        event = self.legs.get(uuid)
        return json.dumps({**event, "Event-Name": "CHANNEL_DATA"}) if event else "-ERR No such channel!\n"

    def _row(self, uuid: str, event: FreeSwitchEvent) -> dict[str, str]:
        first = self.first[uuid]
        return {
            "uuid": uuid,
            "direction": event["Call-Direction"],
            "created_epoch": event["Caller-Channel-Created-Time"][:-6],
            "name": event["Channel-Name"],
            "cid_name": event["Caller-Caller-ID-Name"],
            "cid_num": event["Caller-Caller-ID-Number"],
            "dest": event["Caller-Destination-Number"],
            "context": event["Caller-Context"],
            "callstate": event["Channel-Call-State"],
            "call_uuid": event["Channel-Call-UUID"],
            "initial_cid_name": first["Caller-Caller-ID-Name"],
            "initial_cid_num": first["Caller-Caller-ID-Number"],
            "initial_dest": first["Caller-Destination-Number"],
            "initial_context": first["Caller-Context"],
        }


@dataclass(kw_only=True)
class FakeFreeSwitch(FakeSwitch[_Client]):
    """The event socket of a FreeSWITCH.

    Attributes:
        has_json: whether it was built with JSON.
        refuses: whether its access list refuses everyone.
    """

    has_json: bool = True
    refuses: bool = False
    _legs: LegList = field(default_factory=LegList)

    def play(self, event: FreeSwitchEvent) -> None:
        """An event happens. Clients that asked for such events hear of it."""
        self._legs.happen(event)
        for client in self._clients:
            if event["Event-Name"] in client.names:
                client.writer.write(client.encode(event))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            text = "Access Denied, go away.\n"
            writer.write(f"Content-Type: text/rude-rejection\nContent-Length: {len(text)}\n\n{text}".encode())
            writer.close()
            return
        client = _Client(writer)
        self._clients.add(client)
        writer.write(b"Content-Type: auth/request\n\n")
        try:
            while True:
                command = (await reader.readuntil(b"\n\n")).decode().removesuffix("\n\n")
                await self._answer(client, command)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._clients.discard(client)
        finally:
            writer.close()

    async def _answer(self, client: _Client, command: str) -> None:
        word, _, rest = command.partition(" ")
        if word == "auth" and not client.is_in:
            await self._log_in(client, rest)
        elif not client.is_in:
            client.writer.write(reply("-ERR command not found"))
        elif word == "event":
            self._subscribe(client, rest)
        elif word == "api":
            client.writer.write(response(self._api(rest)))
            await self._count_list(rest)
        else:
            client.writer.write(reply("-ERR command not found"))

    async def _log_in(self, client: _Client, password: str) -> None:
        if password != PASSWORD:
            client.writer.write(reply("-ERR invalid"))
            notice = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
            head = f"Content-Type: text/disconnect-notice\nContent-Length: {len(notice)}\n\n"
            client.writer.write((head + notice).encode())
            client.writer.close()
            return
        client.is_in = True
        client.writer.write(reply("+OK accepted"))
        await self._count(logins=1)

    def _subscribe(self, client: _Client, rest: str) -> None:
        form, *names = rest.split()
        if form == "json" and not self.has_json:
            client.writer.write(reply("-ERR invalid format"))
            return
        client.encode = in_json if form == "json" else in_plain
        client.names = frozenset(names)
        client.writer.write(reply(f"+OK event listener enabled {form}"))

    def _api(self, command: str) -> str:
        if command == "show channels as json":
            return self._legs.rows()
        if command.startswith("uuid_dump ") and command.endswith(" json"):
            return self._legs.dump(command.split()[1])
        return "0 years, 0 days, 1 hour\n" if command == "uptime" else f"-ERR {command} Command not found!\n"

    async def _count_list(self, command: str) -> None:
        """Count a list when the last of its channels was asked for."""
        legs = list(self._legs.legs)
        is_end = command.startswith("uuid_dump") and legs and command.split()[1] == legs[-1]
        if is_end or (command == "show channels as json" and not legs):
            await self._count(listed=1)

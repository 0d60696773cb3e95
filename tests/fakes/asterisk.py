"""A fake Asterisk: its manager interface over a socket, which plays scripted sessions.

It is as strict as Asterisk: nothing before the login but Challenge and Login, a challenge that counts once, events only
of the classes that were asked for, an error for an action that it does not know. Source: docs.asterisk.org, "AMI v2
Specification".
"""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fakes.asterisk_script import Event, encoded
from fakes.switch import FakeSwitch

USER: Final = "leadline"
SECRET: Final = "s3cret: with=signs"


@dataclass(eq=False)
class _Client:
    """A connection of a client."""

    writer: asyncio.StreamWriter
    challenge: str = ""
    is_in: bool = False

    def send(self, frame: Mapping[str, str]) -> None:
        self.writer.write(encoded(frame))


@dataclass
class ChannelList:
    """The channels, as the action CoreShowChannels lists them."""

    channels: dict[str, dict[str, str]] = field(default_factory=dict)

    def frames(self) -> list[Event]:
        """The events of the list, and the one that ends it."""
        listed = [{"Event": "CoreShowChannel", **one, "Duration": "00:00:01"} for one in self.channels.values()]
        end = {"Event": "CoreShowChannelsComplete", "EventList": "Complete", "ListItems": str(len(listed))}
        return [*listed, end]

    def happen(self, event: Event) -> None:
        """An event changes the channels."""
        unique_id = event.get("Uniqueid", "")
        if event["Event"] == "Hangup":
            self.channels.pop(unique_id, None)
            return
        for prefix in ("", "Dest"):
            if event.get(f"{prefix}Uniqueid"):
                self._keep(event, prefix)
        if event["Event"] == "BridgeEnter" and event["BridgeCreator"] != "ConfBridge":
            self.channels[unique_id]["BridgeId"] = event["BridgeUniqueid"]
        if event["Event"] == "BridgeLeave":
            self.channels[unique_id]["BridgeId"] = ""
        if event["Event"] == "Newexten":
            self.channels[unique_id] |= {"Application": event["Application"], "ApplicationData": event["AppData"]}
        if event["Event"] == "DialBegin":
            self.channels[event["DestUniqueid"]] |= {"Application": "AppDial", "ApplicationData": "(Outgoing Line)"}
            self.channels[unique_id]["Application"] = "Dial"

    def _keep(self, event: Event, prefix: str) -> None:
        names = ("Channel", "ChannelState", "CallerIDNum", "CallerIDName", "Context", "Exten", "Uniqueid", "Linkedid")
        told = {name: event[prefix + name] for name in names if prefix + name in event}
        known = self.channels.setdefault(told["Uniqueid"], {"Application": "", "ApplicationData": "", "BridgeId": ""})
        known.update(told)


@dataclass(kw_only=True)
class FakeAsterisk(FakeSwitch[_Client]):
    """The manager interface of an Asterisk.

    Attributes:
        takes_md5: whether it knows the Challenge action's MD5.
    """

    takes_md5: bool = True
    _list: ChannelList = field(default_factory=ChannelList)

    def play(self, event: Event) -> None:
        """An event happens. Clients that are logged in hear of it."""
        self._list.happen(event)
        for client in self._clients:
            if client.is_in:
                client.send(event)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(writer)
        self._clients.add(client)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in text.strip().split("\r\n"))
                await self._answer(client, action)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._clients.discard(client)
        finally:
            writer.close()

    async def _answer(self, client: _Client, action: Mapping[str, str]) -> None:
        ids = {"ActionID": action["ActionID"]}
        name = action["Action"]
        if name == "Challenge" and self.takes_md5 and action.get("AuthType") == "MD5":
            client.challenge = str(secrets.randbelow(10**9))
            client.send({"Response": "Success", **ids, "Challenge": client.challenge})
        elif name == "Login":
            await self._log_in(client, action, ids)
        elif not client.is_in:
            client.send({"Response": "Error", **ids, "Message": "Permission denied"})
        elif name == "Ping":
            client.send({"Response": "Success", **ids, "Ping": "Pong"})
        elif name == "CoreShowChannels":
            await self._show(client, ids)
        else:
            client.send({"Response": "Error", **ids, "Message": "Invalid/unknown command"})

    async def _log_in(self, client: _Client, action: Mapping[str, str], ids: Mapping[str, str]) -> None:
        key = hashlib.md5(f"{client.challenge}{SECRET}".encode(), usedforsecurity=False).hexdigest()
        is_known = action.get("Key") == key if client.challenge else action.get("Secret") == SECRET
        client.challenge = ""
        if action.get("Username") != USER or not is_known:
            client.send({"Response": "Error", **ids, "Message": "Authentication failed"})
            client.writer.close()
            return
        client.is_in = "call" in action.get("Events", "").split(",")
        client.send({"Response": "Success", **ids, "Message": "Authentication accepted"})
        client.send({"Event": "FullyBooted", "Privilege": "system,all", "Status": "Fully Booted"})
        await self._count(logins=1)

    async def _show(self, client: _Client, ids: Mapping[str, str]) -> None:
        client.send({"Response": "Success", **ids, "EventList": "start", "Message": "Channels will follow"})
        for event in self._list.frames():
            client.send({**event, **ids})
        await client.writer.drain()
        await self._count(listed=1)

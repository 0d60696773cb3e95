"""Which adapters there are: leadline's own by an explicit mapping, others by the entry-point group."""

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from leadline_server.crm.toolkit.adapter_type import AdapterType, AnyAdapterType

GROUP: Final = "leadline.adapters"
"""The entry-point group: each entry's name is the adapter's word, its object an AdapterType."""

BUILT_IN: Final = {
    "embedded": "leadline_server.crm.embedded.adapter_type:EMBEDDED",
    "hubspot": "leadline_server.crm.hubspot.adapter_type:HUBSPOT",
    "salesforce": "leadline_server.crm.salesforce.adapter_type:SALESFORCE",
    "pipedrive": "leadline_server.crm.pipedrive.adapter_type:PIPEDRIVE",
    "zoho": "leadline_server.crm.zoho.adapter_type:ZOHO",
    "http": "leadline_server.crm.declarative.adapter_type:HTTP",
    "remote": "leadline_server.crm.remote.adapter_type:REMOTE",
}
"""leadline's own adapters, by their word: the module of each and its AdapterType there, loaded when first needed."""


class NoSuchAdapter(LookupError):
    """No adapter has this name, or what has it is none; the message says which there are."""


def adapter_names() -> list[str]:
    """The words of all adapters, leadline's own first."""
    others = sorted({entry.name for entry in entry_points(group=GROUP)} - BUILT_IN.keys())
    return [*BUILT_IN, *others]


def adapter_type(name: str) -> AnyAdapterType:
    """The adapter of this name. leadline's own cannot be replaced by others.

    Raises:
        NoSuchAdapter: there is none, or it cannot be loaded.
    """
    if name in BUILT_IN:
        return _checked(name, _load(BUILT_IN[name]))
    for entry in entry_points(group=GROUP, name=name):
        try:
            found = entry.load()
        except Exception as error:  # others' code may fail in any way
            raise NoSuchAdapter(f"{name}: {entry.value} cannot be loaded ({type(error).__name__}: {error})") from error
        return _checked(name, found)
    raise NoSuchAdapter(f"{name!r} is no adapter. There are: {', '.join(adapter_names())}")


def all_adapters() -> Iterator[AnyAdapterType]:
    """Every adapter that can be loaded."""
    for name in adapter_names():
        yield adapter_type(name)


def _load(place: str) -> object:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def _checked(name: str, found: object) -> AnyAdapterType:
    if not isinstance(found, AdapterType):
        raise NoSuchAdapter(f"{name}: what is registered under this name is no AdapterType")
    return found

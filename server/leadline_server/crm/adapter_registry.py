"""The adapters that leadline knows: its own in an explicit table, others by an entry-point group."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from leadline_server.crm.toolkit.adapter_type import AdapterType, AnyAdapterType

GROUP: Final = "leadline.adapters"
"""The entry-point group. An entry's name is the adapter's name, and its object is an AdapterType."""

BUILT_IN: Final = {
    "embedded": "leadline_server.crm.embedded.adapter_type:EMBEDDED",
    "hubspot": "leadline_server.crm.hubspot.adapter_type:HUBSPOT",
    "salesforce": "leadline_server.crm.salesforce.adapter_type:SALESFORCE",
    "pipedrive": "leadline_server.crm.pipedrive.adapter_type:PIPEDRIVE",
    "zoho": "leadline_server.crm.zoho.adapter_type:ZOHO",
    "http": "leadline_server.crm.declarative.adapter_type:HTTP",
    "remote": "leadline_server.crm.remote.adapter_type:REMOTE",
}
"""leadline's own adapters by name: the module and the AdapterType in it. They are imported at the first use."""


class NoSuchAdapter(LookupError):
    """There is no adapter of this name, or it is not an AdapterType. The message lists the names."""


def adapter_names() -> list[str]:
    """The names of all adapters, leadline's own first."""
    others = sorted({entry.name for entry in entry_points(group=GROUP)} - BUILT_IN.keys())
    return [*BUILT_IN, *others]


def adapter_type(name: str) -> AnyAdapterType:
    """The adapter of this name. An entry point cannot replace one of leadline's own.

    Raises:
        NoSuchAdapter: there is none, or it cannot be loaded.
    """
    if name in BUILT_IN:
        return _checked(name, _load(BUILT_IN[name]))
    for entry in entry_points(group=GROUP, name=name):
        try:
            found = entry.load()
        except Exception as error:  # an outside module may raise anything
            raise NoSuchAdapter(f"{name}: {entry.value} cannot be loaded ({type(error).__name__}: {error})") from error
        return _checked(name, found)
    raise NoSuchAdapter(f"{name!r} is not an adapter. There are: {', '.join(adapter_names())}")


def _load(reference: str) -> object:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


def _checked(name: str, found: object) -> AnyAdapterType:
    if not isinstance(found, AdapterType):
        raise NoSuchAdapter(f"{name}: the object registered under this name is not an AdapterType")
    return found

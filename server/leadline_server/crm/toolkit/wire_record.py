"""The base of records of a CRM's wire format."""

import msgspec


class WireRecord(msgspec.Struct, frozen=True):
    """A record of a CRM's wire format. It has people's names and numbers, or tokens, and shows its class alone.

    A `repr` gets into tracebacks and error reports, and from there into logs.
    """

    def __repr__(self) -> str:
        """The class alone."""
        return f"{type(self).__name__}(...)"

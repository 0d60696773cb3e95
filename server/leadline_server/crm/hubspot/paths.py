"""The paths of HubSpot's API in one of its dated versions ("API versioning": `/api-name/2026-03/resource`)."""

from dataclasses import dataclass
from typing import Final

API_VERSION: Final = "2026-03"
"""The version that leadline is tested with. HubSpot releases one each March and September, and keeps it for 18 months.

The versions with numbers end: OAuth v1 in February 2027, associations v4 in March 2027, the rest in September 2027.
"""


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one version, such as `2026-03`."""

    version: str = API_VERSION

    def records(self, kind: str) -> str:
        """The records of a kind: `contacts`, `calls`."""
        return f"/crm/objects/{self.version}/{kind}"

    def association(self, call_id: str, contact_id: str) -> str:
        """The association of a call with a contact."""
        return f"{self.records('calls')}/{call_id}/associations/contacts/{contact_id}"

    @property
    def owners(self) -> str:
        """The users who can own records."""
        return f"/crm/owners/{self.version}"

    @property
    def schemas(self) -> str:
        """The schemas of the kinds of records."""
        return f"/crm-object-schemas/{self.version}/schemas"

    @property
    def token(self) -> str:
        """Where access tokens are got (OAuth)."""
        return f"/oauth/{self.version}/token"

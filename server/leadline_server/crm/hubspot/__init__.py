"""HubSpot over its CRM API, version 3: contacts and calls."""

from leadline_server.crm.hubspot.adapter import HubSpotCrm
from leadline_server.crm.hubspot.settings import HubSpotSettings

__all__ = ["HubSpotCrm", "HubSpotSettings"]

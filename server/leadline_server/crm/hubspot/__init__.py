"""HubSpot: contacts and call engagements of its CRM API, version 3."""

from leadline_server.crm.hubspot.adapter import HubSpotCrm
from leadline_server.crm.hubspot.settings import HubSpotSettings

__all__ = ["HubSpotCrm", "HubSpotSettings"]

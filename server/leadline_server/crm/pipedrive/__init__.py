"""Pipedrive: persons, and calls as activities, of its API versions 1 and 2."""

from leadline_server.crm.pipedrive.adapter import PipedriveCrm
from leadline_server.crm.pipedrive.settings import PipedriveSettings

__all__ = ["PipedriveCrm", "PipedriveSettings"]

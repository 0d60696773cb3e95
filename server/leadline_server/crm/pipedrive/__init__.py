"""Pipedrive over versions 1 and 2 of its API: persons, and calls as activities."""

from leadline_server.crm.pipedrive.adapter import PipedriveCrm
from leadline_server.crm.pipedrive.settings import PipedriveSettings

__all__ = ["PipedriveCrm", "PipedriveSettings"]

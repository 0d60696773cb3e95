"""Answers for principals that may not see all of them. Pure functions."""

from dataclasses import replace

from leadline_server.domain.access.principals import Principal, Role
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.preferences import AccountSettings


def shown_log(principal: Principal, log: CallLog) -> CallLog:
    """The log as a principal may see it. A reporter's has no contact, and no text that could name one."""
    if not principal.has_short_answers:
        return log
    return replace(log, contact=None, decision=None, candidates=(), explanation="", last_error="")


def shown_settings(principal: Principal, settings: AccountSettings) -> AccountSettings:
    """The settings of an account as a principal may see them. A user's have no lists of numbers."""
    if principal.role is not Role.USER:
        return settings
    return replace(settings, own_numbers=(), defaults=replace(settings.defaults, excluded_numbers=None))

"""Runs a trial: every check, then the facts that are from documents alone."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from leadline_server.crm.assumptions.checks import CHECKS, CannotTry, Check, DoesNotHold
from leadline_server.crm.assumptions.findings import TrialReport, TrialVerdict, TriedAssumption
from leadline_server.crm.assumptions.trial import NoFreeNumber, Trial, answered
from leadline_server.crm.toolkit.assumptions import DocumentedFact, TellsFacts, Topic, TriesFacts
from leadline_server.domain.crm_errors import CrmError, CrmRejected
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import CrmMethod

_CHECK_SECONDS: Final = 120.0
"""The most time of one check, the search's lag included."""


async def run_trial(adapter: CrmAdapter, inner: object, settings: AccountSettings) -> TrialReport:
    """Try what leadline assumes. It creates contacts and calls, and removes them where the adapter can.

    Args:
        adapter: the adapter of the account, with the times of the settings.
        inner: the adapter itself, for what is optional.
        settings: the account's.
    """
    if CrmMethod.CREATE_CONTACT not in adapter.capabilities.methods:
        missing = TriedAssumption(
            name=Topic.LOOKUP,
            says="Contacts can be created.",
            verdict=TrialVerdict.NOT_TESTED,
            detail="The adapter cannot.",
        )
        return TrialReport(findings=(missing,))
    trial = Trial(adapter, inner, settings)
    try:
        findings = [await _checked(check, trial) for check in CHECKS]
        findings += await _facts(trial, {finding.name: finding for finding in findings})
    finally:
        removed, left = await asyncio.shield(trial.remove_all())
    return TrialReport(findings=tuple(findings), removed=removed, left=left)


async def _checked(check: Check, trial: Trial) -> TriedAssumption:
    if not check.needs(trial.adapter.capabilities):
        return _of(check, TrialVerdict.NOT_TESTED, "The adapter does not promise it.")
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return _of(check, TrialVerdict.HOLDS, await check.run(trial))
    except DoesNotHold as failure:
        return _of(check, TrialVerdict.FAILS, str(failure))
    except CrmRejected as refusal:
        return _of(check, TrialVerdict.FAILS, f"The CRM refuses it: {refusal.message}")
    except (CannotTry, NoFreeNumber) as reason:
        return _of(check, TrialVerdict.NOT_TESTED, str(reason))
    except (CrmError, TimeoutError) as error:
        return _of(check, TrialVerdict.NOT_TESTED, f"The CRM did not answer: {error}")


def _of(check: Check, verdict: TrialVerdict, detail: str) -> TriedAssumption:
    advice = check.advice if verdict is TrialVerdict.FAILS else ""
    return TriedAssumption(name=check.topic, says=check.says, verdict=verdict, detail=detail, advice=advice)


async def _facts(trial: Trial, seen: Mapping[str, TriedAssumption]) -> Sequence[TriedAssumption]:
    inner = trial.inner
    if not isinstance(inner, TellsFacts):
        return []
    facts = inner.documented_facts
    tried = await _tried(trial, inner, facts) if isinstance(inner, TriesFacts) else {}
    return list(_judged(facts, seen, tried))


async def _tried(trial: Trial, inner: TriesFacts, facts: Sequence[DocumentedFact]) -> Mapping[str, bool]:
    """The facts that the adapter tries itself, on a log of an answered call."""
    found, contact = dict[str, bool](), next(iter(trial.contacts.values()), None)
    if contact is None:
        return found
    try:
        log = await trial.log(answered(trial.entry(contact)), f"{trial.key}-facts")
        for fact in facts:
            holds = await inner.try_fact(fact.name, log.id)
            found |= {} if holds is None else {fact.name: holds}
    except CrmError:
        return found  # the others are NOT_TESTED
    return found


def _judged(
    facts: Sequence[DocumentedFact], seen: Mapping[str, TriedAssumption], tried: Mapping[str, bool]
) -> Iterator[TriedAssumption]:
    for fact in facts:
        common = seen.get(fact.topic) if fact.topic else None
        if fact.name in tried:
            verdict, detail = (
                (TrialVerdict.HOLDS, "") if tried[fact.name] else (TrialVerdict.FAILS, "The CRM does otherwise.")
            )
        elif common is not None:
            verdict, detail = common.verdict, f"See {common.name}."
        else:
            verdict, detail = TrialVerdict.NOT_TESTED, "leadline cannot try it."
        advice = {TrialVerdict.HOLDS: "", TrialVerdict.NOT_TESTED: fact.ask and f"Ask the vendor's support: {fact.ask}"}
        yield TriedAssumption(
            name=fact.name,
            says=fact.says,
            verdict=verdict,
            detail=detail,
            advice=advice.get(verdict, "Tell leadline's authors, with the version of the CRM."),
            source=fact.source,
        )

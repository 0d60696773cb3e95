// The calls that ring or are talked on now, and the last ones that ended. A new call appears by itself.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useEffect, useRef, useState } from "preact/hooks";
import type { CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import { usePage, useRead, useWatch } from "../context.ts";
import { beganAt, callId, moment, partyText, withWhom } from "../format.ts";
import { callText, ContactText, StateBadge, Trouble, why } from "../parts.tsx";
import { screenPop } from "../host.ts";
import { address } from "../route.ts";
import { callLogs, WAIT } from "../server.ts";
import { t } from "../words.ts";

const SHOWN = 6;
/** A call without an end counts as running for this long, in milliseconds: its end may never be reported. */
const LONGEST_CALL = 4 * 3_600_000;
/** At most one call in this time is said aloud, in milliseconds. */
const QUIET = 5_000;
const MOST_REMEMBERED = 1_000;

const isRunning = (log: CallLog): boolean =>
  !log.call?.endTime && !log.call?.isFinal && Date.now() - beganAt(log) < LONGEST_CALL;

/** The calls, the running ones first, each group by its newest change. */
function ordered(logs: Iterable<CallLog>): CallLog[] {
  const changed = (log: CallLog) => (log.updateTime ? +timestampDate(log.updateTime) : 0);
  const sorted = [...logs].sort(
    (one, other) => Number(isRunning(other)) - Number(isRunning(one)) || changed(other) - changed(one),
  );
  return sorted.slice(0, SHOWN);
}

export function Now() {
  const { identity, watch, say, tell } = usePage();
  const [shown, setShown] = useState<ReadonlyMap<string, CallLog>>(new Map());
  const [round, setRound] = useState(0);
  const lastSaid = useRef(0);
  const announced = useRef(new Set<string>());
  const take = (logs: readonly CallLog[]) =>
    setShown((before) => {
      const all = new Map(before);
      for (const log of logs) {
        for (const joined of log.linkedCallIds) all.delete(joined);
        const known = all.get(callId(log));
        if (!known || known.revision < log.revision) all.set(callId(log), log);
      }
      return new Map(ordered(all.values()).map((log) => [callId(log), log]));
    });
  const announce = (logs: readonly CallLog[]) => {
    // A call without a reason is not decided yet: who it is comes with the next change.
    const ringing = logs.find((log) => isRunning(log) && log.reason && !announced.current.has(callId(log)));
    if (!ringing) return;
    if (announced.current.size > MOST_REMEMBERED) announced.current.clear();
    announced.current.add(callId(ringing));
    tell(screenPop(ringing));
    if (Date.now() - lastSaid.current < QUIET) return;
    lastSaid.current = Date.now();
    say(t("now.said", { who: withWhom(ringing) || t("now.withheld") }));
  };
  const listener = {
    onChange: (logs: readonly CallLog[]) => {
      take(logs);
      announce(logs);
    },
    onGap: () => setRound((value) => value + 1),
  };
  useWatch(watch, listener, []);
  const first = useRead(() => callLogs.listCallLogs({ ...identity, pageSize: SHOWN }, WAIT), [identity, round]);
  useEffect(() => {
    if (first.answer) take(first.answer.callLogs);
  }, [first.answer]);
  const logs = ordered(shown.values());
  return (
    <>
      <h1>{t("nav.now")}</h1>
      <Trouble problem={first.problem} onRetry={first.reload} />
      {first.answer && logs.length === 0 && <Empty />}
      <ol class="pops" aria-label={t("nav.now")}>
        {logs.map((log) => (
          <Pop key={callId(log)} log={log} />
        ))}
      </ol>
    </>
  );
}

function Empty() {
  return (
    <div class="empty">
      <p>{t("now.empty")}</p>
      <p>
        <code>.venv/bin/leadline ring</code>
      </p>
    </div>
  );
}

function Pop({ log }: { log: CallLog }) {
  const running = isRunning(log);
  return (
    <li class={running ? "pop running" : "pop"}>
      <p class="line">
        <StateBadge log={log} />
        <span>{running ? t("now.running") : callText(log)}</span>
        <span class="time">{moment(log.call?.startTime ?? log.createTime)}</span>
      </p>
      <h2>
        <a href={address("calls", callId(log))}>
          <bdi>{withWhom(log) || t("now.withheld")}</bdi>
        </a>
      </h2>
      <p class="line">
        <bdi>{partyText(log.call)}</bdi>
      </p>
      <Who log={log} />
    </li>
  );
}

function Who({ log }: { log: CallLog }) {
  if (log.contact) {
    return (
      <>
        <p>
          <ContactText contact={log.contact} />
        </p>
        <LastCalls log={log} />
      </>
    );
  }
  if (log.candidates.length > 0) {
    return (
      <>
        <p>{t("now.candidates")}</p>
        <ul>
          {log.candidates.map((match) => (
            <li key={match.contact!.id}>
              <ContactText contact={match.contact!} />
            </li>
          ))}
        </ul>
      </>
    );
  }
  return <p>{why(log)}</p>;
}

function LastCalls({ log }: { log: CallLog }) {
  const { identity } = usePage();
  const contactId = log.contact!.id;
  const request = { accountId: identity.accountId, contactId, pageSize: 4 };
  const { answer } = useRead(() => callLogs.listCallLogs(request, WAIT), [contactId]);
  const others = (answer?.callLogs ?? []).filter((one) => callId(one) !== callId(log)).slice(0, 3);
  if (others.length === 0) return null;
  return (
    <>
      <h3>{t("now.last_calls")}</h3>
      <ul class="last">
        {others.map((one) => (
          <li key={callId(one)}>
            <a href={address("calls", callId(one))}>{moment(one.call?.startTime ?? one.createTime)}</a> {callText(one)}
          </li>
        ))}
      </ul>
    </>
  );
}

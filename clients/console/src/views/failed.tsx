// The calls and the updates that the CRM refused, with its words, and a retry of all that are chosen.
import { useState } from "preact/hooks";
import type { CallList } from "../call_list.ts";
import { CallLogState, UpdateState, type CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import { usePage, useWork } from "../context.ts";
import { NO_FILTERS } from "../filters.ts";
import { callId, moment, withWhom } from "../format.ts";
import { Trouble, why } from "../parts.tsx";
import { address } from "../route.ts";
import { callLogs, WAIT } from "../server.ts";
import { t } from "../words.ts";
import { useCallList } from "./calls.tsx";

const FAILED = { ...NO_FILTERS, states: [CallLogState.FAILED] };
const REFUSED = { ...NO_FILTERS, updateStates: [UpdateState.FAILED] };

export function Failed() {
  const calls = useCallList(FAILED);
  const updates = useCallList(REFUSED);
  const lists = [calls, updates];
  const isEmpty = lists.every((list) => !list.isLoading && !list.problem && list.rows.length === 0);
  return (
    <>
      <h1>{t("nav.failed")}</h1>
      {lists.map((list, index) => (
        <Trouble key={index} problem={list.problem} onRetry={() => void list.reload()} />
      ))}
      {isEmpty && <p class="empty">{t("failed.empty")}</p>}
      <Retried list={calls} />
      {updates.rows.length > 0 && <h2>{t("failed.updates")}</h2>}
      <Retried list={updates} />
    </>
  );
}

/** A list of calls to choose from, and their retry. */
function Retried({ list }: { list: CallList }) {
  const { identity, say } = usePage();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [done, setDone] = useState(0);
  const work = useWork();
  const ids = list.rows.map(callId);
  const marked = ids.filter((id) => chosen.has(id));
  const isAll = marked.length === ids.length;
  const flip = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const retry = () =>
    work.run(async () => {
      for (const [index, id] of marked.entries()) {
        await callLogs.retryCallLog({ accountId: identity.accountId, callId: id }, WAIT);
        setDone(index + 1);
      }
      say(t("failed.retried", { count: marked.length }));
      setChosen(new Set());
      setDone(0);
    });
  if (ids.length === 0) return null;
  const what = t("failed.retry", { count: marked.length });
  return (
    <>
      <p class="line">
        <button type="button" onClick={() => setChosen(new Set(isAll ? [] : ids))}>
          {t(isAll ? "failed.choose_none" : "failed.choose_all")}
        </button>
        <button type="button" class="main" disabled={work.isBusy || marked.length === 0} onClick={() => void retry()}>
          {work.isBusy ? t("progress", { done, all: marked.length }) : what}
        </button>
      </p>
      {work.isBusy && <progress max={marked.length} value={done} aria-label={what} />}
      <Trouble problem={work.problem} />
      <ul class="contacts">
        {list.rows.map((log) => (
          <FailedCall key={callId(log)} log={log} isChosen={chosen.has(callId(log))} onFlip={flip} />
        ))}
      </ul>
      {list.hasMore && (
        <button type="button" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
    </>
  );
}

function FailedCall({ log, isChosen, onFlip }: { log: CallLog; isChosen: boolean; onFlip: (id: string) => void }) {
  const id = callId(log);
  return (
    <li>
      <label class="mark">
        <input type="checkbox" checked={isChosen} onChange={() => onFlip(id)} />
        <span class="unseen">{t("failed.choose", { who: withWhom(log) })}</span>
      </label>
      <span class="contact">
        <a href={address("calls", id)}>
          <bdi class="name">{withWhom(log) || t("now.withheld")}</bdi>
        </a>
        <span class="details">{moment(log.call?.startTime ?? log.createTime)}</span>
        <span class="trouble">{why(log)}</span>
      </span>
    </li>
  );
}

// The calls that the CRM refused, with its words, and a retry of all that are chosen.
import { useState } from "preact/hooks";
import { CallLogState, type CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import { usePage, useWork } from "../context.ts";
import { NO_FILTERS } from "../filters.ts";
import { callId, moment, withWhom } from "../format.ts";
import { Trouble, why } from "../parts.tsx";
import { address } from "../route.ts";
import { callLogs, WAIT } from "../server.ts";
import { t } from "../words.ts";
import { useCallList } from "./calls.tsx";

const FAILED = { ...NO_FILTERS, states: [CallLogState.FAILED] };

export function Failed() {
  const { identity, say } = usePage();
  const list = useCallList(FAILED);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [done, setDone] = useState(0);
  const work = useWork();
  const ids = list.rows.map((log) => callId(log));
  const marked = ids.filter((id) => chosen.has(id));
  const flip = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const retry = () =>
    work.run(async () => {
      for (const [index, callId] of marked.entries()) {
        await callLogs.retryCallLog({ accountId: identity.accountId, callId }, WAIT);
        setDone(index + 1);
      }
      say(t("failed.retried", { count: marked.length }));
      setChosen(new Set());
      setDone(0);
    });
  return (
    <>
      <h1>{t("nav.failed")}</h1>
      <Trouble problem={list.problem} onRetry={() => void list.reload()} />
      {!list.isLoading && !list.problem && ids.length === 0 && <p class="empty">{t("failed.empty")}</p>}
      {ids.length > 0 && (
        <p class="line">
          <button type="button" onClick={() => setChosen(new Set(marked.length === ids.length ? [] : ids))}>
            {t(marked.length === ids.length ? "failed.choose_none" : "failed.choose_all")}
          </button>
          <button type="button" class="main" disabled={work.isBusy || marked.length === 0} onClick={() => void retry()}>
            {work.isBusy
              ? t("progress", { done, all: marked.length })
              : t("failed.retry", { count: marked.length })}
          </button>
        </p>
      )}
      {work.isBusy && <progress max={marked.length} value={done} aria-label={t("failed.retry", { count: marked.length })} />}
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

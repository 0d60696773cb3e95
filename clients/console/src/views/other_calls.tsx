// After a contact was created for a call: the other unlogged calls of the same number, to be logged at once.
import { useState } from "preact/hooks";
import { CallLogState, type CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import type { Contact } from "../contract/leadline/v1/contact_pb.ts";
import { usePage, useRead, useWork } from "../context.ts";
import { callId, moment, otherParty } from "../format.ts";
import { callText, Trouble } from "../parts.tsx";
import { address } from "../route.ts";
import { callLogs, WAIT } from "../server.ts";
import { t } from "../words.ts";

const MOST = 100;

export function OtherCalls({ log, contact }: { log: CallLog; contact: Contact }) {
  const { identity, say } = usePage();
  const [done, setDone] = useState(0);
  const work = useWork();
  const phoneNumber = otherParty(log.call)?.phoneNumber ?? "";
  const { accountId } = identity;
  const request = { accountId, phoneNumber, states: [CallLogState.UNLOGGED], pageSize: MOST };
  const read = useRead(
    async () => (phoneNumber ? (await callLogs.listCallLogs(request, WAIT)).callLogs : []),
    [phoneNumber],
  );
  const others = read.answer ?? [];
  const logAll = () =>
    work.run(async () => {
      for (const [index, one] of others.entries()) {
        const userId = one.userId || identity.userId;
        await callLogs.logCall({ accountId, userId, contactId: contact.id, call: { id: callId(one) } }, WAIT);
        setDone(index + 1);
      }
      say(t("others.done", { count: others.length }));
      read.reload();
      setDone(0);
    });
  if (others.length === 0) return <Trouble problem={read.problem} onRetry={read.reload} />;
  return (
    <section aria-label={t("others.title", { count: others.length })}>
      <h2>{t("others.title", { count: others.length })}</h2>
      <ul class="last">
        {others.map((one) => (
          <li key={callId(one)}>
            <a href={address("calls", callId(one))}>{moment(one.call?.startTime ?? one.createTime)}</a> {callText(one)}
          </li>
        ))}
      </ul>
      <Trouble problem={work.problem} />
      <button type="button" class="main" disabled={work.isBusy} onClick={() => void logAll()}>
        {work.isBusy ? t("progress", { done, all: others.length }) : t("others.do", { name: contact.name })}
      </button>
    </section>
  );
}

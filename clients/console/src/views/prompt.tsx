// One call: who it was with, why its log stands as it does, and what a person can do: choose, create, log, retry, move.
import { useEffect, useRef, useState } from "preact/hooks";
import { CallLogState, type CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import type { Contact } from "../contract/leadline/v1/contact_pb.ts";
import { usePage, useRead, useWatch, useWork } from "../context.ts";
import { callId, moment, otherParty, partyText, withWhom } from "../format.ts";
import { callText, ContactText, CrmLink, Field, reasonText, StateBadge, Trouble } from "../parts.tsx";
import { callLogged, callOpened, contactCreated } from "../host.ts";
import { address } from "../route.ts";
import { callLogs, WAIT } from "../server.ts";
import { t } from "../words.ts";
import { ChooseContact } from "./choose.tsx";
import { OtherCalls } from "./other_calls.tsx";

export function Prompt({ id }: { id: string }) {
  const { identity, watch, home, tell } = usePage();
  const read = useRead(
    async () => (await callLogs.getCallLog({ accountId: identity.accountId, callId: id }, WAIT)).callLog!,
    [id],
  );
  const log = read.answer;
  const take = (changed: CallLog) =>
    read.setAnswer((before) => (before && before.revision > changed.revision ? before : changed));
  const listener = {
    onChange: (logs: readonly CallLog[]) => logs.filter((one) => callId(one) === id).forEach(take),
    onGap: read.reload,
  };
  useWatch(watch, listener, [id]);
  useEffect(() => {
    if (log) tell(callOpened(log));
  }, [log === null]);
  const stage = log && JSON.stringify([log.state, log.contact?.id ?? "", log.crmLogId]);
  const before = useRef(stage);
  useEffect(() => {
    if (before.current && log?.state === CallLogState.LOGGED && stage !== before.current) tell(callLogged(log));
    before.current = stage;
  }, [stage]);
  return (
    <>
      {home && (
        <p>
          <a href={address(home)}>{t("prompt.back")}</a>
        </p>
      )}
      <Trouble problem={read.problem} onRetry={read.reload} />
      {log ? <OneCall log={log} take={take} /> : !read.problem && <p>{t("loading")}</p>}
    </>
  );
}

function OneCall({ log, take }: { log: CallLog; take: (log: CallLog) => void }) {
  return (
    <>
      <h1>
        <bdi>{withWhom(log) || t("now.withheld")}</bdi>
      </h1>
      <Facts log={log} />
      <Actions log={log} take={take} />
    </>
  );
}

function Facts({ log }: { log: CallLog }) {
  const name = otherParty(log.call)?.name;
  const facts: [string, preact.ComponentChildren][] = [
    [t("column.state"), <StateBadge key="state" log={log} />],
    [t("number"), <bdi key="number">{partyText(log.call)}</bdi>],
    [t("caller_id"), name && <bdi key="name">{name}</bdi>],
    [t("column.call"), callText(log)],
    [t("start"), moment(log.call?.startTime ?? log.createTime)],
    [t("user"), log.userId],
    [t("contact"), log.contact && <ContactText key="contact" contact={log.contact} />],
    [t("column.why"), log.explanation || reasonText(log.reason)],
    [t("last_error"), log.lastError],
    [t("next_attempt"), moment(log.nextAttemptTime)],
    [t("disposition"), log.call?.disposition],
    [t("note"), log.call?.note && <bdi key="note">{log.call.note}</bdi>],
    [t("crm_log"), log.crmLogUrl && <CrmLink key="crm" url={log.crmLogUrl}>{t("open_in_crm")}</CrmLink>],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value)
        .map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function Actions({ log, take }: { log: CallLog; take: (log: CallLog) => void }) {
  const { identity, say, tell } = usePage();
  const [note, setNote] = useState(log.call?.note ?? "");
  const [disposition, setDisposition] = useState(log.call?.disposition ?? "");
  const [isMoving, setMoving] = useState(false);
  const [chosen, setChosen] = useState<Contact | null>(null);
  const [created, setCreated] = useState<Contact | null>(null);
  const work = useWork();
  const isLogged = log.state === CallLogState.LOGGED;
  const keys = { accountId: identity.accountId, userId: log.userId || identity.userId };

  const report = async (contactId: string) => {
    const call = { id: callId(log), ...changed(log, note, disposition) };
    take((await callLogs.logCall({ ...keys, contactId, call }, WAIT)).callLog!);
  };
  const logAgainst = (contact: Contact, isNew = false) => {
    if (isNew) {
      setCreated(contact);
      tell(contactCreated(log, contact));
    }
    if (isLogged) return setChosen(contact); // a move is asked about first
    return void work.run(async () => {
      await report(contact.id);
      setMoving(false);
      say(t("prompt.logged", { name: contact.name }));
    });
  };
  const move = () =>
    work.run(async () => {
      await report(chosen!.id);
      say(t("prompt.moved", { name: chosen!.name }));
      setChosen(null);
      setMoving(false);
    });
  const save = () =>
    work.run(async () => {
      await report("");
      say(t("saved"));
    });
  const retry = () =>
    work.run(async () => {
      const request = { accountId: identity.accountId, callId: callId(log) };
      take((await callLogs.retryCallLog(request, WAIT)).callLog!);
      say(t("prompt.retried"));
    });
  const hasChanges = Object.keys(changed(log, note, disposition)).length > 0;
  return (
    <>
      <form class="notes" onSubmit={(event) => (event.preventDefault(), void save())}>
        <Field label={t("note")} value={note} onChange={setNote} lines={3} longest={20_000} />
        <Field label={t("disposition")} value={disposition} onChange={setDisposition} longest={256} />
        <button type="submit" disabled={work.isBusy || !hasChanges}>
          {t("save")}
        </button>
        {log.state !== CallLogState.LOGGED || log.updatePending ? (
          <button type="button" disabled={work.isBusy} onClick={() => void retry()}>
            {t("retry")}
          </button>
        ) : null}
        {isLogged && !isMoving && (
          <button type="button" onClick={() => setMoving(true)}>
            {t("prompt.move")}
          </button>
        )}
      </form>
      <Trouble problem={work.problem} />
      {chosen && <Confirm contact={chosen} isBusy={work.isBusy} onYes={() => void move()} onNo={() => setChosen(null)} />}
      {(!isLogged || isMoving) && !chosen && <ChooseContact log={log} isBusy={work.isBusy} onChosen={logAgainst} />}
      {isLogged && created && <OtherCalls log={log} contact={created} />}
    </>
  );
}

/** The fields of the call that the person changed. Only they are sent: another person may have changed the others. */
function changed(log: CallLog, note: string, disposition: string) {
  return {
    ...(note !== (log.call?.note ?? "") && { note }),
    ...(disposition !== (log.call?.disposition ?? "") && { disposition }),
  };
}

function Confirm(props: { contact: Contact; isBusy: boolean; onYes: () => void; onNo: () => void }) {
  return (
    <section class="confirm" role="group" aria-label={t("prompt.move")}>
      <p>{t("prompt.move_question", { name: props.contact.name })}</p>
      <button type="button" class="main" disabled={props.isBusy} onClick={props.onYes}>
        {t("prompt.move_yes")}
      </button>
      <button type="button" onClick={props.onNo}>
        {t("cancel")}
      </button>
    </section>
  );
}

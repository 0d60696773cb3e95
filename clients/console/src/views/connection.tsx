// The account's connection to its CRM: whether it worked when it was last asked, and "check now".
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ConnectionState, Owner, type Connection } from "../contract/leadline/admin/v1/account_pb.ts";
import { usePage, useRead, useWork } from "../context.ts";
import { moment } from "../format.ts";
import { Trouble } from "../parts.tsx";
import { accounts, WAIT } from "../server.ts";
import { t, word } from "../words.ts";

/** A check waits for the CRM, in milliseconds. */
const CHECK = { timeoutMs: 60_000 };

export function CrmConnection() {
  const { identity, may, say } = usePage();
  const { accountId } = identity;
  const read = useRead(async () => (await accounts.getConnection({ accountId }, WAIT)).connection!, [accountId]);
  const work = useWork();
  const check = () =>
    work.run(async () => {
      const { connection } = await accounts.checkConnection({ accountId }, CHECK);
      read.setAnswer(connection!);
      say(t(connection!.state === ConnectionState.WORKING ? "crm.works" : "crm.fails"));
    });
  return (
    <>
      <h1>{t("nav.connection")}</h1>
      <Trouble problem={read.problem} onRetry={read.reload} />
      {read.answer && <Facts connection={read.answer} />}
      <Trouble problem={work.problem} />
      {read.answer && may("CheckConnection") && (
        <button type="button" class="main" disabled={work.isBusy} onClick={() => void check()}>
          {t(work.isBusy ? "crm.checking" : "crm.check")}
        </button>
      )}
    </>
  );
}

function Facts({ connection }: { connection: Connection }) {
  const { state } = connection;
  const kind = state === ConnectionState.WORKING ? "logged" : state === ConnectionState.FAILING ? "failed" : "unlogged";
  const when = (time: Timestamp | undefined) => (time ? moment(time) : t("crm.never"));
  const facts: [string, preact.ComponentChildren][] = [
    [
      t("column.state"),
      <span key="state" class={`badge state ${kind}`}>
        {word("connection_state", ConnectionState[state])}
      </span>,
    ],
    [t("crm.adapter"), connection.adapter],
    [t("name"), <bdi key="name">{connection.name}</bdi>],
    [t("crm.owner"), word("owner", Owner[connection.owner])],
    [t("crm.check_time"), when(connection.checkTime)],
    [t("crm.success_time"), when(connection.successTime)],
    [t("crm.failure_time"), when(connection.failureTime)],
    [t("last_error"), connection.lastError && <bdi key="error">{connection.lastError}</bdi>],
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

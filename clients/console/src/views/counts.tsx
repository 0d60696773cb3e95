// How many calls there were, by day, reason and user, as small plots and as tables.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useState } from "preact/hooks";
import { CallLogGrouping, type CallLogCount } from "../contract/leadline/v1/call_log_service_pb.ts";
import { CallLogReason, CallLogState } from "../contract/leadline/v1/call_log_pb.ts";
import { usePage, useRead } from "../context.ts";
import { count } from "../format.ts";
import { Choice, reasonText, Trouble } from "../parts.tsx";
import { callLogs, WAIT } from "../server.ts";
import { t, word } from "../words.ts";

const DAY = 86_400_000;
const { DAY: BY_DAY, REASON: BY_REASON, USER: BY_USER } = CallLogGrouping;

export function Counts() {
  const { identity } = usePage();
  const [days, setDays] = useState("14");
  const read = useRead(async () => {
    const period = {
      accountId: identity.accountId,
      startTime: timestampFromDate(new Date(Date.now() - Number(days) * DAY)),
      endTime: timestampFromDate(new Date(Date.now() + DAY)),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
    const [byDay, byUser] = await Promise.all([
      callLogs.countCallLogs({ ...period, groupBy: [BY_DAY, BY_REASON] }, WAIT),
      callLogs.countCallLogs({ ...period, groupBy: [BY_USER] }, WAIT),
    ]);
    return { byDay: byDay.counts, byUser: byUser.counts };
  }, [identity, days]);
  const all = read.answer?.byDay ?? [];
  return (
    <>
      <h1>{t("nav.counts")}</h1>
      <Choice
        label={t("counts.period")}
        value={days}
        choices={["7", "14", "30", "90"].map((value): [string, string] => [value, t("counts.days", { days: value })])}
        onChange={setDays}
      />
      <Trouble problem={read.problem} onRetry={read.reload} />
      {read.answer && all.length === 0 && <p class="empty">{t("calls.empty")}</p>}
      {all.length > 0 && (
        <div class="plots">
          <Rates counts={all} />
          <Bars title={t("counts.by_day")} rows={sums(all, (one) => one.day).sort(([one], [other]) => (one < other ? -1 : 1))} />
          <Bars title={t("counts.by_reason")} rows={sums(all, stateAndReason)} />
          <Bars title={t("counts.by_user")} rows={sums(read.answer!.byUser, (one) => one.userId || t("counts.no_user"))} />
        </div>
      )}
    </>
  );
}

const stateAndReason = (one: CallLogCount): string =>
  [word("state", CallLogState[one.state]), one.reason ? reasonText(one.reason) : ""].filter(Boolean).join(": ");

/** The sums of the counts by a key, the largest first. */
function sums(counts: readonly CallLogCount[], keyOf: (one: CallLogCount) => string): [string, number][] {
  const all = new Map<string, number>();
  for (const one of counts) all.set(keyOf(one), (all.get(keyOf(one)) ?? 0) + Number(one.count));
  return [...all].sort((one, other) => other[1] - one[1]);
}

/** How many callers the CRM did not know, and for how many a placeholder was made, of all calls. */
function Rates({ counts }: { counts: readonly CallLogCount[] }) {
  const of = (...reasons: CallLogReason[]): number =>
    counts.filter((one) => reasons.includes(one.reason)).reduce((sum, one) => sum + Number(one.count), 0);
  const all = counts.reduce((sum, one) => sum + Number(one.count), 0);
  const created = of(CallLogReason.PLACEHOLDER_CREATED);
  const share = (part: number): string => `${count(part)} (${Math.round((100 * part) / all)} %)`;
  return (
    <dl class="facts">
      <div>
        <dt>{t("counts.all")}</dt>
        <dd>{count(all)}</dd>
      </div>
      <div>
        <dt>{t("counts.strangers")}</dt>
        <dd>{share(of(CallLogReason.NO_CONTACT) + created)}</dd>
      </div>
      <div>
        <dt>{t("counts.created")}</dt>
        <dd>{share(created)}</dd>
      </div>
    </dl>
  );
}

/** A table whose numbers are bars too. */
function Bars({ title, rows }: { title: string; rows: readonly [string, number][] }) {
  const most = Math.max(...rows.map(([, value]) => value), 1);
  return (
    <table class="bars">
      <caption>{title}</caption>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">
              <bdi>{name}</bdi>
            </th>
            <td>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect width={(100 * value) / most} height="10" />
              </svg>
            </td>
            <td class="number">{count(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

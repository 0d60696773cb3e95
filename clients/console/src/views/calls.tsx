// The call log: a live list with the filters of ListCallLogs.
import { useEffect, useState } from "preact/hooks";
import { CallList } from "../call_list.ts";
import { CallLogReason, CallLogState, type CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import { CallDirection } from "../contract/leadline/v1/call_pb.ts";
import { usePage, useWatch } from "../context.ts";
import { NO_FILTERS, type Filters } from "../filters.ts";
import { callId, count, moment, partyText, withWhom } from "../format.ts";
import { callText, Choice, Field, StateBadge, Trouble, why } from "../parts.tsx";
import { address } from "../route.ts";
import { Rows } from "../rows.tsx";
import { t, word } from "../words.ts";

const ROW = 64;

export function Calls() {
  const { identity } = usePage();
  const [filters, setFilters] = useState<Filters>({ ...NO_FILTERS, userId: identity.userId });
  return (
    <>
      <h1>{t("nav.calls")}</h1>
      <FilterForm filters={filters} onChange={setFilters} />
      <List key={JSON.stringify(filters)} filters={filters} />
    </>
  );
}

/** The calls of some filters, kept up to date. */
export function useCallList(filters: Filters): CallList {
  const { identity, watch } = usePage();
  const [, draw] = useState({});
  const [list] = useState(() => new CallList(identity, filters, () => draw({})));
  useEffect(() => {
    void list.reload();
    return () => list.end();
  }, [list]);
  useWatch(watch, { onChange: (logs) => list.change(logs), onGap: () => void list.reload() }, [list]);
  return list;
}

function List({ filters }: { filters: Filters }) {
  const list = useCallList(filters);
  const isEmpty = !list.isLoading && !list.problem && list.rows.length === 0;
  return (
    <>
      <p class="line" aria-live="polite">
        {list.isLoading && list.rows.length === 0
          ? t("loading")
          : t(list.hasMore ? "calls.shown_more" : "calls.shown", { count: count(list.rows.length) })}
      </p>
      <Trouble problem={list.problem} onRetry={() => void (list.rows.length ? list.more() : list.reload())} />
      {isEmpty && <p class="empty">{t("calls.empty")}</p>}
      {list.rows.length > 0 && (
        <Rows
          label={t("nav.calls")}
          rows={list.rows}
          height={ROW}
          keyOf={(log) => callId(log)}
          columns={[t("column.state"), t("column.who"), t("column.call"), t("column.why")]}
          cells={cells}
          hasMore={list.hasMore}
          onEnd={() => !list.problem && void list.more()}
        />
      )}
    </>
  );
}

function cells(log: CallLog) {
  return [
    <StateBadge key="state" log={log} />,
    <a key="who" href={address("calls", callId(log))}>
      <bdi class="name">{withWhom(log) || t("now.withheld")}</bdi>
      <bdi class="details">{partyText(log.call)}</bdi>
    </a>,
    <span key="call">
      {moment(log.call?.startTime ?? log.createTime)}
      <span class="details">{callText(log)}</span>
    </span>,
    <span key="why" class="why" title={why(log)}>
      {why(log)}
    </span>,
  ];
}

type Names = Record<string, string | number>;

/** The values of an enum as choices, by their numbers; the first stands for all. */
function choices(kind: string, names: Names): [string, string][] {
  const known = Object.entries(names).filter(([, value]) => typeof value === "number" && value > 0);
  return [["", t("all")], ...known.map(([name, value]): [string, string] => [String(value), word(kind, name)])];
}

function FilterForm({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const [number, setNumber] = useState(filters.phoneNumber);
  const one = <T extends number>(value: string): T[] => (value ? [Number(value) as T] : []);
  return (
    <form
      class="filters"
      role="search"
      aria-label={t("filters")}
      onSubmit={(event) => (event.preventDefault(), onChange({ ...filters, phoneNumber: number.trim() }))}
    >
      <Choice
        label={t("column.state")}
        value={String(filters.states[0] ?? "")}
        choices={choices("state", CallLogState as unknown as Names)}
        onChange={(value) => onChange({ ...filters, states: one<CallLogState>(value) })}
      />
      <Choice
        label={t("reason")}
        value={String(filters.reasons[0] ?? "")}
        choices={choices("reason", CallLogReason as unknown as Names)}
        onChange={(value) => onChange({ ...filters, reasons: one<CallLogReason>(value) })}
      />
      <Choice
        label={t("direction")}
        value={String(filters.directions[0] ?? "")}
        choices={choices("direction", CallDirection as unknown as Names)}
        onChange={(value) => onChange({ ...filters, directions: one<CallDirection>(value) })}
      />
      <Field label={t("number")} type="search" value={number} onChange={setNumber} longest={64} />
      <Field label={t("since")} type="date" value={filters.since} onChange={(since) => onChange({ ...filters, since })} />
      <Field label={t("until")} type="date" value={filters.until} onChange={(until) => onChange({ ...filters, until })} />
      <button type="submit">{t("search")}</button>
    </form>
  );
}

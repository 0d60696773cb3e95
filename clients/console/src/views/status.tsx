// For operators: whether the server answers and how fast, and how many calls wait or have failed.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "preact/hooks";
import { CallLogState } from "../contract/leadline/v1/call_log_pb.ts";
import { CallLogGrouping } from "../contract/leadline/v1/call_log_service_pb.ts";
import { usePage, useRead, useWatch } from "../context.ts";
import { count } from "../format.ts";
import { Trouble } from "../parts.tsx";
import { callLogs, WAIT } from "../server.ts";
import type { WatchState } from "../watch.ts";
import { t } from "../words.ts";

const DAY = 86_400_000;
const EVERY = 5_000;

export function Status() {
  const { identity, watch } = usePage();
  const [state, setState] = useState<WatchState>(watch.state);
  useWatch(watch, { onState: setState }, []);
  const read = useRead(async () => {
    const began = performance.now();
    const request = {
      accountId: identity.accountId,
      startTime: timestampFromDate(new Date(Date.now() - 8 * DAY)), // deliveries end after 7 days
      endTime: timestampFromDate(new Date(Date.now() + DAY)),
      groupBy: [CallLogGrouping.REASON],
    };
    const { counts } = await callLogs.countCallLogs(request, WAIT);
    return { counts, milliseconds: performance.now() - began };
  }, [identity]);
  useEffect(() => {
    const timer = setInterval(read.reload, EVERY);
    return () => clearInterval(timer);
  }, []);
  const of = (wanted: CallLogState): number =>
    (read.answer?.counts ?? []).filter((one) => one.state === wanted).reduce((sum, one) => sum + Number(one.count), 0);
  return (
    <>
      <h1>{t("nav.status")}</h1>
      <Trouble problem={read.problem} onRetry={read.reload} />
      <dl class="facts">
        <div>
          <dt>{t("status.changes")}</dt>
          <dd>{t(`connection.${state}`)}</dd>
        </div>
        {read.answer && (
          <>
            <div>
              <dt>{t("status.answer")}</dt>
              <dd>{t("status.milliseconds", { count: Math.round(read.answer.milliseconds) })}</dd>
            </div>
            <div>
              <dt>{t("status.pending")}</dt>
              <dd>{count(of(CallLogState.PENDING))}</dd>
            </div>
            <div>
              <dt>{t("status.failed")}</dt>
              <dd>{count(of(CallLogState.FAILED))}</dd>
            </div>
          </>
        )}
      </dl>
      <p>{t("status.metrics")}</p>
    </>
  );
}

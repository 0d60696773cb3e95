// The placeholder contacts that leadline created: the calls that made them, with a link into the CRM.
import { CallLogReason } from "../contract/leadline/v1/call_log_pb.ts";
import { NO_FILTERS } from "../filters.ts";
import { callId, moment, partyText } from "../format.ts";
import { ContactText, Trouble } from "../parts.tsx";
import { address } from "../route.ts";
import { t } from "../words.ts";
import { useCallList } from "./calls.tsx";

const CREATED = { ...NO_FILTERS, reasons: [CallLogReason.PLACEHOLDER_CREATED] };

export function Placeholders() {
  const list = useCallList(CREATED);
  return (
    <>
      <h1>{t("nav.placeholders")}</h1>
      <Trouble problem={list.problem} onRetry={() => void list.reload()} />
      {!list.isLoading && !list.problem && list.rows.length === 0 && <p class="empty">{t("placeholders.empty")}</p>}
      <ul class="contacts">
        {list.rows.map((log) => (
          <li key={callId(log)}>
            {log.contact && <ContactText contact={log.contact} />}
            <span class="contact">
              <bdi>{partyText(log.call)}</bdi>
              <a href={address("calls", callId(log))}>{moment(log.call?.startTime ?? log.createTime)}</a>
            </span>
          </li>
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

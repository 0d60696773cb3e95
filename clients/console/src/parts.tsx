// Small parts that several views share.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { CallLogReason, CallLogState, UpdateState, type CallLog } from "./contract/leadline/v1/call_log_pb.ts";
import { CallDirection, CallResult } from "./contract/leadline/v1/call_pb.ts";
import type { Contact } from "./contract/leadline/v1/contact_pb.ts";
import { details, duration, webAddress } from "./format.ts";
import { isAway, type Problem } from "./server.ts";
import { t, word } from "./words.ts";

/** What went wrong, and what to do about it. */
export function Trouble({ problem, onRetry }: { problem: Problem | null; onRetry?: () => void }) {
  if (!problem) return null;
  return (
    <p class="trouble" role="alert">
      {isAway(problem) ? t("trouble.away") : problem.text}
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {t("again")}
        </button>
      )}
    </p>
  );
}

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string | undefined;
  readonly wrong?: string | undefined;
  readonly type?: "text" | "date" | "email" | "search" | "number" | "password";
  readonly required?: boolean;
  readonly disabled?: boolean;
  readonly lines?: number;
  readonly longest?: number;
}

/** A labelled text. Its error is read out with it. */
export function Field({ label, value, onChange, hint, wrong, type = "text", lines, longest, ...rest }: FieldProps) {
  const id = useId();
  const about = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  const common = {
    ...rest,
    id,
    value,
    ...(longest && { maxLength: longest }),
    ...(about && { "aria-describedby": about }),
    "aria-invalid": wrong ? true : undefined,
    onInput: (event: Event) => onChange((event.currentTarget as HTMLInputElement).value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {lines ? <textarea rows={lines} {...common} /> : <input {...{ type: type as "text" }} autocomplete="off" {...common} />}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {wrong && (
        <small id={`${id}-wrong`} class="wrong">
          {wrong}
        </small>
      )}
    </div>
  );
}

/** A labelled choice of one. */
export function Choice(props: {
  label: string;
  value: string;
  choices: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
  disabled?: boolean;
  hint?: string | undefined;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        disabled={props.disabled}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        {props.choices.map(([value, text]) => (
          <option key={value} value={value} selected={value === props.value}>
            {text}
          </option>
        ))}
      </select>
      {props.hint && <small id={`${id}-hint`}>{props.hint}</small>}
    </div>
  );
}

/** A link to a page of the CRM, in a tab of its own. Nothing, if the address is not one of the web. */
export function CrmLink({ url, children }: { url: string | undefined; children: ComponentChildren }) {
  const href = webAddress(url);
  if (!href) return null;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
      <span class="unseen"> {t("new_tab")}</span>
    </a>
  );
}

export function ContactText({ contact }: { contact: Contact }) {
  return (
    <span class="contact">
      <bdi class="name">{contact.name}</bdi>
      {contact.isPlaceholder && <span class="badge">{t("placeholder")}</span>}
      <bdi class="details">{details(contact)}</bdi>
      <CrmLink url={contact.url}>{t("open_in_crm")}</CrmLink>
    </span>
  );
}

/** Whether the call is logged, and the CRM refuses what is new about it. */
export const isUpdateRefused = (log: CallLog): boolean => log.updateState === UpdateState.FAILED;

export function StateBadge({ log }: { log: CallLog }) {
  const name = CallLogState[log.state] ?? "";
  return (
    <>
      <span class={`badge state ${name.toLowerCase()}`}>{word("state", name)}</span>
      {isUpdateRefused(log) && <span class="badge state failed">{t("update_refused")}</span>}
    </>
  );
}

export const reasonText = (reason: CallLogReason): string => word("reason", CallLogReason[reason]);

export function callText(log: CallLog): string {
  const { call } = log;
  const direction = word("direction", CallDirection[call?.direction ?? 0]);
  const result = call?.result ? word("result", CallResult[call.result]) : "";
  return [direction, result, duration(call)].filter(Boolean).join(" · ");
}

/** Why the log stands as it does: the server's sentence, or the CRM's error. */
export function why(log: CallLog): string {
  if (log.state === CallLogState.FAILED || log.state === CallLogState.PENDING || isUpdateRefused(log)) {
    return log.lastError || log.explanation || reasonText(log.reason);
  }
  return log.explanation || reasonText(log.reason);
}

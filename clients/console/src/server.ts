// The clients of leadline's services, over Connect and JSON, on the server that the page came from.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { BadRequestSchema, ErrorInfoSchema } from "./contract/google/rpc/error_details_pb.ts";
import { AccountService } from "./contract/leadline/admin/v1/account_service_pb.ts";
import { CallLogService } from "./contract/leadline/v1/call_log_service_pb.ts";
import { ContactService } from "./contract/leadline/v1/contact_service_pb.ts";
import { DirectoryService } from "./contract/leadline/v1/directory_service_pb.ts";
import { PreferencesService } from "./contract/leadline/v1/preferences_service_pb.ts";
import { credential, credentialRefused } from "./credential.ts";

const authenticated: Interceptor = (next) => async (request) => {
  for (const [name, value] of Object.entries(credential())) request.header.set(name, value);
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) credentialRefused();
    throw error;
  }
};

const transport = createConnectTransport({ baseUrl: location.origin, interceptors: [authenticated] });

export const accounts = createClient(AccountService, transport);
export const callLogs = createClient(CallLogService, transport);
export const contacts = createClient(ContactService, transport);
export const directory = createClient(DirectoryService, transport);
export const preferences = createClient(PreferencesService, transport);

/** How long the page waits for an answer, in milliseconds. */
export const WAIT = { timeoutMs: 15_000 };

/** What went wrong: a sentence, the reason of the contract, its values, and the sentences of single fields. */
export interface Problem {
  readonly code: Code;
  readonly reason: string;
  readonly text: string;
  readonly values: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

/** Reads an error of a call. */
export function problemOf(error: unknown): Problem {
  const refused = ConnectError.from(error);
  const info = refused.findDetails(ErrorInfoSchema)[0];
  const broken = refused.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  return {
    code: refused.code,
    reason: info?.reason ?? "",
    text: refused.rawMessage,
    values: info?.metadata ?? {},
    fields: Object.fromEntries(broken.map((one) => [one.field, one.description])),
  };
}

/** Whether nobody answered: the server is away, or the network is. */
export function isAway(problem: Problem): boolean {
  return !problem.reason && [Code.Unavailable, Code.Unknown, Code.DeadlineExceeded].includes(problem.code);
}

// Calls every RPC over HTTP, in one protocol and format, and prints what came as one JSON object.
// Arguments: base URL, the folder of the generated code, the transport (connect or grpc-web), the format (json or binary).
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { pathToFileURL } from "node:url";

const [baseUrl, generated, protocol, format] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(`${generated}/${file}`));
const { ContactService } = await load("leadline/v1/contact_service_pb.js");
const { CallLogService } = await load("leadline/v1/call_log_service_pb.js");
const { DirectoryService } = await load("leadline/v1/directory_service_pb.js");
const { PreferencesService } = await load("leadline/v1/preferences_service_pb.js");
const { PlaceholderService, PlaceholderState } = await load("leadline/v1/placeholder_service_pb.js");
const { KeyService } = await load("leadline/admin/v1/key_service_pb.js");
const { Role } = await load("leadline/admin/v1/key_pb.js");
const { AuditService } = await load("leadline/admin/v1/audit_service_pb.js");
const { AccountService } = await load("leadline/admin/v1/account_service_pb.js");
const { AccountState, ConnectionState, Owner } = await load("leadline/admin/v1/account_pb.js");
const { CallLogState } = await load("leadline/v1/call_log_pb.js");
const { CallDirection } = await load("leadline/v1/call_pb.js");
const { UnknownContactAction } = await load("leadline/v1/preferences_pb.js");
const { BadRequestSchema, ErrorInfoSchema } = await load("google/rpc/error_details_pb.js");

const create = protocol === "connect" ? createConnectTransport : createGrpcWebTransport;
// Every RPC that was answered, so that the test can tell which ones this program left out.
const driven = new Set();
const recorded = (next) => async (request) => {
  const answer = await next(request);
  driven.add(`${request.method.parent.typeName}/${request.method.name}`);
  return answer;
};
const transport = create({ httpVersion: "1.1", baseUrl, useBinaryFormat: format === "binary", interceptors: [recorded] });
const contacts = createClient(ContactService, transport);
const calls = createClient(CallLogService, transport);
const preferences = createClient(PreferencesService, transport);
const placeholders = createClient(PlaceholderService, transport);
const directory = createClient(DirectoryService, transport);
const keys = createClient(KeyService, transport);
const accounts = createClient(AccountService, transport);
const audit = createClient(AuditService, transport);

const accountId = "demo";
const userId = `${protocol}-${format}`;
const number = { "connect-json": "+12025550141", "connect-binary": "+12025550142", "grpc-web-binary": "+12025550143" }[userId];
const seen = {};

// A watch that begins before the call sees it, and ends when this client has had enough.
const watching = new AbortController();
const watched = (async () => {
  for await (const message of calls.watchCallLogs({ accountId, userId }, { signal: watching.signal })) {
    if (message.callLog?.call?.id === `call-${userId}` && message.callLog.state === CallLogState.LOGGED) {
      return message.resumeToken.length > 0;
    }
  }
  return false;
})().catch((error) => String(error));

const { contact } = await contacts.createContact({ accountId, userId, name: `Jane ${userId}`, phoneNumber: number });
seen.found = (await contacts.findContact({ accountId, userId, phoneNumbers: [number] })).matches.map((m) => m.contact.id === contact.id);
seen.searched = (await contacts.searchContacts({ accountId, userId, query: `Jane ${userId}` })).contacts.length;
const call = { id: `call-${userId}`, direction: CallDirection.INBOUND, caller: { phoneNumber: number } };
const logged = (await calls.logCall({ accountId, userId, call })).callLog;
seen.logged = CallLogState[logged.state];
seen.got = (await calls.getCallLog({ accountId, callId: call.id })).callLog.revision === logged.revision;
seen.retried = CallLogState[(await calls.retryCallLog({ accountId, callId: call.id })).callLog.state];
seen.listed = (await calls.listCallLogs({ accountId, userId })).callLogs.map((log) => log.call.id);
const hour = (later) => ({ seconds: BigInt(Math.floor(Date.now() / 1000) + later * 3600), nanos: 0 });
const period = { startTime: hour(-1), endTime: hour(1) };
seen.counted = Number((await calls.countCallLogs({ accountId, userId, ...period })).counts[0].count);
seen.watched = await watched;
watching.abort();

const wanted = { unknownContactAction: UnknownContactAction.CREATE_PLACEHOLDER };
await preferences.updatePreferences({ accountId, userId, preferences: wanted });
const read = await preferences.getPreferences({ accountId, userId });
seen.preference = UnknownContactAction[read.effective.unknownContactAction];
const { settings } = await preferences.getAccountSettings({ accountId });
seen.region = settings.defaultRegion;
seen.updated = (await preferences.updateAccountSettings({ accountId, settings: { timeZone: "Europe/Berlin" } })).settings.timeZone;

const colleague = { userId: `colleague-${userId}`, extensions: [`x-${userId}`], emails: [`${userId}@example.com`] };
seen.upserted = (await directory.upsertUser({ accountId, user: colleague })).user.isActive;
seen.user = (await directory.getUser({ accountId, userId: colleague.userId })).user.extensions;
seen.users = (await directory.listUsers({ accountId })).users.map((user) => user.userId);
// A report without a user: the directory finds the user by the extension.
const unnamed = { ...call, id: `unnamed-${userId}`, callee: { extension: `x-${userId}` } };
seen.unnamed = (await calls.logCall({ accountId, call: unnamed })).callLog.userId;
const replayed = await placeholders.openReplay({ accountId, placeholderLimit: 10 });
seen.replay = replayed.replayId.length > 0;
const stranger = { phoneNumber: number.replace("+1202", "+1213"), name: `STRANGER ${userId}` };
const created = (await calls.logCall({ accountId, userId, call: { ...call, id: `stranger-${userId}`, caller: stranger } })).callLog;
const listed = (await placeholders.listPlaceholders({ accountId })).placeholders;
seen.placeholder = listed.some((one) => one.contactId === created.contact?.id);
const removed = await placeholders.removePlaceholder({ accountId, contactId: created.contact.id, validateOnly: true });
seen.removable = PlaceholderState[removed.state];
seen.crmUsers = (await directory.listCrmUsers({ accountId: "connected" })).crmUsers.map((user) => [user.id, user.email]);
try {
  await directory.upsertUser({ accountId, user: { userId: "another", extensions: colleague.extensions } });
} catch (error) {
  const refused = ConnectError.from(error);
  seen.conflict = [Code[refused.code], refused.findDetails(ErrorInfoSchema)[0].reason];
}
await directory.deleteUser({ accountId, userId: colleague.userId });
try {
  await directory.getUser({ accountId, userId: colleague.userId });
} catch (error) {
  seen.deleted = ConnectError.from(error).findDetails(ErrorInfoSchema)[0].reason;
}

const own = { accountId: `own-${userId}` };
seen.account = Owner[(await accounts.createAccount({ ...own, title: "Own" })).account.owner];
seen.title = (await accounts.updateAccount({ ...own, title: "Ours" })).account.title;
seen.accounts = (await accounts.listAccounts({})).accounts.some((one) => one.accountId === own.accountId);
const { key, secret } = await keys.issueKey({ ...own, role: Role.SERVICE });
seen.secret = secret.length > 20;
const second = await keys.rotateKey({ ...own, keyId: key.keyId });
await keys.revokeKey({ ...own, keyId: second.key.keyId });
seen.keys = (await keys.listKeys(own)).keys.length;
await keys.denyTokens({ ...own, issuer: "https://issuer.example", subject: "someone" });
const connection = { ...own, adapter: "hubspot", options: { portal_id: "7" }, secrets: { token: "t" } };
seen.set = (await accounts.setConnection(connection)).connection.secretNames;
seen.options = (await accounts.getConnection(own)).connection.options;
await accounts.setConnection({ ...own, adapter: "embedded" });
seen.checked = ConnectionState[(await accounts.checkConnection(own)).connection.state];
seen.disabled = AccountState[(await accounts.disableAccount(own)).account.state];
seen.state = AccountState[(await accounts.getAccount(own)).account.state];
seen.exported = [];
for await (const { item } of accounts.exportAccount(own)) seen.exported.push(item.case);
async function audited(action) {
  let found = [];
  for (let wait = 0; wait < 100 && !found.includes(action); wait++) {
    await new Promise((resolve) => setTimeout(resolve, 100)); // an entry gets its place within a second
    found = (await audit.listAuditEntries({ ...own, pageSize: 1000 })).entries.map((entry) => entry.action);
  }
  return found;
}
await audited("account.disabled"); // of a deleted account, the server tells what has its place
await accounts.deleteAccount(own);
seen.audited = await audited("account.deleted");

try {
  await contacts.findContact({ accountId, userId, phoneNumbers: [number, "nonsense"] });
} catch (error) {
  const refused = ConnectError.from(error);
  seen.refused = {
    code: Code[refused.code],
    reason: refused.findDetails(ErrorInfoSchema)[0].reason,
    fields: refused.findDetails(BadRequestSchema)[0].fieldViolations.map((violation) => violation.field),
  };
}
try {
  await contacts.findContact({ accountId: "nobody", userId, phoneNumbers: [number] });
} catch (error) {
  seen.unknown = Code[ConnectError.from(error).code];
}
seen.driven = [...driven].sort();
console.log(JSON.stringify(seen));
process.exit(0);

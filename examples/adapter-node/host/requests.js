// What leadline asks, in the words of connectors.

'use strict';

// `phoneNumber` is E.164 (or a bare extension), `phoneNumberList` every form in which a CRM may have it.
function numberOf({ e164, extension, text, forms }) {
  const phoneNumber = e164 || extension || text;
  return { phoneNumber, phoneNumberList: forms.length ? forms : [phoneNumber] };
}

function callLogOf(entry) {
  const { call } = entry;
  return {
    contactId: entry.contact_id,
    contactName: entry.contact_name,
    contactType: entry.contact_type,
    moves: entry.moves,
    phoneNumber: entry.number,
    userId: entry.user_id,
    ownerId: entry.crm_user_id,
    subject: entry.subject,
    body: entry.body,
    note: call.note ?? '',
    startTime: dateOf(call.start_time ?? entry.fallback_time),
    endTime: dateOf(call.end_time),
    fields: fieldsOf(entry.fields),
    call,
  };
}

function dateOf(timestamp) {
  return timestamp ? new Date(timestamp.seconds * 1000 + timestamp.nanos / 1e6) : null;
}

// A google.protobuf.Struct as a plain object: the administrator's own fields, by the CRM's names.
function fieldsOf(struct) {
  return Object.fromEntries(Object.entries(struct?.fields ?? {}).map(([name, value]) => [name, valueOf(value)]));
}

function valueOf(value) {
  switch (value.kind) {
    case 'structValue':
      return fieldsOf(value.structValue);
    case 'listValue':
      return value.listValue.values.map(valueOf);
    case 'nullValue':
      return null;
    default:
      return value[value.kind];
  }
}

// The CRM's required fields that the connector does not fill itself; null: the CRM does not tell.
function requiredOf({ requiredFields }) {
  if (!requiredFields) return null;
  return { contact: requiredFields.contact ?? [], call_log: requiredFields.callLog ?? [] };
}

// What the connector's `capabilities` promise; what it leaves out is not promised.
function capabilitiesOf({ capabilities = {}, findCallLog, getContact, searchContacts }) {
  return {
    finds_log_by_key: Boolean(capabilities.findsLogByKey) && typeof findCallLog === 'function',
    enforces_unique_key: Boolean(capabilities.enforcesUniqueKey),
    moves_log: Boolean(capabilities.movesLog),
    lookup_recall: capabilities.findsEveryForm ? 'LOOKUP_RECALL_COMPLETE' : 'LOOKUP_RECALL_FORMS_ASKED',
    follows_moved_contacts: Boolean(capabilities.followsMovedContacts),
    search_lag: durationOf(capabilities.searchLagSeconds),
    settle_time: durationOf(capabilities.settleSeconds),
    contact_types: capabilities.contactTypes ?? [],
    reads_contacts: typeof getContact === 'function',
    searches: typeof searchContacts === 'function' ? `NAME_SEARCH_${(capabilities.searches ?? 'none').toUpperCase()}` : 'NAME_SEARCH_NONE',
    has_subject: Boolean(capabilities.hasSubject),
    has_company: Boolean(capabilities.hasCompany),
    writes_fields: Boolean(capabilities.writesFields),
  };
}

// The RPCs that this connector implements. leadline creates no contact for a call that it cannot log here.
function methodsOf(connector) {
  const optional = { searchContacts: 'SearchContacts', createCallLog: 'CreateCallLog', updateCallLog: 'UpdateCallLog', findCallLog: 'FindCallLog', getCallLog: 'GetCallLog' };
  const functions = Object.keys(optional).filter((name) => typeof connector[name] === 'function');
  return ['Describe', 'FindContacts', 'GetContact', 'CreateContact', 'Check', ...functions.map((name) => optional[name])];
}

function durationOf(seconds) {
  if (seconds === undefined) return null;
  const whole = Math.floor(seconds);
  return { seconds: whole, nanos: Math.round((seconds - whole) * 1e9) };
}

module.exports = { callLogOf, capabilitiesOf, fieldsOf, methodsOf, numberOf, requiredOf };

// leadline.adapter.v1.AdapterService over the functions of a connector.

'use strict';

const crypto = require('node:crypto');
const grpc = require('@grpc/grpc-js');
const { byId, contactOf, logOf, listOf, storedLogOf, Unusable } = require('./answers');
const { capabilitiesOf, callLogOf, fieldsOf, methodsOf, numberOf, requiredOf } = require('./requests');
const { Seen } = require('./seen');
const { watched } = require('./traffic');
const { missing, statusOf, wrongCursor } = require('./failures');

// A connector may answer an update and a check with nothing: then its requests say whether they worked.
const HAVE_NO_WORDS = new Set(['updateCallLog', 'check']);

// The handlers of all RPCs. `connector` has findContact and createContact, and perhaps more; see README.md.
function serviceOf(connector, token) {
  const seen = new Seen();
  const service = new Service(connector, seen);
  const rpc = (name, isWrite) => (call, done) => {
    watched(() => answered(service, name, call, token), HAVE_NO_WORDS.has(name))
      .then((response) => done(null, response))
      .catch((error) => done(statusOf(error, isWrite)));
  };
  return {
    Describe: rpc('describe', false),
    FindContacts: rpc('findContacts', false),
    GetContact: rpc('getContact', false),
    SearchContacts: rpc('searchContacts', false),
    CreateContact: rpc('createContact', true),
    CreateCallLog: rpc('createCallLog', true),
    UpdateCallLog: rpc('updateCallLog', true),
    FindCallLog: rpc('findCallLog', false),
    GetCallLog: rpc('getCallLog', false),
    Check: rpc('check', false),
  };
}

async function answered(service, name, call, token) {
  const sent = Buffer.from(String(call.metadata.get('authorization')[0] ?? ''));
  const wanted = Buffer.from(`Bearer ${token}`);
  if (token && !(sent.length === wanted.length && crypto.timingSafeEqual(sent, wanted))) {
    throw Object.assign(new Error('The token is missing, or not the right one.'), { code: grpc.status.UNAUTHENTICATED });
  }
  return service[name](call.request);
}

class Service {
  constructor(connector, seen) {
    this.connector = connector;
    this.seen = seen;
    for (const name of ['findContact', 'createContact']) {
      if (typeof connector[name] !== 'function') throw new Error(`The connector has no function ${name}.`);
    }
  }

  // A function that the connector may leave out.
  optional(name) {
    if (typeof this.connector[name] !== 'function') throw missing(name);
    return (question) => this.connector[name](question);
  }

  async describe() {
    return {
      title: this.connector.title ?? '',
      capabilities: capabilitiesOf(this.connector),
      methods: methodsOf(this.connector),
      required_fields: requiredOf(this.connector),
    };
  }

  // One question a number: each is looked up by all the ways to write it.
  async findContacts({ account, numbers }) {
    const lookups = numbers.map(async (number) => {
      const asked = numberOf(number);
      const found = await this.connector.findContact({ ...asked, accountId: account.id });
      return listOf(found, 'findContact').map((one) => contactOf(one, asked.phoneNumber));
    });
    const contacts = byId((await Promise.all(lookups)).flat());
    contacts.forEach((contact) => this.seen.add(account.id, contact));
    return { contacts, is_complete: true };
  }

  async getContact({ account, contact_id: id }) {
    if (typeof this.connector.getContact !== 'function') return { contact: this.seen.get(account.id, id) };
    const found = await this.connector.getContact({ id, accountId: account.id });
    if (found === undefined) throw new Unusable('getContact returned nothing: null says that there is no such contact.');
    return found === null ? { not_found: true } : { contact: contactOf(found) };
  }

  async searchContacts({ account, name, limit, cursor }) {
    const found = await this.optional('searchContacts')({ name, accountId: account.id });
    const contacts = listOf(found, 'searchContacts').map((one) => contactOf(one));
    contacts.sort((a, b) => compared(a.name, b.name) || compared(a.id, b.id));
    if (!/^\d*$/.test(cursor)) throw wrongCursor();
    const end = Number(cursor || 0) + limit;
    return {
      contacts: contacts.slice(end - limit, end),
      next_cursor: end < contacts.length ? String(end) : '',
      is_complete: true,
    };
  }

  async createContact({ account, draft, key }) {
    const { phoneNumber } = numberOf(draft.phone_number);
    const made = await this.connector.createContact({
      phoneNumber,
      name: draft.name,
      type: draft.type,
      email: draft.email,
      company: draft.company,
      isPlaceholder: draft.is_placeholder,
      fields: fieldsOf(draft.fields),
      key,
      accountId: account.id,
    });
    const asked = { name: draft.name, email: draft.email, company: draft.company, type: draft.type };
    const contact = contactOf(typeof made === 'object' ? { ...asked, ...made } : { ...asked, id: made }, phoneNumber);
    this.seen.add(account.id, contact);
    return { contact };
  }

  async createCallLog({ account, entry, key }) {
    return { log: logOf(await this.optional('createCallLog')({ ...callLogOf(entry), key, accountId: account.id })) };
  }

  async updateCallLog({ account, log_id: id, entry }) {
    const made = await this.optional('updateCallLog')({ ...callLogOf(entry), id, accountId: account.id });
    return { log: logOf(made ?? id) };
  }

  async getCallLog({ account, log_id: id }) {
    const found = await this.optional('getCallLog')({ id, accountId: account.id });
    if (found === undefined) throw new Unusable('getCallLog returned nothing: null says that there is no such log.');
    return found === null ? { not_found: true } : { log: storedLogOf(found) };
  }

  async findCallLog({ account, key }) {
    const found = await this.optional('findCallLog')({ key, accountId: account.id });
    if (found === undefined) throw new Unusable('findCallLog returned nothing: null says that there is no such log.');
    return found === null ? { not_found: true } : { log: logOf(found) };
  }

  async check({ account }) {
    if (typeof this.connector.check === 'function') await this.connector.check({ accountId: account.id });
    return {};
  }
}

// By code points, as leadline orders names.
function compared(a, b) {
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((char, index) => char !== right[index]);
  if (at < 0) return left.length - right.length;
  return at < right.length ? left[at].codePointAt(0) - right[at].codePointAt(0) : 1;
}

module.exports = { serviceOf };

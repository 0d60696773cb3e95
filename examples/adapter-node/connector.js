// A connector: findContact only looks, createContact only creates. Whether an unknown caller becomes a contact is decided
// by leadline, from the user's preferences.

'use strict';

const { crm } = require('./crm');

async function findContact({ phoneNumberList }) {
  const found = await Promise.all(phoneNumberList.map((number) => crm.searchByPhone(number)));
  return found.flat();
}

// `fields` are the administrator's own, for required and custom fields of the CRM. The connector's own values are stronger.
async function createContact({ phoneNumber, name, email, company, fields }) {
  return crm.contacts.create({ ...fields, phone: phoneNumber, name, email, company });
}

// What follows can be left out; README.md says what then happens.

async function createCallLog({ contactId, subject, note, key, fields }) {
  return crm.logs.create({ ...fields, contactId, subject, note, key });
}

// People may have moved the log, so its contact is told only if leadline moves it.
async function updateCallLog({ id, moves, contactId, subject, note, fields }) {
  return crm.logs.update(id, { ...fields, ...(moves ? { contactId } : {}), subject, note });
}

async function findCallLog({ key }) {
  return crm.logs.findByKey(key);
}

async function getCallLog({ id }) {
  return crm.logs.get(id);
}

async function getContact({ id }) {
  return crm.contacts.get(id);
}

async function searchContacts({ name }) {
  return crm.contacts.search(name);
}

module.exports = {
  title: 'Example CRM',
  capabilities: { findsLogByKey: true, movesLog: true, searches: 'substring', hasSubject: true, hasCompany: true, writesFields: true, searchLagSeconds: 0, settleSeconds: 2 },
  findContact,
  createContact,
  createCallLog,
  updateCallLog,
  findCallLog,
  getCallLog,
  getContact,
  searchContacts,
};

// A CRM as small as one can be: in memory, and in the file that EXAMPLE_CRM_FILE names, for people to look at.

'use strict';

const fs = require('node:fs');

const FILE = process.env.EXAMPLE_CRM_FILE;
const book = FILE && fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE, 'utf8')) : { contacts: [], logs: [] };

const digits = (text) => text.replace(/\D/g, '');
const copy = (record) => (record ? { ...record } : null);

// As over a network: nothing is there at once.
async function done(change) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const result = change();
  if (FILE) fs.writeFileSync(FILE, JSON.stringify(book));
  return result;
}

function needed(record, what) {
  if (!record) throw Object.assign(new Error(`There is no such ${what}.`), { status: 404 });
  return record;
}

const byId = (records, id) => records.find((record) => record.id === id);

const crm = {
  searchByPhone: (number) =>
    done(() => book.contacts.filter(({ phone }) => digits(phone) === digits(number)).map(copy)),

  contacts: {
    create: (fields) =>
      done(() => {
        const contact = { id: `c-${book.contacts.length + 1}`, ...fields, createdAt: new Date().toISOString() };
        book.contacts.push(contact);
        return copy(contact);
      }),
    get: (id) => done(() => copy(byId(book.contacts, id))),
    search: (name) => done(() => book.contacts.filter((contact) => contact.name.includes(name)).map(copy)),
  },

  logs: {
    create: ({ contactId, ...fields }) =>
      done(() => {
        needed(byId(book.contacts, contactId), 'contact');
        const log = { id: `l-${book.logs.length + 1}`, contactId, ...fields };
        book.logs.push(log);
        return copy(log);
      }),
    update: (id, fields) =>
      done(() => {
        const log = needed(byId(book.logs, id), 'log');
        if ('contactId' in fields) needed(byId(book.contacts, fields.contactId), 'contact');
        return copy(Object.assign(log, fields));
      }),
    get: (id) => done(() => copy(byId(book.logs, id))),
    findByKey: (key) => done(() => copy(book.logs.find((log) => log.key === key))),
  },
};

module.exports = { crm };

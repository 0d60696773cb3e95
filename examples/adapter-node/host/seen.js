// The contacts that a connector showed lately, for connectors that have no getContact.

'use strict';

const MOST = 10_000;
const MINUTES = 10;

class Seen {
  constructor() {
    this.contacts = new Map();
  }

  add(accountId, contact) {
    const place = JSON.stringify([accountId, contact.id]);
    this.contacts.delete(place);
    this.contacts.set(place, { contact, until: Date.now() + MINUTES * 60_000 });
    if (this.contacts.size > MOST) this.contacts.delete(this.contacts.keys().next().value);
  }

  // A contact that was not seen lately may be there all the same: that is an error, not "there is none".
  get(accountId, id) {
    const known = this.contacts.get(JSON.stringify([accountId, id]));
    if (!known || known.until < Date.now()) {
      throw Object.assign(new Error('The connector has no getContact, and this contact was not seen lately.'), { status: 503 });
    }
    return known.contact;
  }
}

module.exports = { Seen };

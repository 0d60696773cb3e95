// What connectors return, in the contract's form. What cannot be right is an error, never "nobody".

'use strict';

class Unusable extends Error {}

// null and [] are nobody, an object is one. A function that ends without a return has told nothing.
function listOf(found, name) {
  if (found === undefined) throw new Unusable(`${name} returned nothing: null or [] says that there is nobody.`);
  return found === null ? [] : [found].flat().filter((one) => !isOffer(one));
}

// A "find or create" of a connector's library may answer with an offer to create: that is nobody.
function isOffer(one) {
  return typeof one === 'object' && one !== null && one.createNewContact === true && (one.id === undefined || one.id === null || one.id === '' || one.id === 0);
}

// Contacts by id. One id of two kinds of record (a lead and a contact) is two contacts, so their ids must differ.
function byId(contacts) {
  const found = new Map();
  for (const contact of contacts) {
    const other = found.get(contact.id);
    if (other && (other.type !== contact.type || other.name !== contact.name)) {
      throw new Unusable('Two contacts have one id. Put the kind into the id, such as lead:1 and contact:1.');
    }
    found.set(contact.id, other ? merged(other, contact) : contact);
  }
  return [...found.values()];
}

// One contact that was found by two numbers has both.
function merged(one, other) {
  return { ...one, phone_numbers: [...new Set([...one.phone_numbers, ...other.phone_numbers])] };
}

// A contact that says no number counts as having the one that it was asked for by: the connector said so.
function contactOf(one, askedNumber) {
  if (typeof one !== 'object' || one === null) throw new Unusable('A contact must be an object with an id.');
  return {
    id: idOf(one.id),
    name: one.name ?? '',
    phone_numbers: numbersOf(one) ?? (askedNumber ? [askedNumber] : []),
    type: one.type ?? '',
    email: one.email ?? '',
    company: one.company ?? '',
    title: one.title ?? '',
    url: one.url ?? '',
    create_time: timestampOf(one.createdAt),
    last_activity_time: timestampOf(one.lastActivityAt),
    is_placeholder: Boolean(one.isPlaceholder),
  };
}

function numbersOf(one) {
  const known = [one.phone, one.phoneNumber, one.phoneNumbers].flat().filter((value) => value !== undefined && value !== null);
  const numbers = known.map((value) => String(value).trim()).filter((value) => value !== '');
  return numbers.length ? numbers : null;
}

function logOf(made) {
  const log = typeof made === 'object' && made !== null ? made : { id: made };
  return { id: idOf(log.id), url: log.url ?? '' };
}

function storedLogOf(log) {
  const { contactId, subject, note, text } = log;
  return { id: idOf(log.id), contact_id: String(contactId ?? ''), subject: subject ?? '', note: note ?? '', text: text ?? '' };
}

function idOf(id) {
  // 0 is what many CRMs answer for "none", and NaN is no id at all.
  if ((typeof id !== 'string' && typeof id !== 'number') || ['', '0', 'NaN'].includes(String(id).trim())) {
    throw new Unusable('What has no id cannot be used.');
  }
  return String(id);
}

function timestampOf(value) {
  if (value === undefined || value === null) return null;
  // Numbers before 1973 in milliseconds are seconds (Unix time): 1767225600 is 2026, not 21 January 1970.
  const milliseconds = new Date(typeof value === 'number' && Math.abs(value) < 1e11 ? value * 1000 : value).getTime();
  if (Number.isNaN(milliseconds)) throw new Unusable('A time is none.');
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}

module.exports = { Unusable, byId, contactOf, listOf, logOf, storedLogOf };

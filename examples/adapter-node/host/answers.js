// What connectors return, in the contract's form. What cannot be right is an error, never "nobody".

'use strict';

class Unusable extends Error {}

// null and [] are nobody, an object is one. A function that ends without a return has told nothing.
function listOf(found, name) {
  if (found === undefined) throw new Unusable(`${name} returned nothing: null or [] says that there is nobody.`);
  return found === null ? [] : [found].flat();
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
  const known = [one.phone, one.phoneNumber, one.phoneNumbers].filter((value) => value !== undefined && value !== null);
  return known.length ? known.flat().map(String) : null;
}

function logOf(made) {
  const log = typeof made === 'object' && made !== null ? made : { id: made };
  return { id: idOf(log.id), url: log.url ?? '' };
}

function idOf(id) {
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '') throw new Unusable('What has no id cannot be used.');
  return String(id);
}

function timestampOf(value) {
  if (value === undefined || value === null) return null;
  const milliseconds = new Date(value).getTime();
  if (Number.isNaN(milliseconds)) throw new Unusable('A time is none.');
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}

module.exports = { Unusable, contactOf, listOf, logOf };

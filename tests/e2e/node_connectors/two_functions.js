// A connector with the two functions that every connector has, and answers of every kind.

'use strict';

const contacts = new Map();

const answers = {
  '+12025550100': () => null,
  '+12025550101': () => [],
  '+12025550102': () => ({ id: 7, name: 'One', phone: '(202) 555-0102' }),
  '+12025550103': () => [
    { id: 'a', name: 'First', phoneNumbers: ['(202) 555-0103', '+442079460123'] },
    { id: 'b', name: 'Second' },
  ],
  '+12025550104': () => undefined,
  '+12025550105': () => ({ name: 'Without an id' }),
  '+12025550106': () => 'somebody',
  '+12025550107': () => [{ id: 'x', createdAt: 'yesterday' }],
};

async function findContact({ phoneNumber, phoneNumberList }) {
  if (!phoneNumberList.includes(phoneNumber)) throw new Error('The number is not in its own list.');
  if (phoneNumber.startsWith('+1202555016')) throw failure(phoneNumber);
  const answer = answers[phoneNumber];
  return answer ? answer() : (contacts.get(phoneNumber) ?? null);
}

async function createContact({ phoneNumber, name }) {
  if (phoneNumber.startsWith('+1202555016')) throw failure(phoneNumber);
  if (phoneNumber === '+12025550104') return undefined;
  const id = contacts.size + 1;
  contacts.set(phoneNumber, { id, name, phone: phoneNumber });
  return id;
}

// The last digit says how it fails.
function failure(phoneNumber) {
  const status = [undefined, 401, 403, 404, 409, 422, 429, 500, 503, 408][Number(phoneNumber.at(-1))];
  return Object.assign(new Error('It failed.'), { status, retryAfter: status === 429 ? 7 : undefined });
}

module.exports = { findContact, createContact };

// A connector whose CRM and whose habits are faulty, by the last two digits of the number.

'use strict';

const base = process.env.FAULTS_CRM_URL;

const answers = {
  10: () => [
    { id: 5, name: 'A lead', type: 'lead' },
    { id: 5, name: 'A contact', type: 'contact' },
  ],
  11: () => ({ id: 0, name: 'Nobody' }),
  12: () => ({ id: 6, name: 'Empty', phone: '' }),
  13: () => ({ createNewContact: true }),
  14: () => ({ id: 7, name: 'Seconds', createdAt: 1767225600 }),
  15: () => {
    throw Object.assign(new Error('Slow down.'), { response: { status: 429, headers: { 'retry-after': '9' } } });
  },
  16: async () => {
    const answer = await fetch(`${base}/fails`);
    return answer.ok ? answer.json() : [];
  },
  17: async () => {
    const closed = require('node:net').createServer();
    await new Promise((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address();
    await new Promise((resolve) => closed.close(resolve));
    try {
      await fetch(`http://127.0.0.1:${port}/refused`);
    } catch {
      return null;
    }
    return null;
  },
  18: () =>
    new Promise((resolve) => {
      require('node:http').get(`${base}/fails`, (answer) => {
        answer.resume();
        answer.on('end', () => resolve([]));
      });
    }),
  19: async () => {
    const answer = await fetch(`${base}/missing`);
    return answer.status === 404 ? null : answer.json();
  },
  20: async () => {
    let answer = await fetch(`${base}/flaky`);
    if (!answer.ok) answer = await fetch(`${base}/flaky`);
    return answer.ok ? [] : undefined;
  },
};

module.exports = {
  findContact: async ({ phoneNumber }) => answers[phoneNumber.slice(-2)](),
  createContact: async () => 1,
  createCallLog: async () => 1,
  updateCallLog: async ({ id }) => {
    await fetch(`${base}/${id}`, { method: 'PATCH' }).catch(() => undefined);
  },
  check: async () => {
    await fetch(`${base}/fails`).catch(() => undefined);
  },
};

// Watches the HTTP requests of a connector. A connector that swallows a failure and answers "nobody" is judged by them.

'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const diagnostics = require('node:diagnostics_channel');

const current = new AsyncLocalStorage();

// Node's own clients publish these, whichever library is over them: http and https, and fetch (undici).
diagnostics.subscribe('http.client.response.finish', ({ response }) => note(response.statusCode, response.headers));
diagnostics.subscribe('http.client.request.error', () => note(0, {}));
diagnostics.subscribe('undici:request:headers', ({ response }) => note(response.statusCode, headersOf(response.headers)));
diagnostics.subscribe('undici:request:error', () => note(0, {}));
diagnostics.subscribe('undici:client:connectError', () => note(0, {}));

function note(status, headers) {
  const failures = current.getStore();
  // 404 may be a CRM's word for "there is none"; a connector knows.
  if (failures && status !== 404 && (status === 0 || status >= 400)) failures.push({ status, headers });
}

function headersOf(raw) {
  const texts = (raw ?? []).map(String);
  return Object.fromEntries(texts.flatMap((text, index) => (index % 2 ? [] : [[text.toLowerCase(), texts[index + 1]]])));
}

// The answer of `work`, unless a request of it failed and the answer says that there is nobody or nothing.
async function watched(work) {
  const failures = [];
  const answer = await current.run(failures, work);
  const isNothing = answer.not_found === true || (answer.is_complete === true && !answer.contacts?.length);
  if (!isNothing || !failures.length) return answer;
  const { status, headers } = failures[0];
  const what = status ? `was answered with status ${status}` : 'was not answered';
  throw Object.assign(new Error(`A request to the CRM ${what}, and the connector says that there is nothing.`), {
    status: status || 503,
    headers,
  });
}

module.exports = { watched };

// Watches the HTTP requests of a connector. A connector that swallows a failure is judged by them.

'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const diagnostics = require('node:diagnostics_channel');

const current = new AsyncLocalStorage();

// Node's own clients publish these, whichever library is over them: http and https, and fetch (undici).
diagnostics.subscribe('http.client.response.finish', ({ request, response }) => note(request, response.statusCode, response.headers));
diagnostics.subscribe('http.client.request.error', ({ request }) => note(request, 0, {}));
diagnostics.subscribe('undici:request:headers', ({ request, response }) => note(request, response.statusCode, headersOf(response.headers)));
diagnostics.subscribe('undici:request:error', ({ request }) => note(request, 0, {}));
diagnostics.subscribe('undici:client:connectError', ({ connectParams }) => current.getStore()?.connectFailed(connectParams.host));

function note(request, status, headers) {
  current.getStore()?.note(request, { status, headers });
}

function headersOf(raw) {
  const texts = (raw ?? []).map(String);
  return Object.fromEntries(texts.flatMap((text, index) => (index % 2 ? [] : [[text.toLowerCase(), texts[index + 1]]])));
}

// The requests of one question. A request that is repeated counts as it ended.
class Traffic {
  constructor() {
    this.failures = new Map();
    this.last = null;
  }

  note({ method, origin, host, path }, answer) {
    const server = origin ? new URL(origin).host : host;
    this.last = answer;
    // 404 may be a CRM's word for "there is none"; a connector knows.
    if (answer.status === 0 || (answer.status >= 400 && answer.status !== 404)) {
      this.failures.set(`${method} ${server}${path}`, answer);
    } else {
      this.failures.delete(`${method} ${server}${path}`);
      this.failures.delete(server);
    }
  }

  connectFailed(server) {
    this.last = { status: 0, headers: {} };
    this.failures.set(server, this.last);
  }

  // The failure that speaks against an answer of nothing.
  swallowed() {
    return this.failures.values().next().value;
  }

  // The failure that speaks against a success that has no words: its last request did not work.
  lastFailed() {
    return this.last && (this.last.status === 0 || this.last.status >= 400) ? this.last : undefined;
  }
}

// The answer of `work`, unless a request of it failed and the answer says that there is nothing, or nothing but success.
async function watched(work, hasNoWords) {
  const traffic = new Traffic();
  const answer = await current.run(traffic, work);
  const isNothing = answer.not_found === true || (answer.is_complete === true && !answer.contacts?.length);
  const failure = isNothing ? traffic.swallowed() : hasNoWords ? traffic.lastFailed() : undefined;
  if (!failure) return answer;
  const what = failure.status ? `was answered with status ${failure.status}` : 'was not answered';
  const said = isNothing ? 'that there is nothing' : 'nothing of it';
  throw Object.assign(new Error(`A request to the CRM ${what}, and the connector says ${said}.`), {
    status: failure.status || 503,
    headers: failure.headers,
  });
}

module.exports = { watched };

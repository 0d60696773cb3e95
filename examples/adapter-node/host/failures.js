// What connectors throw, as statuses. Of a write, UNAVAILABLE tells leadline that nobody knows what became of it.

'use strict';

const { Metadata, status } = require('@grpc/grpc-js');

const CANNOT_NOW = new Set([408, 421, 425]);
const NOT_THERE = new Set([404, 405, 410]);

// The connector never does this.
function missing(name) {
  return Object.assign(new Error(`This connector has no ${name}.`), { code: status.UNIMPLEMENTED });
}

// A cursor that this host did not make: perhaps the account was connected to another CRM before.
function wrongCursor() {
  return Object.assign(new Error('The search cannot go on from here. Start again.'), { reason: 'INVALID_PAGE_TOKEN', status: 400 });
}

function statusOf(error, isWrite) {
  const metadata = new Metadata();
  if (error?.reason === 'INVALID_PAGE_TOKEN') metadata.set('leadline-reason', error.reason);
  const http = Number(error?.status ?? error?.response?.status ?? 0);
  if (http === 429) {
    metadata.set('leadline-reason', 'CRM_RATE_LIMITED');
    const seconds = retryAfterOf(error);
    if (seconds !== null) metadata.set('leadline-retry-after', String(seconds));
  }
  return { code: codeOf(error, http, isWrite), details: String(error?.message ?? error), metadata };
}

// The delay in seconds: of `retryAfter`, or of the header of an HTTP client's error, as seconds or as a date (RFC 9110).
function retryAfterOf(error) {
  const headers = error.response?.headers ?? error.headers;
  const said = error.retryAfter ?? headers?.get?.('retry-after') ?? headers?.['retry-after'] ?? headers?.['Retry-After'];
  if (said === undefined || said === null || said === '') return null;
  const seconds = Number.isNaN(Number(said)) ? (Date.parse(said) - Date.now()) / 1000 : Number(said);
  return seconds >= 0 ? seconds : null;
}

function codeOf(error, http, isWrite) {
  if (error?.code === status.UNIMPLEMENTED || error?.code === status.UNAUTHENTICATED) return error.code;
  if (http === 401 || http === 402 || http === 403) return status.UNAUTHENTICATED;
  if (http === 429) return status.RESOURCE_EXHAUSTED;
  if (http < 400 || http >= 500 || CANNOT_NOW.has(http)) return status.UNAVAILABLE;
  // A lookup that is not there tells nothing of whom it was for; most likely the address is wrong.
  return NOT_THERE.has(http) && !isWrite ? status.UNAVAILABLE : status.FAILED_PRECONDITION;
}

module.exports = { missing, statusOf, wrongCursor };

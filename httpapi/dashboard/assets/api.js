// What the page asks the read API, with the token, and what answers mean.

import { remembered } from './dom.js';

const token = remembered(() => sessionStorage, 'jangbu.token');

export const hasToken = () => token.get() !== null;

export function setToken(value) {
  token.set(value || null);
}

/** ownShops returns the shops that the token names. No other module reads the token. */
export function ownShops() {
  try {
    const payload = token.get().split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(claims.stores) ? claims.stores.filter((s) => typeof s === 'string') : [];
  } catch {
    return []; // no token, or one of another making: the API judges it
  }
}

/** Failure is why there is no answer. kind: "token", "missing", "busy", "rebuilding",
 * "refused", "broken" or "offline". */
export class Failure extends Error {
  constructor(kind, status, retryAfter = 0) {
    super(`${kind} (${status})`);
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter; // in seconds
  }
}

const kinds = { 400: 'refused', 401: 'token', 404: 'missing', 429: 'busy', 503: 'busy' };

// How far this machine's clock is behind the server's, in milliseconds. The header has
// whole seconds: only what is beyond them is known.
let behind = 0;

/** now is the time by the server's clock, in milliseconds. */
export const now = () => Date.now() + behind;

/** request asks for a path and returns the response, or throws a Failure. */
export async function request(path, { signal, headers = {} } = {}) {
  const held = token.get();
  let response;
  try {
    response = await fetch(path, {
      signal,
      cache: 'no-cache',
      credentials: 'omit',
      headers: held ? { ...headers, Authorization: `Bearer ${held}` } : headers,
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Failure('offline', 0);
  }
  const date = Date.parse(response.headers.get('Date') ?? '');
  if (Number.isFinite(date)) {
    const off = date - Date.now();
    behind = off > 1000 ? off : off < -2000 ? off + 1000 : 0;
  }
  if (!response.ok) {
    const wait = Number(response.headers.get('Retry-After'));
    const rebuilding = response.status === 503 && await isRebuilding(response);
    throw new Failure(rebuilding ? 'rebuilding' : kinds[response.status] ?? 'broken', response.status, Number.isFinite(wait) ? wait : 0);
  }
  return response;
}

async function isRebuilding(response) {
  try {
    return (await response.json()).type === 'urn:jangbu:problem:rebuilding';
  } catch {
    return false; // not the API's own answer, or it broke off
  }
}

/** read asks for JSON. */
export async function read(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch (e) {
    if (options?.signal?.aborted) throw e;
    throw new Failure('offline', response.status); // it broke off
  }
}

/** patiently asks again while the API is busy or rebuilding, a few times. */
export async function patiently(path, options) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read(path, options);
    } catch (e) {
      if (!(e instanceof Failure) || e.kind !== 'busy' && e.kind !== 'rebuilding' || attempt === 5) throw e;
      await pause(Math.max(e.retryAfter, 1) * 1000 * (0.5 + Math.random()), options?.signal);
    }
  }
}

/** pause resolves after so many milliseconds, or when the signal aborts. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return void resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

const zone = 'tz=Asia%2FSeoul';

/** analyticsPath is a campaign's dashboard: now or, where asOf is a moment, as it was, with
 * what else is asked for. */
export const analyticsPath = (id, asOf, more = {}) =>
  `api/events/${encodeURIComponent(id)}/analytics?${zone}${query({ asOf: asOf && new Date(asOf).toISOString(), ...more })}`;

/** evidencePath is what a number of a campaign is made of. */
export const evidencePath = (id, card, cursor) => `api/events/${encodeURIComponent(id)}/analytics/evidence?${zone}${query({ card, limit: 50, cursor })}`;

const query = (members) => Object.entries(members).filter(([, value]) => value).map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join('');

export const streamPath = (id) => `api/events/${encodeURIComponent(id)}/analytics/stream?${zone}`;

export const listPath = (shop, cursor) =>
  `api/stores/${encodeURIComponent(shop)}/events?${zone}&limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;

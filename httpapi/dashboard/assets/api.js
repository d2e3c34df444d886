// What the page asks the read API, as whom, and what answers mean.

import { remembered } from './dom.js';

const token = remembered(() => sessionStorage, 'jangbu.token');
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content || null;
const renewal = meta('jangbu:token');
const zone = 'tz=Asia%2FSeoul';

export const hasToken = () => token.get() !== null;

export function setToken(value) {
  token.set(value || null);
}

function claims() {
  try {
    const payload = token.get().split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {}; // no token, or one of another making: the API judges it
  }
}

/** ownShops returns the shops that the token names. No other module reads the token. */
export function ownShops() {
  const { stores } = claims();
  return Array.isArray(stores) ? stores.filter((s) => typeof s === 'string') : [];
}

/** reader names whose rights this tab reads with: tabs of another reader share nothing. */
export function reader() {
  const { iss, sub, role, stores } = claims();
  return JSON.stringify([iss, sub, role, stores]);
}

/** loginAddress is where to sign in so as to come back here; null where none is known. */
export function loginAddress() {
  const login = meta('jangbu:login');
  if (!login) return null;
  const url = new URL(login, document.baseURI);
  url.searchParams.set('return_to', location.href);
  return url.href;
}

/** Failure is why there is no answer. kind: "login", "missing", "busy", "rebuilding",
 * "refused", "broken", "offline" or "unpainted". */
export class Failure extends Error {
  constructor(kind, status, retryAfter = 0) {
    super(`${kind} (${status})`);
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter; // in seconds
  }
}

const kinds = { 400: 'refused', 401: 'login', 404: 'missing', 429: 'busy', 503: 'busy' };

// How far this machine's clock is behind the server's, in milliseconds. The header has
// whole seconds: only what is beyond them is known.
let behind = 0;

/** now is the time by the server's clock, in milliseconds. */
export const now = () => Date.now() + behind;

let renewing = null;

/** renew asks the platform quietly for a new token, and reports whether there is one. */
export function renew() {
  if (!renewal) return Promise.resolve(false);
  renewing ??= (async () => {
    try {
      const response = await fetch(renewal, { method: 'POST', credentials: 'include', cache: 'no-store', headers: { Accept: 'application/json' } });
      const fresh = response.ok && (await response.json()).token;
      if (typeof fresh !== 'string' || fresh === '' || fresh === token.get()) return false;
      setToken(fresh);
      return true;
    } catch {
      return false;
    } finally {
      renewing = null;
    }
  })();
  return renewing;
}

/** expiring reports whether the token ends within a minute, or a fifth of its life. */
function expiring() {
  const { iat, exp } = claims();
  if (!Number.isFinite(exp)) return false;
  return exp * 1000 - now() < Math.min(60_000, Number.isFinite(iat) ? (exp - iat) * 200 : Infinity);
}

/** request asks for a path and returns the response, or throws a Failure. A token that
 * has ended, or is about to, is renewed where the platform does that. An answer that
 * says that nothing has changed is one only to a request that can be told so. */
export async function request(path, options = {}) {
  if (renewal && expiring()) await renew();
  let response = await ask(path, options);
  if (response.status === 401 && await renew()) response = await ask(path, options);
  const date = Date.parse(response.headers.get('Date') ?? '');
  if (Number.isFinite(date)) {
    const off = date - Date.now();
    behind = off > 1000 ? off : off < -2000 ? off + 1000 : 0;
  }
  if (!response.ok && !(response.status === 304 && options.headers?.['If-None-Match'])) {
    const wait = Number(response.headers.get('Retry-After'));
    const rebuilding = response.status === 503 && await isRebuilding(response);
    throw new Failure(rebuilding ? 'rebuilding' : kinds[response.status] ?? 'broken', response.status, Number.isFinite(wait) ? wait : 0);
  }
  return response;
}

async function ask(path, { signal, headers = {} }) {
  const held = token.get();
  try {
    if (asked(path)) return await firstAnswer();
    return await fetch(path, {
      signal,
      cache: headers['If-None-Match'] ? 'no-store' : 'no-cache',
      credentials: 'same-origin',
      headers: held ? { ...headers, Authorization: `Bearer ${held}` } : headers,
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Failure('offline', 0);
  }
}

/** asked reports whether boot.js has asked for a path, as the same reader, and the answer
 * has not been taken. */
export function asked(path) {
  const first = window.jangbuFirst;
  return first?.path === path && (first.token || null) === token.get();
}

function firstAnswer() {
  const { answer } = window.jangbuFirst;
  window.jangbuFirst = null;
  return answer;
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

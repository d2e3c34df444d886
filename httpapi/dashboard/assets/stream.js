// Server-sent events over fetch, for EventSource cannot send a token.

import { Failure, now, pause, request } from './api.js';

const silence = 40_000; // ms; the server sends something every 15 s
const firstWait = 500; // ms
const longestWait = 3_000; // ms

/** parser returns a function that takes text as it comes and calls `each` with the
 * name, id and data of every event (WHATWG HTML, 9.2.6). */
export function parser(each) {
  let rest = '', name = '', data = [], id = '';
  return (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) each({ name: name || 'message', id, data: data.join('\n') });
        name = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') name = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id' && !value.includes('\0')) id = value;
    }
  };
}

/** patched returns the dashboard after a patch of the stream (openapi.yaml, schema Patch). It
 * changes neither. */
export function patched(dashboard, { trendTail, heatCells, channelRows, ...rest }) {
  const next = merged(dashboard, rest);
  if (trendTail) {
    const at = dashboard.trend.findIndex((bucket) => bucket.from === trendTail.from);
    next.trend = [...(at < 0 ? dashboard.trend : dashboard.trend.slice(0, at)), ...trendTail.buckets];
  }
  if (heatCells) {
    next.heat = dashboard.heat.map((hours) => [...hours]);
    for (const [day, hour, n] of heatCells) next.heat[day][hour] = n;
  }
  if (channelRows) {
    const rows = new Map(channelRows.map((row) => [row.channel, row]));
    next.channels = dashboard.channels.map((row) => rows.get(row.channel) ?? row);
  }
  return next;
}

/** merged is a JSON merge patch (RFC 7396). */
function merged(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const next = target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete next[name];
    else Object.defineProperty(next, name, { value: merged(next[name], value), writable: true, enumerable: true, configurable: true });
  }
  return next;
}

/** follow keeps a stream open until the signal aborts. It tells `shown` each dashboard
 * and `state` what is going on: {kind: "connecting" | "live"}, {kind: "waiting", until,
 * failure} or, for good, {kind: "ended", failure}. */
export async function follow(path, signal, { shown, state }) {
  let last = '';
  let whole = null; // the view that `last` names
  let wait = firstWait;
  while (!signal.aborted) {
    state({ kind: 'connecting' });
    let failure = new Failure('offline', 0); // a stream that ends is to be opened again
    try {
      await open(path, last, signal, (event) => {
        if (event.name === 'dashboard') whole = JSON.parse(event.data);
        else if (event.name === 'patch') whole = patched(whole, JSON.parse(event.data));
        else return;
        last = event.id;
        shown(whole);
      }, () => {
        wait = firstWait;
        state({ kind: 'live' });
      });
    } catch (e) {
      if (signal.aborted) return;
      if (e instanceof Failure) failure = e;
    }
    if (signal.aborted) return;
    if (failure.kind === 'token' || failure.kind === 'missing' || failure.kind === 'refused') {
      state({ kind: 'ended', failure });
      return;
    }
    const ms = Math.max(failure.retryAfter * 1000, wait * (0.5 + Math.random() / 2));
    wait = Math.min(wait * 2, longestWait);
    state({ kind: 'waiting', until: now() + ms, failure });
    const waiting = new AbortController();
    await Promise.race([pause(ms, signal), back(waiting.signal)]);
    waiting.abort();
  }
}

/** back resolves when the network, or the reader, is there again. */
function back(signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState === 'visible') resolve();
    };
    window.addEventListener('online', resolve, { once: true, signal });
    document.addEventListener('visibilitychange', look, { signal });
  });
}

async function open(path, last, signal, each, opened) {
  const link = new AbortController(); // of this one connection
  const drop = () => link.abort();
  signal.addEventListener('abort', drop);
  let watchdog = setTimeout(drop, silence);
  try {
    const response = await request(path, { signal: link.signal, headers: last ? { 'Last-Event-ID': last } : {} });
    opened();
    const parse = parser(each);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(drop, silence);
      parse(value);
    }
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', drop);
    link.abort();
  }
}

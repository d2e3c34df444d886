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

/** follow keeps a stream open until the signal aborts. It tells `shown` each dashboard
 * and `state` what is going on: {kind: "connecting" | "live"}, {kind: "waiting", until,
 * failure} or, for good, {kind: "ended", failure}. */
export async function follow(path, signal, { shown, state }) {
  let last = '';
  let wait = firstWait;
  while (!signal.aborted) {
    state({ kind: 'connecting' });
    let failure = new Failure('offline', 0); // a stream that ends is to be opened again
    try {
      await open(path, last, signal, (event) => {
        if (event.name !== 'dashboard') return;
        const dashboard = JSON.parse(event.data);
        last = event.id;
        shown(dashboard);
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

// One campaign as it is now, and how far it can be relied on. The tabs of one browser share
// one stream of a campaign, tabs that cannot be seen let go of it, and a browser has four
// streams at most: HTTP/1.1 gives it six connections. What is beyond them asks every
// two seconds.

import { Failure, analyticsPath, asked, now, pause, reader, request, streamPath } from './api.js';
import { open, patched } from './stream.js';

const silence = 5_800; // ms; the server sends something every 5 s, and what is silent is said within 6
const lost = 15_000; // ms without anything, after which a connection is given up
const firstWait = 500; // ms
const longestWait = 3_000; // ms
const unpaintedWait = 15_000; // ms
const pollEvery = 2_000; // ms
const streams = 4;

const lasting = new Set(['login', 'missing', 'refused']);

/** follow follows a campaign until the signal aborts. It tells `shown` each view and
 * `state` what can be said of it: {kind, heard}, where heard is the moment up to which the
 * view is known to be right. kind is "connecting", "live", "delayed" (with delayed, as the
 * server says, or of reason "away"), "silent", "waiting" (with until, failure), "unpainted" or, for good,
 * "ended" (with failure). A view that `shown` throws at is not acknowledged, and nothing
 * is live until one is painted. */
export async function follow(id, signal, { shown, state }) {
  let view = null, etag = ''; // what is painted
  let heard = now(), delayed = null, last = null;
  let air = null; // to the other tabs, while this one has the stream

  /** tell says a state. While the database is away the server has no stream, and answers with
   * what it last read: then that is said, and not that the stream has to wait. */
  function tell(kind, more) {
    const away = kind === 'waiting' && more.failure.kind === 'busy' && awaySince(view) !== null;
    last = away ? { kind: 'delayed', heard, delayed: outage } : { kind, heard, ...more };
    air?.postMessage({ link: last });
    state(last);
  }
  function paint(next, tag) {
    try {
      shown(next);
    } catch (e) {
      console.error(e);
      etag = '';
      throw new Failure('unpainted', 0);
    }
    [view, etag] = [next, tag];
  }
  function alive() {
    const since = awaySince(view);
    heard = since ?? now();
    if (!view) return;
    const late = since === null ? delayed : outage;
    last = { kind: late ? 'delayed' : 'live', heard, delayed: late };
    state(last);
  }
  /** take takes an event of the stream. */
  function take(e) {
    if (e.name === 'dashboard') paint(e.data, e.id);
    else if (e.name === 'patch') paint(patchedOrNone(e.data), e.id);
    else if (e.name === 'beat') delayed = e.data.delayed ?? null;
    alive();
  }
  function patchedOrNone(patch) {
    try {
      return patched(view, patch);
    } catch (e) {
      console.error(e);
      etag = ''; // the whole view is asked for
      throw new Failure('broken', 0);
    }
  }
  /** watch says when nothing has come for too long, then calls drop. */
  function watch(drop) {
    let timer;
    const reset = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        tell('silent');
        timer = setTimeout(drop, lost - silence);
      }, silence);
    };
    reset();
    return { reset, stop: () => clearTimeout(timer) };
  }

  async function stream(turn) {
    const link = new AbortController();
    const watching = watch(() => link.abort());
    try {
      await open(streamPath(id), etag, AbortSignal.any([turn, link.signal]), {
        heard: watching.reset,
        each({ name, id: tag, data }) {
          const e = { name, id: tag, base: etag, data: JSON.parse(data) };
          if (name === 'beat') {
            e.id = etag;
            weather.postMessage(e.data.delayed ?? null);
          }
          air?.postMessage({ event: e });
          take(e);
        },
      });
    } finally {
      watching.stop();
    }
  }
  async function poll(turn) {
    const watching = watch(() => {});
    try {
      const response = await request(analyticsPath(id), { signal: AbortSignal.any([turn, AbortSignal.timeout(lost)]), headers: etag ? { 'If-None-Match': etag } : {} });
      if (response.status !== 304) {
        const e = { name: 'dashboard', id: response.headers.get('ETag') ?? '', data: await response.json() };
        air?.postMessage({ event: e });
        take(e);
      } else {
        air?.postMessage({ event: { name: 'beat', id: etag, data: { delayed } } });
        alive();
      }
    } finally {
      watching.stop();
    }
  }

  /** lead keeps the view up to date for all tabs that show it, and returns the Failure that
   * ends it, or nothing. */
  async function lead(turn) {
    for (let wait = firstWait; !turn.aborted;) {
      const began = now();
      let failure = new Failure('offline', 0);
      try {
        while (!turn.aborted && !await inSlot(() => stream(turn))) {
          await poll(turn);
          wait = firstWait;
          await pause(pollEvery * (0.9 + Math.random() / 5), turn);
        }
        if (turn.aborted) return null;
      } catch (e) {
        if (turn.aborted) return null;
        if (e instanceof Failure) failure = e;
      }
      if (lasting.has(failure.kind) || failure.kind === 'unpainted') return failure;
      // A stream that has carried something and ends, does so by the server's rules: the
      // next one is opened at once.
      const good = failure.kind === 'offline' && heard - began > 1_000 && last.kind !== 'silent';
      const ms = good ? 50 : Math.max(failure.retryAfter * 1000, wait * (0.5 + Math.random() / 2));
      wait = good ? firstWait : Math.min(wait * 2, longestWait);
      if (!good && last.kind !== 'silent') tell('waiting', { until: now() + ms, failure });
      await again(ms, turn);
    }
    return null;
  }

  /** attend leads, or listens to the tab that does, until the turn is over. It returns
   * the Failure that ends it, or null. */
  async function attend(turn) {
    if (!navigator.locks) return await lead(turn); // a page that is not of a secure origin
    const name = `jangbu:campaign:${id}:${reader()}`;
    const channel = new BroadcastChannel(name);
    const over = new AbortController();
    let failure = null;
    const watching = watch(() => {});
    channel.onmessage = ({ data: m }) => {
      if (air) {
        if (m.ask === undefined) return;
        if (view && m.ask !== etag) air.postMessage({ event: { name: 'dashboard', id: etag, data: view } });
        air.postMessage({ link: last });
        return;
      }
      if (m.ask !== undefined || over.signal.aborted) return;
      watching.reset();
      if (m.link) {
        heard = m.link.heard;
        if (view || m.link.kind !== 'live') state(last = m.link);
        return;
      }
      const e = m.event;
      if (e.name !== 'dashboard' && (e.name === 'beat' ? e.id : e.base) !== etag) return void channel.postMessage({ ask: etag });
      try {
        take(e);
      } catch (e) {
        failure = e;
        over.abort();
      }
    };
    channel.postMessage({ ask: etag });
    try {
      await navigator.locks.request(name, { signal: AbortSignal.any([turn, over.signal]) }, async () => {
        watching.stop();
        air = channel;
        failure = await lead(turn);
      });
    } catch (e) {
      if (!turn.aborted && !over.signal.aborted) throw e;
    } finally {
      watching.stop();
      air = null;
      channel.close();
    }
    return failure;
  }

  const weather = new BroadcastChannel('jangbu:delayed'); // what the streams of all tabs hear
  weather.onmessage = ({ data }) => { delayed = data; };
  signal.addEventListener('abort', () => weather.close());

  let failure = null;
  if (asked(analyticsPath(id))) {
    try {
      const response = await request(analyticsPath(id), { signal });
      paint(await response.json(), response.headers.get('ETag') ?? '');
      heard = awaySince(view) ?? now();
    } catch (e) {
      if (signal.aborted) return;
      if (e instanceof Failure && (lasting.has(e.kind) || e.kind === 'unpainted')) failure = e;
    }
  }
  while (!signal.aborted) {
    if (failure && failure.kind !== 'unpainted') return void state({ kind: 'ended', heard, failure });
    if (failure) {
      state(last = { kind: 'unpainted', heard, failure });
      await pause(unpaintedWait, signal);
    }
    await visible(signal);
    if (signal.aborted) return;
    if (!failure) state(last = awaySince(view) === null ? { kind: 'connecting', heard } : { kind: 'delayed', heard, delayed: outage });
    const turn = whileVisible(signal);
    failure = await attend(turn.signal);
    turn.end();
  }
}

const outage = { seconds: 0, reason: 'away' }; // a view's age is in heard

/** awaySince is the moment since which a view may have changed, for it was answered while the
 * database was away; null for one that was current. */
function awaySince(view) {
  const since = Date.parse(view?.delayed?.since ?? '');
  return Number.isFinite(since) ? since : null;
}

/** inSlot does the work in one of the browser's few streams, and reports whether there
 * was one. */
async function inSlot(work) {
  let had = false;
  for (let n = 0; n < streams && !had; n++) {
    if (!navigator.locks) had = true, await work();
    else {
      await navigator.locks.request(`jangbu:stream:${n}`, { ifAvailable: true }, async (lock) => {
        if (!lock) return;
        had = true;
        await work();
      });
    }
  }
  return had;
}

/** whileVisible is a signal that aborts when the tab cannot be seen any more. */
function whileVisible(signal) {
  const turn = new AbortController();
  const look = () => {
    if (document.visibilityState !== 'visible') turn.abort();
  };
  document.addEventListener('visibilitychange', look, { signal: turn.signal });
  signal.addEventListener('abort', () => turn.abort(), { signal: turn.signal });
  return { signal: turn.signal, end: () => turn.abort() };
}

/** visible resolves when the tab can be seen, or the signal aborts. */
function visible(signal) {
  return new Promise((resolve) => {
    if (document.visibilityState === 'visible' || signal.aborted) return void resolve();
    const done = new AbortController();
    const look = () => {
      if (document.visibilityState !== 'visible' && !signal.aborted) return;
      done.abort();
      resolve();
    };
    document.addEventListener('visibilitychange', look, { signal: done.signal });
    signal.addEventListener('abort', look, { signal: done.signal });
  });
}

/** again resolves after so many milliseconds, or when the network is there again. */
async function again(ms, signal) {
  const waiting = new AbortController();
  window.addEventListener('online', () => waiting.abort(), { signal: waiting.signal });
  await pause(ms, AbortSignal.any([signal, waiting.signal]));
  waiting.abort();
}

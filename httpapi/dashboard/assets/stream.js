// Server-sent events over fetch, for EventSource cannot send a token, and the patches that
// they carry.

import { request } from './api.js';

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

/** open reads a stream until it ends, which it may at any time, or the signal aborts.
 * last is the id of the view that is known. It tells `each` the events, and `heard` that
 * something has come. */
export async function open(path, last, signal, { each, heard }) {
  const link = new AbortController(); // of this one connection: it does not outlive a throw
  const drop = () => link.abort();
  signal.addEventListener('abort', drop);
  try {
    if (signal.aborted) return;
    const response = await request(path, { signal: link.signal, headers: last ? { 'Last-Event-ID': last } : {} });
    heard();
    const parse = parser(each);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      parse(value);
    }
  } finally {
    signal.removeEventListener('abort', drop);
    link.abort();
  }
}

/** patched returns the dashboard after a patch of the stream (openapi.yaml, schema Patch). It changes neither, and
 * throws where the patch is of another view. */
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

/** merged is a JSON merge patch (RFC 7396). A label may be called __proto__. */
function merged(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const next = target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete next[name];
    else Object.defineProperty(next, name, { value: merged(next[name], value), writable: true, enumerable: true, configurable: true });
  }
  return next;
}

// Server-sent events over fetch, for EventSource cannot send a token.

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

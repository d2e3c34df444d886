// What each channel has brought, and how far its figures can be relied on.

import { figure, h, label, rows, write } from './dom.js';
import { ago, channelName, exact, moment, percent, short, t } from './words.js';

const own = ['impressions', 'views', 'clicks', 'likes', 'comments', 'shares'];

/** channels is the panel. */
export function channels() {
  const w = t();
  const head = Object.entries(w.channelColumns).map(([name, text]) => h('th', { role: 'columnheader', scope: 'col', class: name }, text));
  const body = h('tbody', { role: 'rowgroup' });
  const empty = h('p', { class: 'empty' }, w.channelsEmpty);
  const table = h('table', { role: 'table', class: 'channels' }, h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...head)), body);
  const keep = rows(body, (c) => row(c.channel));
  let last = [], at = 0;
  const show = () => keep(last.map((c) => ({ ...c, at })), (c) => c.channel);
  return {
    e: h('section', { class: 'panel', 'aria-labelledby': 'channels' }, h('h2', { id: 'channels' }, w.channels), table, empty),
    update(dashboard, now) {
      [last, at] = [dashboard.channels, now];
      table.hidden = last.length === 0;
      empty.hidden = last.length > 0;
      show();
    },
    /** tick lets what is so many minutes old grow older. */
    tick(now) {
      at = now;
      show();
    },
  };
}

function row(channel) {
  const w = t();
  const exposure = figure();
  const participants = figure();
  const conversion = figure();
  const figures = h('ul', { class: 'own' });
  const state = h('span', { class: 'said' });
  const cell = (name, ...children) => h('td', { role: 'cell', class: name, 'data-label': w.channelColumns[name] }, ...children);
  const e = h('tr', { role: 'row', 'data-channel': channel },
    h('th', { role: 'rowheader', scope: 'row', class: 'channel' }, channelName(channel)),
    cell('exposure', exposure.e), cell('participants', participants.e), cell('conversion', conversion.e), cell('own', figures), cell('state', state));
  const keep = rows(figures, () => {
    const number = figure();
    const name = h('span', { class: 'name' });
    return { e: h('li', {}, name, ' ', number.e), update: ([key, n]) => { write(name, w.own[key]); number.set(short(n), exact(n)); } };
  });
  return {
    e,
    update(c) {
      const set = (f, n, shown, said) => (n === null ? f.set(w.noValue, w.unknown) : f.set(shown(n), said(n)));
      set(exposure, c.exposure, short, exact);
      set(participants, c.participants, short, exact);
      set(conversion, c.conversionPercent, percent, percent);
      keep(own.filter((key) => c[key] !== null).map((key) => [key, c[key]]), ([key]) => key);
      const fetched = c.fetchedAt ? Date.parse(c.fetchedAt) : null;
      const words = { fresh: () => w.fresh(ago(fetched, c.at)), stale: () => w.stale(moment(fetched, c.at)), unavailable: () => (c.distributedAt ? w.unavailable : w.notDistributed) };
      write(state, words[c.status]());
      label(state, 'data-status', c.status);
    },
  };
}

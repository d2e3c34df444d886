// What each channel has brought and cost, and how far its figures can be relied on. Its
// people are all the people: those of no channel have a row too.

import { figure, h, label, rows, svg, write } from './dom.js';
import { ago, channelName, exact, moment, ratio, t } from './words.js';

const own = ['impressions', 'views', 'clicks', 'likes', 'comments', 'shares'];
const seen = own.slice(0, 2); // what exposure is counted by
const places = ['onsite', 'other', 'unknown']; // they have no figures of their own

/** channels is the panel. */
export function channels() {
  const w = t();
  const head = Object.entries(w.channelColumns).map(([name, text]) => h('th', { role: 'columnheader', scope: 'col', class: name }, text));
  const body = h('tbody', { role: 'rowgroup' });
  const sum = row('sum');
  const empty = h('p', { class: 'empty' }, w.channelsEmpty);
  const table = h('table', { role: 'table', class: 'channels', 'aria-labelledby': 'channels' }, h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...head)), body, h('tfoot', { role: 'rowgroup' }, sum.e));
  const keep = rows(body, (c) => row(c.channel));
  let last = [], at = 0;
  const show = () => {
    const most = Math.max(1, ...last.map((c) => c.participants));
    keep(last.map((c) => ({ ...c, at, most })), (c) => c.channel);
  };
  return {
    e: h('section', { class: 'panel', 'aria-labelledby': 'channels' }, h('h2', { id: 'channels' }, w.channels), table, empty),
    update(dashboard, now) {
      [last, at] = [dashboard.channels, now];
      table.hidden = last.length === 0;
      empty.hidden = last.length > 0;
      show();
      sum.update({
        participants: last.reduce((s, c) => s + c.participants, 0), exposure: dashboard.summary.totalExposure, cost: dashboard.economics.distributionCost,
        costPerParticipant: null, conversionPercent: null, conversionOf: null, status: null, fetchedAt: null, at, most: 0,
      });
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
  const e = w.event;
  const numbers = Object.fromEntries(['participants', 'exposure', 'conversion', 'cost', 'costEach'].map((name) => [name, figure()]));
  const of = h('span', { class: 'of' });
  const fill = svg('rect', { height: '100%' });
  const bar = h('span', { class: 'meter', 'aria-hidden': 'true' }, svg('svg', { focusable: 'false' }, fill));
  const figures = h('ul', { class: 'own' });
  const state = h('span', { class: 'said' });
  const name = channel === 'sum' ? e.sum : channelName(channel);
  const cell = (key, ...children) => h('td', { role: 'cell', class: key, 'data-label': w.channelColumns[key] }, ...children);
  const cells = {
    participants: cell('participants', numbers.participants.e, channel !== 'sum' && bar), exposure: cell('exposure', numbers.exposure.e), conversion: cell('conversion', numbers.conversion.e, of),
    cost: cell('cost', numbers.cost.e), costEach: cell('costEach', numbers.costEach.e), state: cell('state', state, figures),
  };
  const line = h('tr', { role: 'row', 'data-channel': channel }, h('th', { role: 'rowheader', scope: 'row', class: 'channel' }, h('bdi', {}, name)), ...Object.values(cells));
  const keep = rows(figures, () => {
    const number = figure();
    const title = h('span', { class: 'name' });
    return { e: h('li', {}, title, ' ', number.e), update: ([key, n]) => { write(title, w.own[key]); number.set(exact(n)); } };
  });
  const blank = places.includes(channel); // what does not exist is not unknown
  return {
    e: line,
    update(c) {
      const set = (key, n, text, none = blank) => {
        if (n !== null) numbers[key].set(text(n));
        else numbers[key].set(none ? '' : w.unknown);
        label(cells[key], 'data-none', n === null ? (none ? 'blank' : 'unknown') : null);
      };
      const won = (n) => exact(n) + w.unit.won;
      const summed = channel === 'sum';
      set('participants', c.participants, (n) => exact(n) + w.unit.people);
      set('exposure', c.exposure, (n) => exact(n) + w.unit.times);
      set('conversion', c.conversionPercent, (n) => ratio(n, c.participants), blank || summed);
      write(of, c.conversionPercent === null || !c.conversionOf ? '' : e.conversionOf[c.conversionOf]);
      set('cost', c.cost, won, blank || !summed && !c.distributedAt);
      set('costEach', c.costPerParticipant, won, blank || summed || c.cost === null || c.participants === 0);
      label(fill, 'width', `${(c.most > 0 ? c.participants / c.most * 100 : 0).toFixed(2)}%`);
      keep(own.filter((key) => c[key] !== null && c[key] !== undefined && !(seen.includes(key) && c[key] === c.exposure)).map((key) => [key, c[key]]), ([key]) => key);
      figures.hidden = figures.children.length === 0;
      const fetched = c.fetchedAt ? Date.parse(c.fetchedAt) : null;
      const words = {
        fresh: () => w.fresh(ago(fetched, c.at)), final: () => e.final, stale: () => e.late(name, moment(fetched, c.at)),
        unavailable: () => (c.distributedAt ? e.notYet(name) : w.notDistributed),
      };
      write(state, words[c.status]?.() ?? '');
      label(state, 'data-status', c.status ?? null);
    },
  };
}

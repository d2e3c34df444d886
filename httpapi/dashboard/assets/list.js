// A shop's campaigns with their four numbers.

import { Failure, listPath, now, patiently, pause } from './api.js';
import { figure, h, label, measured, rows, write } from './dom.js';
import { failed } from './states.js';
import { ago, exact, fullTime, percent, short, t } from './words.js';

const step = 100; // rows that are drawn at once
const sorts = ['title', 'totalParticipants', 'totalExposure', 'roiPercent', 'salesGrowthPercent', 'updatedAt'];

// What the reader chose holds while the page is open, whichever campaign is looked at.
const chosen = { sort: 'totalParticipants', descending: true, text: '' };

/** list shows a shop until the signal aborts. */
export function list(main, shop, query, signal) {
  const w = t();
  let all = null, drawn = step, partial = false;
  const search = h('input', { type: 'search', id: 'search', placeholder: w.searchHint, autocomplete: 'off', spellcheck: 'false', oninput: () => { chosen.text = search.value; drawn = step; show(); } });
  search.value = chosen.text;
  const count = h('p', { class: 'count', role: 'status' });
  const notice = h('p', { class: 'notice', role: 'status' });
  notice.hidden = true;
  const heads = new Map(sorts.map((name) => [name, h('th', { role: 'columnheader', scope: 'col', class: name },
    h('button', { type: 'button', onclick: () => { chosen.descending = chosen.sort === name ? !chosen.descending : name !== 'title'; chosen.sort = name; show(); } }, w.columns[name]))]));
  const body = h('tbody', { role: 'rowgroup' });
  const keep = rows(body, row);
  const table = h('table', { role: 'table', class: 'campaigns', 'aria-labelledby': 'campaigns' }, h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads.values())), body);
  const more = h('button', { type: 'button', class: 'quiet', onclick: () => { drawn += step; show(); } });
  const none = h('div', { class: 'empty' });
  const toolbar = h('div', { class: 'toolbar' }, h('label', { for: 'search' }, w.search), search, count,
    h('button', { type: 'button', class: 'quiet', onclick: sheet }, w.csv),
    h('button', { type: 'button', class: 'quiet', onclick: () => print() }, w.print));
  const page = h('div', { class: 'page list' }, h('div', { class: 'title' }, h('h1', { id: 'campaigns' }, w.campaigns), h('p', { class: 'hint' }, `${w.shop} `, h('bdi', {}, shop))), notice, toolbar, table, more, none);
  document.title = `${w.campaigns} · ${w.app}`;

  function wanted() {
    const text = chosen.text.trim().toLocaleLowerCase();
    const some = all.filter((c) => text === '' || c.searched.includes(text));
    const key = { title: (c) => c.rank, updatedAt: (c) => c.updated }[chosen.sort] ?? ((c) => c.summary[chosen.sort]);
    const sign = chosen.descending ? -1 : 1;
    return some.sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === null || y === null) return (x === null) - (y === null) || a.rank - b.rank; // the unknown is last
      return sign * (x - y) || a.rank - b.rank;
    });
  }
  function show() {
    if (!all) return;
    const began = performance.now();
    const some = wanted();
    for (const [name, th] of heads) label(th, 'aria-sort', name === chosen.sort ? (chosen.descending ? 'descending' : 'ascending') : null);
    keep(some.slice(0, drawn), (c) => c.eventId);
    more.hidden = some.length <= drawn;
    write(more, w.more(Math.min(step, some.length - drawn)));
    write(count, w.found(some.length, all.length) + (partial ? ` · ${w.loadingMore}` : ''));
    table.hidden = some.length === 0;
    toolbar.hidden = all.length === 0;
    none.hidden = some.length > 0;
    if (some.length > 0) none.replaceChildren();
    else if (all.length === 0) none.replaceChildren(h('h2', {}, w.empty), h('p', {}, w.emptyText));
    else none.replaceChildren(h('p', {}, w.none), h('button', { type: 'button', class: 'quiet', onclick: () => { chosen.text = search.value = ''; show(); search.focus(); } }, w.clear));
    measured('jangbu:list', began);
  }
  function take(cards, more) {
    partial = more;
    const collator = new Intl.Collator('ko', { numeric: true });
    all = cards.map((c) => ({ ...c, searched: `${c.title ?? ''}\n${c.eventId}`.toLocaleLowerCase(), updated: c.updatedAt ? Date.parse(c.updatedAt) : null }));
    all.sort((a, b) => collator.compare(a.title ?? '', b.title ?? '') || collator.compare(a.eventId, b.eventId)).forEach((c, i) => { c.rank = i; });
    if (!page.isConnected) main.replaceChildren(page);
    show();
  }

  async function sheet() {
    const { csv, listSheet, save } = await import('./sheet.js');
    save(`${shop}-${w.campaigns}`, csv(listSheet(wanted())));
  }

  /** load reads all pages. The first time they are shown as they come. */
  async function load() {
    const first = all === null;
    const cards = [];
    for (let cursor = ''; cursor !== null;) {
      const page = await patiently(listPath(shop, cursor), { signal });
      cards.push(...page.events);
      cursor = page.next;
      if (first && cursor !== null) take(cards, true);
    }
    take(cards, false);
  }

  async function run() {
    for (let wait = 500; !signal.aborted;) {
      try {
        await load();
        notice.hidden = true;
        wait = 500;
        await pause(all.length === 0 ? 500 : all.length <= 400 ? 10_000 : 60_000, signal);
        while (document.hidden && !signal.aborted) await pause(1_000, signal);
      } catch (e) {
        if (signal.aborted) return;
        const failure = e instanceof Failure ? e : new Failure('broken', 0);
        const lasting = failure.kind === 'login' || failure.kind === 'missing';
        if (all !== null && !lasting && failure.kind !== 'rebuilding') {
          write(notice, w.notFresh);
          notice.hidden = false;
          await pause(wait, signal);
        } else {
          all = null;
          const asked = new AbortController(); // by the reader, to try again
          main.replaceChildren(failed(failure, 'shop', () => asked.abort()));
          await pause(lasting ? 1 << 30 : wait, AbortSignal.any([signal, asked.signal]));
        }
        wait = Math.min(wait * 2, 3_000);
      }
    }
  }
  main.replaceChildren(skeleton());
  run();
}

function row(card) {
  const w = t();
  const title = h('bdi');
  const id = h('span', { class: 'id' });
  const link = h('a', { href: `#/events/${encodeURIComponent(card.eventId)}` }, title);
  const numbers = new Map(['totalParticipants', 'totalExposure', 'roiPercent', 'salesGrowthPercent'].map((name) => [name, figure()]));
  const updated = figure();
  const cell = (name, ...children) => h('td', { role: 'cell', class: name, 'data-label': w.columns[name] }, ...children);
  return {
    e: h('tr', { role: 'row', 'data-campaign': card.eventId }, h('th', { role: 'rowheader', scope: 'row', class: 'title' }, link, id),
      ...[...numbers].map(([name, f]) => cell(name, f.e)), cell('updatedAt', updated.e)),
    update(c) {
      write(title, c.title ?? w.untitled);
      label(link, 'title', c.title);
      write(id, c.eventId);
      for (const [name, f] of numbers) {
        const n = c.summary[name];
        if (n === null) f.set(w.noValue, w.notComputable);
        else if (name.endsWith('Percent')) f.set(percent(n));
        else f.set(short(n), exact(n));
      }
      if (c.updated === null) updated.set(w.noValue, w.unknown);
      else updated.set(ago(c.updated, now()), fullTime(c.updated));
    },
  };
}

const skeleton = () => h('div', { class: 'page list loading', 'aria-busy': 'true' }, h('h1', { class: 'unseen' }, t().loading),
  h('div', { class: 'bone wide' }), h('div', { class: 'bone' }), ...Array.from({ length: 6 }, () => h('div', { class: 'bone line' })));

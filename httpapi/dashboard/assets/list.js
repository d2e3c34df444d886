// A shop's campaigns: what they come to together, those that run first, each with its numbers.

import { Failure, listPath, loginAddress, now, patiently, pause } from './api.js';
import { cardName, reason, unitOf } from './cards.js';
import { figure, h, label, measured, rows, write } from './dom.js';
import { addressOf, byStanding, choiceIn, finder, periods, plain, within } from './find.js';
import { failed } from './states.js';
import { ago, exact, fullTime, percent, period, standing, t, titleOf } from './words.js';

const step = 100; // rows that are drawn at once
const most = 3; // campaigns that are compared
const numbers = ['totalParticipants', 'costPerParticipant', 'totalExposure', 'roiPercent', 'salesGrowthPercent'];

// What the reader chose holds while the page is open, whichever campaign is looked at.
let chosen = choiceIn(new URLSearchParams()), of = null;

/** list shows a shop until the signal aborts. */
export function list(main, shop, query, signal) {
  const w = t();
  let all = null, drawn = step, partial = false, sparks = null;
  if (of !== shop || query.size > 0) chosen = choiceIn(query);
  of = shop;
  const choose = (change) => {
    Object.assign(chosen, change);
    drawn = step;
    history.replaceState(null, '', addressOf(shop, chosen));
    show();
  };
  const search = h('input', { type: 'search', id: 'search', placeholder: w.searchHint, autocomplete: 'off', spellcheck: 'false', oninput: () => choose({ text: search.value }) });
  search.value = chosen.text;
  const states = new Map(['', 'running', 'planned', 'ended'].map((state) => [state, h('button', { type: 'button', onclick: () => choose({ state }) })]));
  const when = h('select', { id: 'period', 'aria-label': w.inPeriod, onchange: () => choose({ period: when.value }) });
  const count = h('p', { class: 'count', role: 'status' });
  const notice = h('p', { class: 'notice', role: 'status', hidden: true }, h('span'));
  const retry = h('button', { type: 'button', class: 'primary', hidden: true, onclick: () => asked.abort() }, w.again);
  const login = h('a', { class: 'button', hidden: true }, w.loginAgain);
  const trouble = h('div', { class: 'bar', hidden: true }, notice, retry, login);
  const totals = h('dl', { class: 'facts' });
  const overview = h('section', { class: 'panel overview', 'aria-label': w.overview }, totals);
  const sortBy = (name) => choose({ sort: name, descending: chosen.sort === name ? !chosen.descending : name !== 'title' });
  const order = h('select', { id: 'order', 'aria-label': w.order, onchange: () => sortAs(order.value) }, ...['', 'title', ...numbers, 'updatedAt'].map((name) => h('option', { value: name }, w.orders[name])));
  const sortAs = (name) => choose({ sort: name, descending: name !== 'title' && name !== 'costPerParticipant' });
  const heads = new Map(['title', ...numbers, 'updatedAt'].map((name) => [name, h('th', { role: 'columnheader', scope: 'col', class: name },
    h('button', { type: 'button', onclick: () => sortBy(name) }, columnName(name)), h('span', { class: 'onpaper' }, columnName(name)))])); // Chrome does not repeat a button on every page
  const body = h('tbody', { role: 'rowgroup' });
  const picked = new Set();
  const pick = (id, on) => {
    if (on) picked.add(id);
    else picked.delete(id);
    tray();
    show();
  };
  const keep = rows(body, (c) => row(c, pick));
  const table = h('table', { role: 'table', class: 'campaigns', 'aria-labelledby': 'campaigns' }, h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads.values())), body);
  const more = h('button', { type: 'button', class: 'quiet', onclick: () => { drawn += step; show(); } });
  const none = h('div', { class: 'empty' });
  const toolbar = h('div', { class: 'toolbar' }, h('div', { class: 'choice', role: 'group', 'aria-label': w.inState }, ...states.values()), when,
    h('label', { for: 'search', class: 'unseen' }, w.search), search, order, count,
    h('button', { type: 'button', class: 'quiet', id: 'csv', onclick: sheet }, w.csv), h('button', { type: 'button', class: 'quiet', id: 'print', onclick: () => print() }, w.print));
  const chosenSaid = h('p', { role: 'status' });
  const go = h('a', { class: 'button' }, w.compareGo);
  const comparing = h('section', { class: 'panel comparing', 'aria-label': w.compareGo, hidden: true }, chosenSaid, go,
    h('button', { type: 'button', class: 'quiet', onclick: () => { picked.clear(); tray(); show(); } }, w.compareNone));
  const page = h('div', { class: 'page list' }, h('div', { class: 'title' }, h('h1', { id: 'campaigns' }, w.campaigns), h('p', { class: 'hint' }, `${w.shop} `, h('bdi', {}, shop))),
    trouble, overview, toolbar, table, more, none, comparing);
  let asked = new AbortController(); // by the reader, to try again
  document.title = `${w.campaigns} · ${w.app}`;

  function tray() {
    comparing.hidden = picked.size === 0;
    write(chosenSaid, w.compareChosen(picked.size, most));
    if (picked.size >= 2) go.href = `#/compare?events=${[...picked].map(encodeURIComponent).join(',')}&shop=${encodeURIComponent(shop)}`;
    else go.removeAttribute('href');
    label(go, 'aria-disabled', picked.size < 2 ? 'true' : null);
  }
  function wanted() {
    const found = finder(chosen.text), then = within(chosen.period, now());
    const some = all.filter((c) => (chosen.text.trim() === '' || found(c.plain) || found(c.plainID)) && then(c));
    const counts = { '': some.length, running: 0, planned: 0, ended: 0 };
    for (const c of some) counts[c.state]++;
    const shown = chosen.state ? some.filter((c) => c.state === chosen.state) : some;
    const key = { title: (c) => c.rank, updatedAt: (c) => c.updated }[chosen.sort] ?? ((c) => c.summary[chosen.sort]);
    const sign = chosen.descending ? -1 : 1;
    shown.sort(chosen.sort ? (a, b) => {
      const x = key(a), y = key(b);
      if (x === null || y === null) return (x === null) - (y === null) || a.rank - b.rank; // the unknown is last
      return sign * (x - y) || a.rank - b.rank;
    } : (a, b) => byStanding(a, b) || b.summary.totalParticipants - a.summary.totalParticipants || a.rank - b.rank);
    return [shown, counts];
  }
  function show() {
    if (!all) return;
    const began = performance.now();
    const [some, counts] = wanted();
    for (const [name, th] of heads) label(th, 'aria-sort', name === chosen.sort ? (chosen.descending ? 'descending' : 'ascending') : null);
    order.value = chosen.sort;
    for (const [state, b] of states) {
      write(b, `${w.states[state]} ${exact(counts[state])}`);
      label(b, 'aria-pressed', String(state === chosen.state));
    }
    keep(some.slice(0, drawn).map((c) => ({ ...c, picked: picked.has(c.eventId), full: picked.size >= most })), (c) => c.eventId);
    more.hidden = some.length <= drawn;
    write(more, w.more(Math.min(step, some.length - drawn)));
    write(count, w.found(some.length, all.length) + (partial ? ` · ${w.loadingMore}` : ''));
    table.hidden = some.length === 0;
    overview.hidden = some.length < 2;
    sums(totals, some);
    toolbar.hidden = all.length === 0;
    none.hidden = some.length > 0;
    if (some.length > 0) none.replaceChildren();
    else if (all.length === 0) none.replaceChildren(h('h2', {}, w.empty), h('p', {}, w.emptyText));
    else none.replaceChildren(h('p', {}, w.none), h('button', { type: 'button', class: 'quiet', onclick: () => { search.value = ''; choose({ text: '', state: '', period: '' }); fillPeriods(); search.focus(); } }, w.clear));
    label(page, 'data-period', [w.inPeriods(chosen.period), chosen.state && w.states[chosen.state]].filter(Boolean).join(' · '));
    measured('jangbu:list', began);
    sparks?.(some.slice(0, drawn), body);
  }
  function fillPeriods() {
    const known = ['', ...periods(all, now())];
    if (!known.includes(chosen.period)) known.push(chosen.period);
    when.replaceChildren(...known.map((p) => h('option', { value: p, selected: p === chosen.period }, w.inPeriods(p))));
  }
  function take(cards, more) {
    partial = more;
    const collator = new Intl.Collator('ko', { numeric: true });
    all = cards.map((c) => ({ ...c, name: titleOf(c), plain: plain(c.title ?? ''), plainID: plain(c.eventId), updated: c.updatedAt ? Date.parse(c.updatedAt) : null }));
    all.sort((a, b) => collator.compare(a.title ?? '', b.title ?? '') || collator.compare(a.eventId, b.eventId)).forEach((c, i) => { c.rank = i; });
    if (document.activeElement !== when) fillPeriods();
    if (!page.isConnected) main.replaceChildren(page);
    show();
  }
  async function sheet() {
    const { csv, listSheet, save } = await import('./sheet.js');
    save([shop, w.campaigns], csv(listSheet(wanted()[0], now())), now());
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
    tell(null);
    sparks ??= (await import('./spark.js')).sparks(signal);
    show();
  }
  /** tell says why the numbers are not those of now, if they are not. */
  function tell(failure) {
    const to = failure?.kind === 'login' ? loginAddress() : null;
    write(notice.firstChild, failure === null ? '' : { login: w.loginOver, unpainted: w.unpainted }[failure.kind] ?? w.notFresh);
    trouble.hidden = notice.hidden = failure === null;
    retry.hidden = failure?.kind !== 'unpainted';
    login.hidden = to === null;
    if (to) login.href = to;
    label(page, 'data-old', failure === null ? null : '');
  }

  async function run() {
    for (let wait = 500; !signal.aborted;) {
      try {
        await load();
        wait = 500;
        await pause(all.length === 0 ? 500 : all.length <= 400 ? 10_000 : 60_000, signal);
        while (document.hidden && !signal.aborted) await pause(1_000, signal);
      } catch (e) {
        if (signal.aborted) return;
        const failure = e instanceof Failure ? e : new Failure('unpainted', 0);
        if (failure !== e) console.error(e);
        const lasting = failure.kind === 'login' || failure.kind === 'missing' || failure.kind === 'unpainted';
        asked = new AbortController();
        if (all !== null && page.isConnected && failure.kind !== 'missing' && failure.kind !== 'rebuilding') tell(failure);
        else {
          all = null;
          main.replaceChildren(failed(failure, 'shop', () => asked.abort()));
        }
        const again = failure.kind === 'login' ? new AbortController() : asked; // the reader may have signed in elsewhere
        if (again !== asked) document.addEventListener('visibilitychange', () => again.abort(), { signal: again.signal });
        await pause(lasting ? 1 << 30 : wait, AbortSignal.any([signal, asked.signal, again.signal]));
        wait = Math.min(wait * 2, 3_000);
      }
    }
  }
  // Paper gets all rows.
  addEventListener('beforeprint', () => { drawn = Infinity; show(); }, { signal });
  addEventListener('afterprint', () => { drawn = step; show(); }, { signal });
  main.replaceChildren(skeleton());
  run();
}

const columnName = (name) => (name === 'costPerParticipant' ? cardName(name) : t().columns[name]);

function row(card, pick) {
  const w = t();
  const title = h('bdi');
  const chip = h('span', { class: 'chip' });
  const when = h('span', { class: 'when' });
  const link = h('a', { href: `#/events/${encodeURIComponent(card.eventId)}` }, title);
  const box = h('input', { type: 'checkbox', onchange: () => pick(card.eventId, box.checked) });
  const head = h('th', { role: 'rowheader', scope: 'row', class: 'title' },
    h('div', { class: 'name' }, h('label', { class: 'pick' }, box), h('div', {}, link, h('div', { class: 'where' }, chip, when))));
  const cells = new Map(numbers.map((name) => [name, figure()]));
  const updated = figure();
  const cell = (name, ...children) => h('td', { role: 'cell', class: name, 'data-label': columnName(name) }, ...children);
  return {
    e: h('tr', { role: 'row', 'data-campaign': card.eventId }, head,
      ...[...cells].map(([name, f]) => cell(name, f.e, name === 'totalParticipants' && h('span', { class: 'spark' }))), cell('updatedAt', updated.e)),
    update(c) {
      write(title, c.name);
      label(head, 'aria-label', c.name); // without the words of the box
      label(box, 'aria-label', w.comparePick(c.name));
      box.checked = c.picked;
      box.disabled = c.full && !c.picked;
      write(chip, standing(c, now()));
      label(chip, 'data-state', c.state);
      write(when, period(c, now()));
      for (const [name, f] of cells) {
        const n = c.summary[name];
        if (n === null) f.set(w.noValue, reason(name, c));
        else if (name.endsWith('Percent')) f.set(percent(n));
        else f.set(exact(n) + unitOf(name));
      }
      if (c.updated === null) updated.set(w.noValue, w.unknown);
      else updated.set(ago(c.updated, now()), fullTime(c.updated));
    },
  };
}

/** sums writes what campaigns come to together. The cost of one is that of those whose
 * costs are known. */
function sums(e, some) {
  const w = t();
  const people = some.reduce((n, c) => n + c.summary.totalParticipants, 0);
  const exposed = some.filter((c) => c.summary.totalExposure !== null);
  const paid = some.filter((c) => c.summary.costPerParticipant !== null);
  const payers = paid.reduce((n, c) => n + c.summary.totalParticipants, 0);
  const cost = paid.reduce((n, c) => n + c.summary.costPerParticipant * c.summary.totalParticipants, 0);
  const facts = [
    [w.cards.totalParticipants, exact(people) + w.unit.people, ''],
    [cardName('costPerParticipant'), payers > 0 ? exact(Math.round(cost / payers)) + w.unit.won : w.noValue, paid.length < some.length ? w.ofKnown(paid.length) : ''],
    [w.cards.totalExposure, exposed.length > 0 ? exact(exposed.reduce((n, c) => n + c.summary.totalExposure, 0)) + w.unit.times : w.noValue, exposed.length < some.length ? w.ofKnown(exposed.length) : ''],
  ];
  facts.forEach(([term, value, of], i) => {
    if (!e.children[i]) e.append(h('div', {}, h('dt'), h('dd', {}, h('span'), h('span', { class: 'of' }))));
    const [dt, dd] = e.children[i].children;
    write(dt, term);
    write(dd.firstChild, value);
    write(dd.lastChild, of);
  });
}

const skeleton = () => h('div', { class: 'page list loading', 'aria-busy': 'true' }, h('h1', { class: 'unseen' }, t().loading),
  h('div', { class: 'bone wide' }), h('div', { class: 'bone' }), ...Array.from({ length: 6 }, () => h('div', { class: 'bone line' })));

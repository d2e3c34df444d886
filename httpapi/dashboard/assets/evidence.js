// Why a number is what it is: how it is computed, and the records that it is made of. It is
// loaded when a reader asks for it.

import { evidencePath, now, patiently } from './api.js';
import { cardName, reason, whole } from './cards.js';
import { series } from './chart.js';
import { h, write } from './dom.js';
import { channelName, date, dayAndHour, exact, fullTime, lang, percent, t } from './words.js';

const shownAtOnce = 12; // lines of a list, before the reader asks for all

/** evidence opens the window of a card. dashboard returns the one that is shown. */
export async function evidence(id, name, dashboard, past, signal) {
  const w = words();
  const found = h('div', { class: 'found', 'aria-live': 'polite' });
  const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': 'why', 'data-of': name },
    h('div', { class: 'heading' }, h('h2', { id: 'why' }, `${cardName(name)}: ${t().event.why}`), h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, w.close)),
    ...computed(name, dashboard), found);
  dialog.addEventListener('click', (e) => { if (e.target === dialog) dialog.close(); }); // beside it
  dialog.addEventListener('close', () => dialog.remove());
  signal.addEventListener('abort', () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  if (past) return void found.replaceChildren(h('p', { class: 'hint' }, w.onlyNow));
  write(found, t().loading);
  try {
    show(found, id, name, await patiently(evidencePath(id, name), { signal }), signal);
  } catch {
    if (!signal.aborted) found.replaceChildren(h('p', { class: 'hint' }, w.failed));
  }
}

/** computed is the number's formula with its figures. */
function computed(name, d) {
  const w = words(), f = t().figures;
  const { summary, economics: m, channels } = d;
  const won = (n) => (n === null ? t().unknown : exact(n) + t().unit.won);
  const people = (n) => exact(n) + t().unit.people;
  const costs = [[f.prizeCost, won(m.prizeCost)], [f.platformCost, won(m.platformCost)], [f.distributionCost, won(m.distributionCost)], [f.totalCost, won(m.totalCost)]];
  const figures = {
    totalParticipants: () => [[f.participants, people(summary.totalParticipants)], [f.newCustomers, people(m.newCustomers)]],
    totalExposure: () => channels.filter((c) => c.status !== null).map((c) => [f.exposureOf(channelName(c.channel)), c.exposure === null ? t().unknown : exact(c.exposure) + t().unit.times]),
    roiPercent: () => [...costs, [f.salesIncrease, won(m.salesIncrease)], [f.newCustomers, people(m.newCustomers)], [f.newCustomerLtv, won(m.newCustomerLtv)], [f.expectedRevenue, won(m.expectedRevenue)]],
    salesGrowthPercent: () => [[f.salesIncrease, won(m.salesIncrease)], [f.baselineSales, won(m.baselineSales)]],
    costPerParticipant: () => [...costs, [f.participants, people(summary.totalParticipants)]],
  }[name]();
  const value = summary[name];
  const result = value === null ? `${t().unknown}: ${reason(name, d)}` : {
    totalParticipants: () => '',
    totalExposure: () => `${f.sum} = ${whole(name, value)}`,
    roiPercent: () => `(${exact(m.expectedRevenue)} − ${exact(m.totalCost)}) ÷ ${exact(m.totalCost)} × 100 = ${percent(value)}`,
    salesGrowthPercent: () => `${exact(m.salesIncrease)} ÷ ${exact(m.baselineSales)} × 100 = ${percent(value)}`,
    costPerParticipant: () => `${exact(m.totalCost)} ÷ ${exact(summary.totalParticipants)} = ${whole(name, value)}`,
  }[name]();
  const even = name === 'roiPercent' && m.breakEvenNewCustomers !== null && m.breakEvenNewCustomers !== undefined ? w.breakEven(exact(m.breakEvenNewCustomers), m.breakEvenNewCustomers === 0) : '';
  return [h('p', {}, name === 'costPerParticipant' ? w.costFormula : t().formula[name]), h('dl', { class: 'sums' }, ...figures.flatMap(([term, text]) => [h('dt', {}, term), h('dd', {}, text)])),
    result && h('p', { class: 'sum' }, result), even && h('p', { class: 'hint' }, even)].filter(Boolean);
}

/** show lists what the server counted, and the records, for those who may see them. */
function show(e, id, name, first, signal) {
  const w = words();
  const people = (n) => exact(n) + t().unit.people;
  const [column, part, unit] = { totalExposure: [t().channelColumns.exposure, 'exposure', t().unit.times], costPerParticipant: [t().channelColumns.cost, 'cost', t().unit.won] }[name] ?? [];
  const channels = table(w.byChannel, [t().channelColumns.channel, t().participantsOf, column].filter(Boolean),
    first.byChannel.map((c) => [channelName(c.channel), people(c.participants), ...(column ? [c[part] === null || c[part] === undefined ? t().unknown : exact(c[part]) + unit] : [])]));
  const hours = first.byHour.filter((b) => b.participants > 0);
  const byDay = (first.interval ?? 'hour') !== 'hour' || hours.length > 3 * 24;
  const list = byDay && hours.length > 0
    ? series(hours, 'day', Date.parse(hours[0].from), Date.parse(hours.at(-1).from), now()).filter((p) => p.n > 0).map((p) => [date(p.from, now()), people(p.n)])
    : hours.map((b) => [dayAndHour(Date.parse(b.from), now()), people(b.participants)]);
  const outside = (first.outside?.before ?? 0) + (first.outside?.after ?? 0);
  const when = table(byDay ? w.byDay : w.byHour, [t().when, t().participantsOf], list.toReversed());
  e.replaceChildren(...[channels, when, outside > 0 && h('p', { class: 'hint' }, t().trendOutside(exact(outside))), first.events && first.events.length > 0 && records(id, name, first, signal)].filter(Boolean));
}

/** table is a short table, the rest of it behind a button. */
function table(title, head, lines) {
  if (lines.length === 0) return null;
  const body = h('tbody');
  const fill = (some) => body.replaceChildren(...some.map(([a, ...rest]) => h('tr', {}, h('th', { scope: 'row' }, h('bdi', {}, a)), ...rest.map((b) => h('td', {}, b)))));
  const more = h('button', { type: 'button', class: 'quiet', onclick: () => { fill(lines); more.remove(); } }, t().moreValues(lines.length - shownAtOnce));
  fill(lines.slice(0, shownAtOnce));
  return h('section', {}, h('h3', {}, title), h('table', {}, h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))), body), lines.length > shownAtOnce && more);
}

function records(id, name, first, signal) {
  const w = words();
  const body = h('tbody');
  let next = null;
  const add = (page) => {
    for (const r of page.events) {
      const time = (at) => (at ? fullTime(Date.parse(at)) : '–');
      body.append(h('tr', {}, h('th', { scope: 'row' }, exact(r.position)), h('td', {}, r.type), h('td', {}, time(r.occurredAt)), h('td', {}, time(r.recordedAt)),
        h('td', {}, h('bdi', {}, content(r))), h('td', {}, r.topic === null ? '–' : `${r.topic}/${r.partition}@${r.offset}`)));
    }
    next = page.next;
    more.hidden = !next;
  };
  const trouble = h('p', { class: 'hint', role: 'status' });
  const more = h('button', { type: 'button', class: 'quiet', onclick: async () => {
    try {
      add(await patiently(evidencePath(id, name, next), { signal }));
    } catch {
      if (!signal.aborted) write(trouble, w.failed);
    }
  } }, w.more);
  add(first);
  return h('section', { class: 'records' }, h('h3', {}, w.records), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': w.records },
    h('table', {}, h('thead', {}, h('tr', {}, ...w.columns.map((c) => h('th', { scope: 'col' }, c)))), body)), more, trouble);
}

/** content is what a record says about the number. */
function content({ channel, figures, amounts, costs }) {
  const won = (n) => exact(n) + t().unit.won;
  const f = t().figures;
  const known = (all, name, text) => Object.entries(all ?? {}).filter(([, n]) => n !== null).map(([key, n]) => `${name(key)} ${text(n)}`);
  return [channel && channelName(channel), ...known(figures, (key) => t().own[key], exact), ...known(amounts, (key) => f[key === 'expectedSalesIncrease' ? 'salesIncrease' : key], won),
    ...(costs ?? []).map((c) => `${channelName(c.channel)} ${c.cost === null ? t().unknown : won(c.cost)}`)].filter(Boolean).join(' · ');
}

const words = () => ({
  ko: {
    close: '닫기', failed: '기록을 불러오지 못했습니다. 잠시 뒤 다시 열어 보세요.', onlyNow: '기록은 지금 화면에서 볼 수 있습니다.', byChannel: '채널별', byHour: '시간별', byDay: '날짜별', records: '기록', more: '더 보기',
    columns: ['위치', '종류', '일어난 때', '기록된 때', '내용', '출처'], costFormula: '총비용 ÷ 참여자. 실제로 쓴 비용을 실제 참여자로 나눈 값입니다.',
    breakEven: (n, is) => (is ? '신규 고객 없이도 기대 수익이 비용을 넘습니다.' : `신규 고객이 ${n}명이면 기대 수익이 비용과 같아집니다.`),
  },
  en: {
    close: 'Close', failed: 'The records could not be loaded. Open this again in a moment.', onlyNow: 'Records can be seen for now only.', byChannel: 'By channel', byHour: 'By hour', byDay: 'By day', records: 'Records', more: 'More',
    columns: ['Position', 'Type', 'Happened', 'Recorded', 'Content', 'Source'], costFormula: 'Total cost ÷ participants: what was spent, by those who did take part.',
    breakEven: (n, is) => (is ? 'Expected revenue is above the cost without any new customer.' : `With ${n} new customers the expected revenue equals the cost.`),
  },
})[lang() === 'en' ? 'en' : 'ko'];

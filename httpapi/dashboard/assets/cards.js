// The four numbers, how they have changed, and how they came about.

import { figure, h, label, write } from './dom.js';
import { channelName, exact, large, percent, signed, t } from './words.js';

const names = ['totalParticipants', 'totalExposure', 'roiPercent', 'salesGrowthPercent'];
const isPercent = (name) => name.endsWith('Percent');

const unit = (name) => (isPercent(name) ? '' : t().unit[name === 'totalParticipants' ? 'people' : 'times']);
const whole = (name, n) => (isPercent(name) ? percent(n) : exact(n) + unit(name));

/** cards is the row of four. */
export function cards() {
  const all = names.map(card);
  return {
    e: h('section', { class: 'cards', 'aria-label': t().cards.totalParticipants }, ...all.map((c) => c.e)),
    /** comparison is undefined while it is being read, null where there is none. */
    update(dashboard, comparison) {
      for (const c of all) c.update(dashboard, comparison);
    },
  };
}

function card(name) {
  const w = t();
  const number = figure();
  const change = h('span', { class: 'last' });
  const before = h('span', { class: 'before' });
  const list = h('dl');
  const sum = h('p', { class: 'sum' });
  const how = h('details', { class: 'how' },
    h('summary', {}, h('span', { 'aria-hidden': 'true' }, w.how), h('span', { class: 'unseen' }, w.howSaid(w.cards[name]))),
    h('p', {}, w.formula[name]), list, sum);
  const e = h('article', { class: 'card', 'data-card': name }, h('h2', {}, w.cards[name]),
    h('p', { class: 'number' }, number.e, h('span', { class: 'unit', 'aria-hidden': 'true' })), h('p', { class: 'change' }, change, before), how);
  const unitOf = e.querySelector('.unit');
  return {
    e,
    update(dashboard, comparison) {
      const value = dashboard.summary[name];
      if (value === null) number.set(w.noValue, w.notComputable);
      else number.set(isPercent(name) ? percent(value) : large(value), whole(name, value));
      write(unitOf, value === null ? '' : unit(name));
      showChange(change, before, name, value, comparison);
      explain(list, sum, name, dashboard);
    },
  };
}

function showChange(e, earlier, name, value, comparison) {
  const w = t();
  const text = (n) => (isPercent(name) ? percent(n).replace('%', w.points) : large(n) + unit(name));
  const between = (later, first) => (later === null || first === null ? null : Math.round((later - first) * 100) / 100);
  const said = (n) => (n === 0 ? w.noChange : signed(n, text));
  const last = comparison ? between(value, comparison.then[name]) : null;
  label(e, 'data-change', last > 0 ? 'up' : last < 0 ? 'down' : null);
  if (comparison === undefined) write(e, w.comparing);
  else write(e, last === null ? w.noPeriod : `${w.periods[comparison.period]} ${said(last)}`);
  const before = last !== null && comparison.before ? between(comparison.then[name], comparison.before[name]) : null;
  write(earlier, before === null ? '' : w.before(said(before)));
}

/** explain lists the figures that a number is made of. */
function explain(list, sum, name, { summary, economics: m, channels }) {
  const w = t();
  const f = w.figures;
  const won = (n) => (n === null ? w.unknown : exact(n) + w.unit.won);
  const figures = {
    totalParticipants: () => [[f.participants, whole(name, summary.totalParticipants)], [f.newCustomers, exact(m.newCustomers) + w.unit.people]],
    totalExposure: () => channels.map((c) => [f.exposureOf(channelName(c.channel)), c.exposure === null ? w.unknown : exact(c.exposure)]),
    roiPercent: () => [
      [f.prizeCost, won(m.prizeCost)], [f.platformCost, won(m.platformCost)], [f.distributionCost, won(m.distributionCost)], [f.totalCost, won(m.totalCost)],
      [f.salesIncrease, won(m.salesIncrease)], [f.newCustomers, exact(m.newCustomers) + w.unit.people], [f.newCustomerLtv, won(m.newCustomerLtv)],
      [f.expectedRevenue, won(m.expectedRevenue)],
    ],
    salesGrowthPercent: () => [[f.salesIncrease, won(m.salesIncrease)], [f.baselineSales, won(m.baselineSales)]],
  }[name]();
  const result = {
    totalParticipants: () => '',
    totalExposure: () => `${f.sum} = ${exact(summary.totalExposure)}`,
    roiPercent: () => `(${exact(m.expectedRevenue)} − ${exact(m.totalCost)}) ÷ ${exact(m.totalCost)} × 100 = ${percent(summary.roiPercent)}`,
    salesGrowthPercent: () => `${exact(m.salesIncrease)} ÷ ${exact(m.baselineSales)} × 100 = ${percent(summary.salesGrowthPercent)}`,
  }[name];
  while (list.children.length > 2 * figures.length) list.lastChild.remove();
  figures.forEach(([term, value], i) => {
    if (!list.children[2 * i]) list.append(h('dt'), h('dd'));
    write(list.children[2 * i], term);
    write(list.children[2 * i + 1], value);
  });
  write(sum, summary[name] === null ? w.notComputable : result());
}

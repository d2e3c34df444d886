// The four numbers, and beside them what one participant has cost.

import { figure, h, label, write } from './dom.js';
import { exact, large, percent, t } from './words.js';

const names = ['totalParticipants', 'totalExposure', 'roiPercent', 'salesGrowthPercent', 'costPerParticipant'];
const promised = new Set(['roiPercent', 'salesGrowthPercent']); // they rest on what the owner expects
const isPercent = (name) => name.endsWith('Percent');

/** cardName is what a card is called, and whole its number with nothing left out. */
export const cardName = (name) => (name === 'costPerParticipant' ? t().event.cost : t().cards[name]);
export const unitOf = (name) => (isPercent(name) ? '' : t().unit[{ totalParticipants: 'people', totalExposure: 'times', costPerParticipant: 'won' }[name]]);
export const whole = (name, n) => (isPercent(name) ? percent(n) : exact(n) + unitOf(name));

/** reason says in words why a number is not there. */
export function reason(name, { state, summary: { missing, totalParticipants } }) {
  const w = t().event.missing;
  if (name === 'totalExposure') return state === 'planned' ? w.start : w.exposure;
  if (name !== 'salesGrowthPercent' && state === 'planned') return w.start;
  const inputs = {
    roiPercent: ['prizeCost', 'platformCost', ...(missing.includes('newCustomerLtv') ? ['expectedSalesIncrease'] : [])],
    salesGrowthPercent: ['baselineSales', 'expectedSalesIncrease'], costPerParticipant: ['prizeCost', 'platformCost', 'distributionCost'],
  }[name];
  const first = [...inputs, 'amounts'].find((input) => missing.includes(input));
  if (first) return w[first];
  if (name === 'salesGrowthPercent') return w.noBaseline;
  return totalParticipants === 0 ? w.participants : w.costs;
}

/** cards is the row. why(name) shows how a number came about. */
export function cards(why) {
  const w = t().event;
  const all = names.map((name) => card(name, why));
  const e = h('section', { class: 'cards', 'aria-label': w.numbers }, ...all.map((c) => c.e));
  return {
    e,
    update(dashboard) {
      label(e, 'aria-label', dashboard.state === 'ended' ? w.finalNumbers : w.numbers);
      for (const c of all) c.update(dashboard);
    },
  };
}

function card(name, why) {
  const w = t().event;
  const number = figure();
  const unit = h('span', { class: 'unit', 'aria-hidden': 'true' });
  const note = h('p', { class: 'note' });
  const e = h('article', { class: 'card', 'data-card': name },
    h('h2', {}, cardName(name), promised.has(name) && h('span', { class: 'tag' }, w.expected)),
    h('p', { class: 'number' }, number.e, unit), note,
    h('button', { type: 'button', class: 'why', 'aria-haspopup': 'dialog', onclick: () => why(name) }, h('span', { 'aria-hidden': 'true' }, w.why), h('span', { class: 'unseen' }, w.whyOf(cardName(name)))));
  return {
    e,
    update(dashboard) {
      const value = dashboard.summary[name];
      const { missing } = dashboard.summary;
      label(e, 'data-unknown', value === null ? '' : null);
      if (value === null) number.set(t().noValue, t().unknown);
      else number.set(isPercent(name) ? percent(value) : large(value), whole(name, value));
      label(e, 'data-long', value !== null && large(value).length > 8 ? '' : null);
      write(unit, value === null ? '' : unitOf(name));
      const left = name === 'totalExposure' && missing.includes('exposure') ? w.withoutUnknown : name === 'roiPercent' && missing.includes('distributionCost') ? w.distributionUnknown : '';
      write(note, value === null ? reason(name, dashboard) : !isPercent(name) && Math.abs(value) >= 1e8 ? w.exactly(whole(name, value)) : left);
      note.hidden = note.textContent === '';
    },
  };
}

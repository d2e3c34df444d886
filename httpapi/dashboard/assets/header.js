// What an owner reads first: which campaign it is, where it stands, and one sentence.

import { h, label, rows, write } from './dom.js';
import { lang, period, standing, t, titleOf } from './words.js';

/** header is the top of a campaign. beside is what stands in the line of its state. */
export function header(back, beside) {
  const w = t().event;
  const title = h('bdi'), objective = h('bdi');
  const chip = h('span', { class: 'chip' });
  const when = h('span', { class: 'when' });
  const sentence = h('p', { class: 'sentence', 'aria-live': 'polite' }, h('bdi'));
  const list = h('ul');
  const keep = rows(list, () => { const e = h('li', {}, h('bdi')); return { e, update: ([, text]) => write(e.firstChild, text) }; });
  const why = h('details', { class: 'reasons' }, h('summary', {}, w.reasons), list);
  const today = h('section', { class: 'today', 'aria-label': w.today }, sentence, why);
  return {
    e: h('header', { class: 'title' }, back, h('h1', {}, title), h('p', { class: 'objective' }, objective),
      h('div', { class: 'bar' }, chip, when, ...beside), today),
    title,
    update(d, at) {
      write(title, titleOf(d));
      write(objective, d.objective ?? '');
      objective.parentElement.hidden = !d.objective;
      write(chip, standing(d, at));
      label(chip, 'data-state', d.state);
      write(when, period(d, at));
      const own = lang() === 'en' ? 'en' : 'ko';
      today.hidden = !d.digest;
      if (!d.digest) return;
      write(sentence.firstChild, d.digest[own].replace(/\)(?=\p{L})/gu, ')\u2060')); // a particle stays with its word
      keep(d.digest.reasons.map((r, i) => [i, r[own]]), ([i]) => i);
      why.hidden = d.digest.reasons.length === 0;
    },
  };
}

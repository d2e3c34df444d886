// The participants, counted by each property, the unknown ones included.

import { figure, h, label, rows, write } from './dom.js';
import { exact, percent, short, t, valueName } from './words.js';

const dimensions = ['gender', 'ageGroup', 'customer', 'region'];
// Values that are there from the beginning, so that nothing moves when the first comes.
const expected = {
  gender: ['female', 'male', 'unknown'], ageGroup: ['10s', '20s', '30s', '40s', '50s', '60s', 'unknown'], customer: ['new', 'returning', 'unknown'], region: [],
};
const atOnce = 7; // values of a dimension, before the reader asks for all

/** profile is the panel. */
export function profile() {
  const w = t();
  const groups = dimensions.map(group);
  return {
    e: h('section', { class: 'panel', 'aria-labelledby': 'profile' }, h('h2', { id: 'profile' }, w.profile), h('div', { class: 'groups' }, ...groups.map((g) => g.e))),
    update(dashboard) {
      for (const g of groups) g.update(dashboard.profile);
    },
  };
}

/** ordered puts ages by age, others by how many they are, and the unknown last. */
export function ordered(dimension, counts) {
  const by = dimension === 'ageGroup' ? ([a], [b]) => a.localeCompare(b, 'en', { numeric: true }) : ([a, n], [b, m]) => m - n || a.localeCompare(b, 'ko');
  return Object.entries(counts).sort(([a, n], [b, m]) => (a === 'unknown') - (b === 'unknown') || by([a, n], [b, m]));
}

function group(dimension) {
  const w = t();
  let all = false;
  let counts = {};
  const list = h('ul', { class: 'bars' });
  const empty = h('p', { class: 'hint' }, w.profileEmpty);
  const more = h('button', { type: 'button', class: 'quiet', onclick: () => { all = !all; show(); } });
  const keep = rows(list, ([value]) => bar(dimension, value));
  const show = () => {
    const values = ordered(dimension, counts);
    const sum = values.reduce((s, [, n]) => s + n, 0);
    const hidden = all ? 0 : Math.max(0, values.length - atOnce - 1); // a button for one is longer than the one
    // The unknown is last, and is never among the hidden.
    const shown = hidden > 0 ? [...values.slice(0, atOnce - 1), values.at(-1)] : values;
    keep(shown.map(([value, n]) => [value, n, sum]), ([value]) => value);
    empty.hidden = values.length > 0;
    more.hidden = values.length <= atOnce + 1;
    write(more, all ? w.fewer : w.moreValues(values.length - shown.length));
    label(more, 'aria-expanded', String(all));
  };
  return {
    e: h('section', { class: 'group', 'data-dimension': dimension }, h('h3', {}, w.dimension[dimension]), empty, list, more),
    update(profiles) {
      counts = { ...Object.fromEntries(expected[dimension].map((value) => [value, 0])), ...profiles[dimension] };
      show();
    },
  };
}

function bar(dimension, value) {
  const number = figure();
  const share = h('span', { class: 'share' });
  const fill = h('span', { class: 'fill' });
  return {
    e: h('li', { 'data-value': value }, h('bdi', { class: 'name' }, valueName(dimension, value)), h('span', { class: 'bar', 'aria-hidden': 'true' }, fill), number.e, share),
    update([, n, sum]) {
      const part = sum > 0 ? n / sum : 0;
      number.set(short(n), exact(n));
      write(share, percent(Math.round(part * 1000) / 10));
      const width = `${(part * 100).toFixed(2)}%`;
      if (fill.style.width !== width) fill.style.width = width;
    },
  };
}

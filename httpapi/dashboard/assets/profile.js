// The participants, counted by each property, the unknown ones included.

import { figure, h, label, rows, svg, write } from './dom.js';
import { exact, percent, t, valueName } from './words.js';

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

const last = (value) => ['other', 'unknown'].indexOf(value);

/** ordered puts ages by age, others by how many they are, and what is other or unknown last.
 * Two spellings of an age are one. */
export function ordered(dimension, counts) {
  const by = dimension === 'ageGroup' ? ([a], [b]) => a.localeCompare(b, 'en', { numeric: true }) : ([a, n], [b, m]) => m - n || a.localeCompare(b, 'ko');
  const joined = new Map();
  for (const [value, n] of Object.entries(counts)) {
    const age = dimension === 'ageGroup' && /^(\d{1,3})\s*(?:s|대)$/.exec(value.trim());
    const key = age ? `${Number(age[1])}s` : value;
    joined.set(key, (joined.get(key) ?? 0) + n);
  }
  return [...joined].sort(([a, n], [b, m]) => last(a) - last(b) || by([a, n], [b, m]));
}

/** largest keeps so many values, in their order: none that is left out is larger than one
 * that is kept, except those that are last. */
export function largest(values, most) {
  const kept = values.filter(([value]) => last(value) < 0).sort(([, n], [, m]) => m - n).slice(0, most - values.filter(([value]) => last(value) >= 0).length);
  return values.filter((v) => last(v[0]) >= 0 || kept.includes(v));
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
    const shown = all || values.length <= atOnce + 1 ? values : largest(values, atOnce); // a button for one is longer than the one
    keep(shown.map(([value, n]) => [value, n, sum]), ([value]) => value);
    empty.hidden = values.length > 0;
    more.hidden = values.length <= atOnce + 1;
    write(more, all ? w.fewer : w.event.moreGroups(values.length - shown.length, exact(sum - shown.reduce((s, [, n]) => s + n, 0))));
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
  const fill = svg('rect', { height: '100%' });
  return {
    e: h('li', { 'data-value': value }, h('bdi', { class: 'name' }, valueName(dimension, value)), h('span', { class: 'meter', 'aria-hidden': 'true' }, svg('svg', { focusable: 'false' }, fill)), number.e, share),
    update([, n, sum]) {
      const part = sum > 0 ? n / sum : 0;
      number.set(exact(n));
      write(share, percent(Math.round(part * 1000) / 10));
      label(fill, 'width', `${(part * 100).toFixed(2)}%`);
    },
  };
}

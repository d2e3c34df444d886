// At which hours of which weekdays people take part: a square for each of the 168.

import { h, label, svg, write } from './dom.js';
import { exact, t } from './words.js';

const steps = 5; // shades that can be told apart

/** heat is the map, with the best hour in words. */
export function heat() {
  const w = t().event;
  let counts = null, chosen = null;
  const picture = svg('svg', { 'aria-hidden': 'true', focusable: 'false', viewBox: '0 0 268 101' });
  const cells = new Map();
  w.weekdays.forEach((name, d) => {
    picture.append(svg('text', { x: 22, y: d * 13 + 9.2, 'text-anchor': 'end' }, name));
    for (let hour = 0; hour < 24; hour++) {
      const cell = svg('rect', { x: 27 + hour * 10, y: d * 13, width: 9.2, height: 12.2, rx: 1.4 });
      cells.set(d * 24 + hour, cell);
      picture.append(cell);
    }
  });
  for (const hour of [0, 6, 12, 18]) picture.append(svg('text', { x: 31.6 + hour * 10, y: 99.5, 'text-anchor': 'middle' }, w.hour(hour)));
  const map = h('div', { class: 'map', role: 'slider', tabindex: 0, 'aria-label': w.heat, 'aria-valuemin': 0, 'aria-valuemax': 167 }, picture);
  const readout = h('p', { class: 'readout', role: 'status' });
  const body = h('tbody');
  const table = h('details', { class: 'table', ontoggle: () => fill() }, h('summary', {}, t().asTable),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${w.heat}: ${t().asTable}` },
      h('table', { class: 'hours' }, h('caption', { class: 'unseen' }, w.heat), h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, w.hourOfDay), ...w.weekdays.map((d) => h('th', { scope: 'col' }, d)))), body)));
  const e = h('section', { class: 'heat', 'aria-labelledby': 'heat' }, h('h3', { id: 'heat' }, w.heat), readout, map, table);
  let best = '';

  function choose(i) {
    if (chosen !== null) label(cells.get(chosen), 'data-chosen', null);
    chosen = i;
    if (chosen !== null) label(cells.get(chosen), 'data-chosen', '');
    tell();
  }
  function tell() {
    if (!counts) return;
    const text = chosen === null ? best : w.cell(w.weekdays[Math.floor(chosen / 24)], chosen % 24, exact(counts[Math.floor(chosen / 24)][chosen % 24]));
    write(readout, text);
    label(map, 'aria-valuenow', String(chosen ?? 0));
    label(map, 'aria-valuetext', text);
  }
  function under(event) {
    const r = picture.getBoundingClientRect();
    const hour = Math.floor(((event.clientX - r.left) / r.width * 268 - 27) / 10), d = Math.floor((event.clientY - r.top) / r.height * 101 / 13);
    return hour >= 0 && hour < 24 && d >= 0 && d < 7 ? d * 24 + hour : null;
  }
  map.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -24, ArrowDown: 24 }[event.key];
    if (event.key === 'Escape') choose(null);
    else if (!by) return;
    else choose(chosen === null ? 0 : (chosen + by + 168) % 168);
    event.preventDefault();
  });
  map.addEventListener('pointerdown', (event) => choose(under(event)));
  map.addEventListener('pointermove', (event) => { if (event.pointerType === 'mouse' || event.buttons > 0) choose(under(event)); });
  map.addEventListener('pointerleave', (event) => { if (event.pointerType === 'mouse') choose(null); });

  // Its texts are as large on a telephone as on a desk, though the map is not.
  const resized = new ResizeObserver(() => { picture.style.fontSize = `${Math.min(10, Number.parseFloat(getComputedStyle(map).fontSize) * 268 / Math.max(1, map.clientWidth))}px`; });
  resized.observe(map);

  function fill() {
    if (table.open && counts) body.replaceChildren(...Array.from({ length: 24 }, (_, hour) => h('tr', {}, h('th', { scope: 'row' }, w.hour(hour)), ...counts.map((row) => h('td', {}, exact(row[hour]))))));
  }
  return {
    e,
    update(dashboard) {
      counts = dashboard.heat ?? null;
      e.hidden = !counts;
      if (!counts) return;
      const most = Math.max(1, ...counts.flat());
      counts.forEach((row, d) => row.forEach((n, hour) => label(cells.get(d * 24 + hour), 'data-step', String(Math.ceil(n / most * steps)))));
      const at = counts.flat().indexOf(most);
      const hour = dashboard.best?.hourOfDay;
      best = [hour && w.bestHour(hour.hour, exact(hour.participants)), at >= 0 && w.bestCell(w.weekdaysLong[Math.floor(at / 24)], at % 24, exact(most))].filter(Boolean).join(' ');
      tell();
      fill();
    },
    stop: () => resized.disconnect(),
  };
}

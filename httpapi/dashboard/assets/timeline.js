// The slider that shows a campaign as it was known at an earlier moment.

import { pause } from './api.js';
import { h, label, write } from './dom.js';
import { dayAndHour, local, parseLocal, t } from './words.js';

const minute = 60_000;
const settle = 250; // ms after the last move of the slider

/** stepOf is how far apart the slider's moments are, so that they can be told apart. */
export const stepOf = (span) => (span <= 180 * minute ? minute : span <= 3 * 1440 * minute ? 10 * minute : 60 * minute);

/** timeline calls go with a moment in milliseconds, or null for now. */
export function timeline(go) {
  const w = t();
  let begin = 0, end = 0, moving = null;
  const slider = h('input', { type: 'range', id: 'moment', min: 0, max: 1, step: 1, oninput: () => move(), onchange: () => move() });
  const shown = h('output', { for: 'moment' });
  const exact = h('input', { type: 'datetime-local', id: 'exact', onchange: () => { if (exact.value) go(Math.max(0, parseLocal(exact.value))); } });
  const back = h('button', { type: 'button', class: 'primary', onclick: () => go(null) }, w.upToNow);

  const e = h('details', { class: 'timeline' }, h('summary', {}, w.timeline), h('div', { class: 'controls' }, h('label', { for: 'moment', class: 'unseen' }, w.timelineSaid), slider, shown,
    h('label', { for: 'exact', class: 'unseen' }, w.exactTime), exact, back));

  const at = () => (Number(slider.value) >= Number(slider.max) ? null : begin + Number(slider.value) * stepOf(end - begin));
  const say = (ms) => {
    const text = ms === null ? w.timelineNow : dayAndHour(ms, end);
    write(shown, text);
    label(slider, 'aria-valuetext', text);
  };
  async function move() {
    say(at());
    moving?.abort();
    const mine = moving = new AbortController();
    await pause(settle, mine.signal);
    if (mine.signal.aborted) return;
    moving = null;
    go(at());
  }
  return {
    e,
    /** update says from when on the campaign is known, what time it is, and which
     * moment is shown, null for now. While the slider is being moved it stays. */
    update(from, now, moment) {
      if (moving) return;
      [begin, end] = [Math.floor(from / minute) * minute, now];
      const step = stepOf(end - begin);
      const last = Math.max(1, Math.ceil((end - begin) / step));
      slider.max = last;
      slider.value = moment === null ? last : Math.min(last, Math.max(0, Math.round((moment - begin) / step)));
      say(moment);
      label(exact, 'max', local(now));
      if (document.activeElement !== exact) exact.value = local(moment ?? now);
      back.hidden = moment === null;
      if (moment !== null) e.open = true;
    },
    stop: () => moving?.abort(),
  };
}

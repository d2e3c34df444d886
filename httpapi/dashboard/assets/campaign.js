// One campaign: its numbers as they are now, live, or as they were at some moment.

import { Failure, analyticsPath, now, patiently, pause } from './api.js';
import { cards } from './cards.js';
import { h, label, write } from './dom.js';
import { header } from './header.js';
import { follow } from './live.js';
import { isOld, pill } from './pill.js';
import { comparison, goal } from './progress.js';
import { failed, state } from './states.js';
import { period, t, titleOf, withAsOf } from './words.js';

/** campaign shows one until the signal aborts: as it was at a moment, or is now (null). */
export function campaign(main, id, asOf, signal) {
  const w = t();
  let dashboard = null, mode = null, link = { kind: 'connecting', heard: now() }, failing = null;
  let of = null; // the moment that the dashboard is of, null for now
  let unknown = -Infinity; // the latest moment at which nothing was known yet
  const from = () => Math.max(begun(dashboard, now()), unknown);
  const load = async (interval, begin, end, until) => patiently(analyticsPath(id, mode.at, { interval, from: new Date(begin).toISOString(), to: new Date(end).toISOString() }), { signal: until });
  const panels = { cards: cards(why), comparison: comparison(), goal: goal() };
  let line = null;
  const back = h('a', { class: 'back', href: '#/' }, `← ${w.back}`);
  const status = pill(() => enter(mode.at));
  const said = h('p', { class: 'toast', role: 'status' });
  const action = (name, onclick) => h('button', { type: 'button', class: 'quiet', onclick }, name);
  const head = header(back, status.e);
  const actions = h('div', { class: 'actions' }, action(w.copy, copy),
    action(w.csv, sheet), action(w.print, () => print()));
  const page = h('div', { class: 'page campaign' }, head.e, said,
    h('div', { class: 'figures' }, panels.cards.e, panels.comparison.e, panels.goal.e), actions);

  function show() {
    const at = mode.at ?? now();
    if (!page.isConnected) main.replaceChildren(page);
    document.title = `${titleOf(dashboard)} · ${w.app}`;
    label(back, 'href', dashboard.storeId ? `#/stores/${encodeURIComponent(dashboard.storeId)}` : '#/');
    label(page, 'data-state', dashboard.state);
    label(page, 'data-period', period(dashboard, at));
    head.update(dashboard, at);
    panels.cards.update(dashboard);
    panels.comparison.update(dashboard);
    panels.goal.update(dashboard);
    besides(at).catch(unpainted);
    if (line) showRest(at);
    tell();
  }
  function showRest(at) {
    panels.trend.update(dashboard, at, mode.at);
    panels.channels.update(dashboard, at);
    panels.profile.update(dashboard);
    const none = dashboard.summary.totalParticipants === 0;
    panels.trend.e.hidden = panels.profile.e.hidden = none;
    panels.channels.e.hidden = none && dashboard.channels.length === 0;
    line.update(from(), now(), mode.at);
  }
  /** rest adds what is below the numbers, which does not keep them waiting. */
  async function rest() {
    const below = await import('./below.js');
    if (signal.aborted) return;
    Object.assign(panels, { trend: below.trend(load), channels: below.channels(), profile: below.profile() });
    line = below.timeline((at) => go(at));
    actions.before(panels.trend.e, panels.channels.e, panels.profile.e);
    if (asOf === null) page.append(line.e);
    else head.e.after(line.e);
    if (dashboard) show();
  }
  /** unpainted says that something could not be drawn, and that nothing is live therefore. */
  function unpainted(e) {
    if (signal.aborted || mode.end.signal.aborted) return;
    console.error(e);
    mode.end.abort();
    const failure = new Failure('unpainted', 0);
    if (!page.isConnected) fail(failure);
    linkIs({ kind: 'unpainted', heard: now(), failure });
  }

  /** besides shows what only a campaign that has ended, or has not started, has. */
  async function besides(at) {
    const kind = dashboard.state === 'ended' ? 'closing' : dashboard.summary.totalParticipants === 0 ? 'coming' : null;
    for (const name of ['closing', 'coming']) if (panels[name]) panels[name].e.hidden = name !== kind;
    if (!kind) return;
    if (!panels[kind]) {
      const module = await (kind === 'closing' ? import('./closing.js') : import('./coming.js'));
      if (signal.aborted) return;
      if (!panels[kind]) {
        panels[kind] = module[kind](signal);
        page.querySelector('.figures').after(panels[kind].e);
      }
    }
    panels[kind].update(dashboard, at);
  }

  /** why shows how a number came about. */
  async function why(name) {
    const { evidence } = await import('./evidence.js');
    if (dashboard && !signal.aborted) await evidence(id, name, dashboard, of !== null, signal);
  }

  /** tell says whether what is shown is live. */
  function tell() {
    status.update(link, dashboard, mode.at);
    label(page, 'data-link', link.kind);
    label(page, 'data-old', isOld(link) ? '' : null);
    // Numbers of another moment are not shown for those of this one, but while these are read.
    label(page, 'data-other', of !== mode.at && link.kind !== 'connecting' && link.kind !== 'reading' ? '' : null);
  }
  const linkIs = (l) => {
    link = l;
    if (page.isConnected) tell();
  };

  /** go shows another moment, or now (null). */
  function go(at) {
    line?.stop();
    if (at !== null && at >= now()) at = null;
    history.replaceState(null, '', withAsOf(id, at));
    enter(at);
  }
  function enter(at) {
    mode?.end.abort();
    const end = new AbortController();
    mode = { at, end };
    write(said, '');
    if (at === null) live(end.signal);
    else past(at, end.signal);
  }
  async function live(until) {
    await follow(id, until, {
      shown(d) {
        const before = [dashboard, of];
        try {
          [dashboard, of] = [d, null];
          show();
        } catch (e) {
          [dashboard, of] = before;
          throw e;
        }
      },
      state(s) {
        // Without a right to the numbers they go; where only the login has ended, they stay.
        const gone = s.kind === 'ended' && (s.failure.kind !== 'login' || !dashboard);
        if (gone || s.failure && (!dashboard || s.failure.kind === 'rebuilding')) fail(s.failure);
        linkIs(s);
      },
    });
  }
  async function past(at, until) {
    for (let wait = 500; !until.aborted; wait = Math.min(wait * 2, 3_000)) {
      linkIs({ kind: 'reading', heard: now() });
      try {
        dashboard = await patiently(analyticsPath(id, at), { signal: until });
        of = at;
        linkIs({ kind: 'past', heard: now() });
        show();
        return;
      } catch (e) {
        if (until.aborted) return;
        if (!(e instanceof Failure)) return void unpainted(e);
        const failure = e;
        if (failure.kind === 'missing') return void unknownThen(at);
        if (failure.kind === 'refused') return void go(null); // by the server's clock it has not come yet
        if (!dashboard) fail(failure);
        if (failure.kind === 'login') return void linkIs({ kind: 'ended', heard: now(), failure });
        linkIs({ kind: 'waiting', heard: link.heard, until: now() + wait, failure });
        await pause(wait, until);
      }
    }
  }
  /** unknownThen: there is no such campaign, or there was none yet at that moment. */
  function unknownThen(at) {
    if (!dashboard) return void main.replaceChildren(state('unknown-then', w.missingCampaign, w.notKnownThen, h('button', { type: 'button', class: 'primary', onclick: () => go(null) }, w.upToNow)));
    unknown = Math.max(unknown, at);
    linkIs({ kind: 'past', heard: now() });
    line?.update(from(), now(), at);
    write(said, w.notKnownThen);
  }
  /** fail shows why there are no numbers, once for each reason: a reader may be about to
   * press its button. */
  function fail(failure) {
    if (!failing?.isConnected || failing.dataset.state !== failure.kind) main.replaceChildren(failing = failed(failure, 'campaign', () => enter(mode.at)));
  }
  async function sheet() {
    const { files } = await import('./files.js');
    if (dashboard && !signal.aborted) files(id, () => ({ dashboard, moment: of }), signal);
  }
  async function copy() {
    let done = true;
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      done = false;
    }
    write(said, done ? w.copied : w.notCopied);
    await pause(4_000, signal);
    write(said, '');
  }

  const ticking = setInterval(() => {
    if (!page.isConnected || !dashboard) return;
    tell();
    if (line && mode.at === null) {
      panels.channels.tick(now());
      line.update(from(), now(), null);
    }
  }, 1_000);
  signal.addEventListener('abort', () => {
    clearInterval(ticking);
    line?.stop();
    mode.end.abort();
    panels.trend?.stop();
  });
  document.title = w.app;
  main.replaceChildren(skeleton());
  go(asOf);
  rest().catch(unpainted);
}

/** begun is the earliest moment, in milliseconds, that a dashboard knows of. */
function begun(dashboard, at) {
  const moments = [
    dashboard.startsAt, dashboard.trend[0]?.from, ...dashboard.channels.flatMap((c) => [c.distributedAt, c.fetchedAt]),
  ].map((s) => (s ? Date.parse(s) : NaN)).filter((ms) => ms <= at);
  return moments.length > 0 ? Math.min(...moments) : at;
}

const skeleton = () => h('div', { class: 'page campaign loading', 'aria-busy': 'true' }, h('h1', { class: 'unseen' }, t().loading),
  h('div', { class: 'bone wide' }), h('div', { class: 'bone' }), h('div', { class: 'cards bones' }, ...Array.from({ length: 4 }, () => h('div', { class: 'bone card' }))),
  h('div', { class: 'bone tall' }), h('div', { class: 'bone tall' }));

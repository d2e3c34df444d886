// Which page is shown, and what is the same on all of them.

import { hasToken, now, ownShops, renew, setToken } from './api.js';
import { h, label, remembered, write } from './dom.js';
import { crashed, nowhere, start } from './states.js';
import { asOfIn, fullTime, lang, setLang, t } from './words.js';

const main = document.getElementById('main');
const theme = remembered(() => localStorage, 'jangbu.theme');
const lastShop = remembered(() => localStorage, 'jangbu.shop');
let shown = null;

/** route shows the page that the address names, after "#". Browsers do not send that part,
 * so it may have a token, which is removed at once. */
function route() {
  const [path, search = ''] = location.hash.replace(/^#/, '').split('?', 2);
  const query = new URLSearchParams(search);
  if (query.has('token')) {
    setToken(query.get('token'));
    query.delete('token');
    history.replaceState(null, '', `#${path}${query.size > 0 ? `?${query}` : ''}`);
  }
  shown?.abort();
  shown = new AbortController();
  tools();
  const { signal } = shown;
  go(path.split('/').map(decoded), query, signal).catch((e) => crash(e, signal));
}

async function go([, kind = '', id, ...rest], query, signal) {
  if (kind === '' && id === undefined) return void home(signal);
  if (kind === 'stores' && id && rest.length === 0) {
    lastShop.set(id);
    const { list } = await import('./list.js');
    if (!signal.aborted) list(main, id, query, signal);
  } else if (kind === 'events' && id && rest.length === 0) {
    const { campaign } = await import('./campaign.js');
    if (!signal.aborted) campaign(main, id, asOfIn(query), signal);
  } else if (kind === 'compare' && id === undefined) {
    const { compare } = await import('./compare.js');
    if (!signal.aborted) compare(main, query, signal);
  } else main.replaceChildren(nowhere());
}

/** home is the reader's own shop, or the one that was seen last in this browser. */
async function home(signal) {
  if (ownShops().length === 0 && !lastShop.get()) await renew();
  if (signal.aborted) return;
  const shop = ownShops()[0] ?? lastShop.get();
  if (shop) return void location.replace(`#/stores/${encodeURIComponent(shop)}`);
  document.title = t().app;
  main.replaceChildren(start());
}

/** crash says that a page could not be drawn. */
function crash(e, signal) {
  if (signal.aborted) return;
  console.error(e);
  main.replaceChildren(crashed(route));
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return ''; // not well formed: there is nothing
  }
}

/** tools are the switches at the top. */
function tools() {
  const w = t();
  const held = document.activeElement?.id;
  write(document.getElementById('skip'), w.skip);
  write(document.querySelector('#brand span'), w.app);
  const shops = ownShops();
  const listed = (s) => location.hash.split('?')[0] === `#/stores/${encodeURIComponent(s)}`;
  const choose = (e) => { location.hash = `#/stores/${encodeURIComponent(e.target.value)}`; };
  const current = theme.get() ?? 'auto';
  const others = { auto: 'light', light: 'dark', dark: 'auto' };
  const e = document.getElementById('tools');
  e.replaceChildren(...[
    shops.length > 1 && h('select', { id: 'shop', 'aria-label': w.shop, onchange: choose },
      !shops.some(listed) && h('option', { value: '', selected: true, disabled: true, hidden: true }, w.shop), ...shops.map((s) => h('option', { value: s, selected: listed(s) }, s))),
    h('button', { type: 'button', id: 'theme', class: 'quiet', onclick: () => setTheme(others[current] ?? 'auto') }, w.theme[current] ?? w.theme.auto),
    h('button', { type: 'button', id: 'language', class: 'quiet', lang: w.other, onclick: () => { setLang(w.other); route(); } }, w.otherLanguage),
    hasToken() && h('button', { type: 'button', id: 'out', class: 'quiet', onclick: signOut }, w.signOut),
  ].filter(Boolean));
  if (held) document.getElementById(held)?.focus();
}

function signOut() {
  setToken(null);
  lastShop.set(null);
  location.hash = '#/';
  route();
}

function setTheme(value) {
  theme.set(value === 'auto' ? null : value);
  label(document.documentElement, 'data-theme', value === 'auto' ? null : value);
  document.dispatchEvent(new Event('jangbu:theme'));
  tools();
}

// Paper says what it is of, and when it was printed.
const paper = h('footer', { class: 'paper' });
document.body.append(paper);
addEventListener('beforeprint', () => {
  const of = main.querySelector('[data-period]')?.dataset.period;
  const address = location.hash.split('/').map(decoded).join('/');
  write(paper, [document.title, of, t().printed(fullTime(now())), location.origin + location.pathname + address].filter(Boolean).join(' · '));
});

document.getElementById('skip').addEventListener('click', (e) => {
  e.preventDefault(); // the address names the page, not a place on it
  main.focus();
});
document.documentElement.lang = lang();
addEventListener('hashchange', () => {
  route();
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
});
route();

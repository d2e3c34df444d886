// Runs before anything is drawn: sets the theme, so that no page flashes in the other one,
// asks for the first numbers while the modules are still on their way (api.js takes the
// answer), and for those modules that this page needs, which would else wait for each other.
(() => {
  const kept = (storage, key) => {
    try {
      return storage().getItem(key);
    } catch {
      return null; // storage is forbidden: the defaults
    }
  };
  const theme = kept(() => localStorage, 'jangbu.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  if (kept(() => localStorage, 'jangbu.language') === 'en') document.documentElement.lang = 'en';

  const [page, search = ''] = location.hash.slice(1).split('?', 2);
  const query = new URLSearchParams(search);
  const token = query.get('token') || kept(() => sessionStorage, 'jangbu.token');
  const [, campaign] = /^\/events\/([^/]+)$/.exec(page) ?? [];
  const [, shop] = /^\/stores\/([^/]+)$/.exec(page) ?? [];
  if (!query.has('asOf') && (campaign || shop)) {
    const path = campaign ? `api/events/${campaign}/analytics?tz=Asia%2FSeoul` : `api/stores/${shop}/events?tz=Asia%2FSeoul&limit=200`;
    const answer = fetch(path, { cache: 'no-cache', credentials: 'same-origin', headers: token ? { Authorization: `Bearer ${token}` } : {} });
    answer.catch(() => {}); // the one who takes it sees why
    window.jangbuFirst = { path, token, answer };
  }

  const files = document.currentScript.src.replace(/[^/]*$/, '');
  const preload = (names, fetchPriority) => {
    for (const name of names) document.head.append(Object.assign(document.createElement('link'), { rel: 'modulepreload', href: `${files}${name}.js`, fetchPriority }));
  };
  if (campaign) {
    preload(['campaign', 'cards', 'header', 'progress', 'live', 'pill', 'stream'], 'high');
    preload(['below', 'trend', 'chart', 'heat', 'channels', 'profile', 'timeline'], 'low');
  } else if (shop) preload(['list', 'cards', 'find'], 'high');
})();

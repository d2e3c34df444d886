// Runs before anything is drawn: sets the theme, so that no page flashes in the other one,
// and asks for the first numbers while the modules are still on their way. api.js takes
// the answer.
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
  if (!campaign && !shop || query.has('asOf')) return;
  const path = campaign ? `api/events/${campaign}/analytics?tz=Asia%2FSeoul` : `api/stores/${shop}/events?tz=Asia%2FSeoul&limit=200`;
  const answer = fetch(path, { cache: 'no-cache', credentials: 'same-origin', headers: token ? { Authorization: `Bearer ${token}` } : {} });
  answer.catch(() => {}); // the one who takes it sees why
  window.jangbuFirst = { path, token, answer };
})();

// Runs before anything is drawn, so that no page flashes in the other theme.
(() => {
  let theme, language;
  try {
    theme = localStorage.getItem('jangbu.theme');
    language = localStorage.getItem('jangbu.language');
  } catch { /* storage is forbidden: the defaults */ }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  if (language === 'en') document.documentElement.lang = 'en';
})();

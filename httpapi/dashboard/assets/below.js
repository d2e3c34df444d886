// What is below the numbers of a campaign, in one piece: it is loaded after them.

export { channels } from './channels.js';
export { profile } from './profile.js';
export { timeline } from './timeline.js';
export { trend } from './trend.js';

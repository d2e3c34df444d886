// How the four numbers have changed over a period, beside the period before it.

import { Failure, analyticsPath, patiently } from './api.js';

const second = 1000;
const ladder = [604_800, 86_400, 3_600, 600, 60]; // in seconds, the longest first

/** begun is the earliest moment, in milliseconds, that a dashboard knows of. */
export function begun(dashboard, at) {
  const moments = [
    dashboard.startsAt, dashboard.trend[0]?.from, ...dashboard.channels.flatMap((c) => [c.distributedAt, c.fetchedAt]),
  ].map((s) => (s ? Date.parse(s) : NaN)).filter((ms) => ms <= at);
  return moments.length > 0 ? Math.min(...moments) : at;
}

/** past is what was known of a campaign at earlier moments. */
export class Past {
  /** unknown is the latest moment, in milliseconds, at which nothing was known yet. */
  unknown = -Infinity;

  constructor(id) {
    this.id = id;
  }

  /** summary returns the four numbers as they were, null where nothing was known. */
  async summary(at, signal) {
    if (at <= this.unknown) return null;
    try {
      return (await patiently(analyticsPath(this.id, at), { signal })).summary;
    } catch (e) {
      if (!(e instanceof Failure) || e.kind !== 'missing') throw e;
      this.unknown = at;
      return null;
    }
  }
}

/** compare looks back from a moment: {period, then, before}, the summaries one and two
 * periods earlier. before is null where nothing was known so early; null stands for no
 * period at all. The period is the longest that the campaign has twice or, else, once. */
export async function compare(past, dashboard, at, signal) {
  const age = (at - Math.max(begun(dashboard, at), past.unknown)) / second;
  const whole = Math.floor(at / second) * second; // a moment in this second has not come for sure
  const twice = ladder.findIndex((p) => age >= 2 * p);
  const once = ladder.findIndex((p) => age >= p);
  for (let i = twice >= 0 ? twice : once; i >= 0 && i < ladder.length; i++) {
    const period = ladder[i];
    const then = await past.summary(whole - period * second, signal);
    if (then) return { period, then, before: await past.summary(whole - 2 * period * second, signal) };
  }
  return null;
}

/** refreshAfter is for how long, in milliseconds, a comparison is near enough. */
export const refreshAfter = (comparison) => Math.min(Math.max((comparison?.period ?? 60) / 4, 15), 600) * second;

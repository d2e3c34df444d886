// How a view follows from the last one (openapi.yaml, schema Patch).

/** patched returns the dashboard after a patch of the stream. It changes neither, and
 * throws where the patch is of another view. */
export function patched(dashboard, { trendTail, heatCells, channelRows, ...rest }) {
  const next = merged(dashboard, rest);
  if (trendTail) {
    const at = dashboard.trend.findIndex((bucket) => bucket.from === trendTail.from);
    next.trend = [...(at < 0 ? dashboard.trend : dashboard.trend.slice(0, at)), ...trendTail.buckets];
  }
  if (heatCells) {
    next.heat = dashboard.heat.map((hours) => [...hours]);
    for (const [day, hour, n] of heatCells) next.heat[day][hour] = n;
  }
  if (channelRows) {
    const rows = new Map(channelRows.map((row) => [row.channel, row]));
    next.channels = dashboard.channels.map((row) => rows.get(row.channel) ?? row);
  }
  return next;
}

/** merged is a JSON merge patch (RFC 7396). A label may be called __proto__. */
function merged(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const next = target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete next[name];
    else Object.defineProperty(next, name, { value: merged(next[name], value), writable: true, enumerable: true, configurable: true });
  }
  return next;
}

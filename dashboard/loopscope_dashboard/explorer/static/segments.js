// What a lane shows in a stretch of time. Pure: works on the columns that the timeline's route sends.

/** First index in [low, high) whose value is greater than `limit`; the values ascend. */
export function firstAbove(values, limit, low, high) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Range of the lane's segments that touch [start, end]; a lane's segments follow each other without overlap. */
export function visible(segments, lane, start, end) {
  const low = segments.offset[lane];
  const high = segments.offset[lane + 1];
  return [firstAbove(segments.end, start, low, high), firstAbove(segments.start, end, low, high)];
}

/**
 * Bars to paint: segments of at least a pixel one by one, the others melted into cells of one pixel each, in
 * which the most severe kind wins. `severity` is indexed by kind.
 */
export function bars(segments, lane, view, width, severity) {
  const scale = width / (view.end - view.start);
  const [from, to] = visible(segments, lane, view.start, view.end);
  const found = [];
  let cell = null;
  for (let index = from; index < to; index += 1) {
    const left = Math.max((segments.start[index] - view.start) * scale, 0);
    const right = Math.min((segments.end[index] - view.start) * scale, width);
    const kind = segments.kind[index];
    if (right - left >= 1) {
      cell = null;
      found.push({ x: left, width: right - left, kind, index, melted: false });
      continue;
    }
    const x = Math.floor(left);
    if (cell === null || cell.x !== x) {
      cell = { x, width: 1, kind, index, melted: true };
      found.push(cell);
    } else if (severity[kind] > severity[cell.kind]) {
      cell.kind = kind;
      cell.index = index;
    }
  }
  return found;
}

/** Index of the segment nearest to a time, at most `reach` away; -1 when the lane is empty there. */
export function segmentAt(segments, lane, time, reach) {
  const [from, to] = visible(segments, lane, time - reach, time + reach);
  let best = -1;
  let distance = Infinity;
  for (let index = from; index < to; index += 1) {
    const away = Math.max(segments.start[index] - time, time - segments.end[index], 0);
    if (away < distance) [best, distance] = [index, away];
  }
  return best;
}

/**
 * How many tasks are in each family of kinds, on average over each of `bins` equal stretches of the view.
 * `familyOf` is indexed by kind; the answer holds one array per family. One pass: full bins go through a
 * difference array, the two ends are added by their share.
 */
export function occupancy(segments, familyOf, families, view, bins) {
  const scale = bins / (view.end - view.start);
  const shares = Array.from({ length: families }, () => new Float64Array(bins + 1));
  const steps = Array.from({ length: families }, () => new Float64Array(bins + 1));
  for (let index = 0; index < segments.start.length; index += 1) {
    const left = Math.max((segments.start[index] - view.start) * scale, 0);
    const right = Math.min((segments.end[index] - view.start) * scale, bins);
    if (right <= left) continue;
    const family = familyOf[segments.kind[index]];
    const first = Math.floor(left);
    const last = Math.floor(right);
    if (first === last) {
      shares[family][first] += right - left;
      continue;
    }
    shares[family][first] += first + 1 - left;
    shares[family][last] += right - last;
    steps[family][first + 1] += 1;
    steps[family][last] -= 1;
  }
  return shares.map((share, family) => summed(share, steps[family], bins));
}

function summed(share, steps, bins) {
  let running = 0;
  for (let bin = 0; bin < bins; bin += 1) {
    running += steps[bin];
    share[bin] += running;
  }
  return share.subarray(0, bins);
}

/** Highest value of a step curve per pixel column; times ascend, a value holds until the next one. */
export function columns(curve, view, width) {
  const tops = new Float64Array(Math.max(Math.ceil(width), 1)).fill(NaN);
  const scale = width / (view.end - view.start);
  const from = Math.max(firstAbove(curve.t, view.start, 0, curve.t.length) - 1, 0);
  for (let index = from; index < curve.t.length && curve.t[index] <= view.end; index += 1) {
    const next = index + 1 < curve.t.length ? curve.t[index + 1] : curve.until;
    const first = Math.max(Math.floor((curve.t[index] - view.start) * scale), 0);
    const last = Math.min(Math.ceil((next - view.start) * scale), tops.length);
    for (let x = first; x < Math.max(last, first + 1) && x < tops.length; x += 1) {
      if (!(tops[x] >= curve.v[index])) tops[x] = curve.v[index];
    }
  }
  return tops;
}

/** The value of a step curve at a time; undefined outside of it. */
export function valueAt(curve, time) {
  const index = firstAbove(curve.t, time, 0, curve.t.length) - 1;
  return index < 0 || time > curve.until ? undefined : curve.v[index];
}

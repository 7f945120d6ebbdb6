// Which stretch of time is on screen. Pure maths: times are microseconds since the job's start, x is CSS pixels.

export const SHORTEST_SPAN = 20;
const MARGIN = 0.02;
const STEPS = [1, 2, 5];
const SECOND = 1e6;
const COARSE = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400].map((s) => s * SECOND);

export const span = (view) => view.end - view.start;

/** Everything there is, with a little air on both sides. */
export function fit(extent) {
  const air = Math.max(extent.end - extent.start, SHORTEST_SPAN) * MARGIN;
  return { start: extent.start - air, end: extent.end + air };
}

/** The view moved back inside what `fit` shows, never wider than it and never narrower than SHORTEST_SPAN. */
export function clamp(view, extent) {
  const whole = fit(extent);
  const width = Math.min(Math.max(span(view), SHORTEST_SPAN), span(whole));
  const start = Math.min(Math.max(view.start, whole.start), whole.end - width);
  return { start, end: start + width };
}

/** Zoom by `factor` (below 1 is closer) around a time that keeps its place on screen. */
export function zoom(view, extent, factor, anchor) {
  const width = Math.min(Math.max(span(view) * factor, SHORTEST_SPAN), span(fit(extent)));
  const share = (anchor - view.start) / span(view);
  const start = anchor - share * width;
  return clamp({ start, end: start + width }, extent);
}

export function pan(view, extent, distance) {
  return clamp({ start: view.start + distance, end: view.end + distance }, extent);
}

/** The view of a job that has grown: the whole stays the whole, a followed right edge stays the right edge. */
export function grow(view, before, after, following) {
  if (!following) return clamp(view, after);
  const whole = fit(before);
  const sawAll = span(view) >= span(whole) * 0.999;
  if (sawAll) return fit(after);
  return pan(view, after, fit(after).end - view.end);
}

/** True when the right edge of what is known is on screen. */
export const seesEnd = (view, extent) => view.end >= extent.end;

export const toX = (view, width, time) => ((time - view.start) / span(view)) * width;

export const toTime = (view, width, x) => view.start + (x / width) * span(view);

/** Round times for the axis, at least `gap` pixels apart. */
export function ticks(view, width, gap = 90) {
  const step = roundStep((span(view) / Math.max(width, 1)) * gap);
  const times = [];
  for (let time = Math.ceil(view.start / step) * step; time <= view.end; time += step) {
    times.push(Math.round(time));
  }
  return { step, times };
}

function roundStep(least) {
  if (least > 30 * SECOND) {
    const coarse = COARSE.find((step) => step >= least);
    if (coarse) return coarse;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [...STEPS, 10].map((step) => step * power).find((step) => step >= least);
}

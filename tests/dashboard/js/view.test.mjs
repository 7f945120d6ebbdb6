import assert from "node:assert/strict";
import test from "node:test";
import { clamp, fit, grow, pan, seesEnd, SHORTEST_SPAN, span, ticks, toTime, toX, zoom } from "../../../dashboard/loopscope_dashboard/explorer/static/view.js";

const extent = { start: 0, end: 10_000_000 };
const close = (one, other) => assert.ok(Math.abs(one - other) < 1e-6 * Math.max(1, Math.abs(other)), `${one} is not ${other}`);

test("the whole job is shown with air on both sides", () => {
  const view = fit(extent);
  assert.ok(view.start < 0 && view.end > extent.end);
});

test("a job of no length still has a width", () => {
  assert.ok(span(fit({ start: 0, end: 0 })) > 0);
});

test("zooming keeps the time under the pointer where it is", () => {
  const view = { start: 2e6, end: 6e6 };
  const closer = zoom(view, extent, 0.5, 3e6);
  close(span(closer), 2e6);
  close(toX(closer, 800, 3e6), toX(view, 800, 3e6));
});

test("zooming ends at the whole job and at the shortest span", () => {
  assert.deepEqual(zoom({ start: 1e6, end: 9e6 }, extent, 1000, 5e6), fit(extent));
  close(span(zoom({ start: 1e6, end: 9e6 }, extent, 1e-12, 5e6)), SHORTEST_SPAN);
});

test("panning stops at the edges and keeps the span", () => {
  const view = pan({ start: 8e6, end: 9e6 }, extent, 50e6);
  close(span(view), 1e6);
  close(view.end, fit(extent).end);
  close(pan(view, extent, -500e6).start, fit(extent).start);
});

test("a view from elsewhere is brought back inside", () => {
  assert.deepEqual(clamp({ start: -50e6, end: 70e6 }, extent), fit(extent));
});

test("pixels and times are each other's inverse", () => {
  const view = { start: 1e6, end: 3e6 };
  close(toTime(view, 640, toX(view, 640, 1_234_567)), 1_234_567);
});

test("a growing job that was seen whole stays whole", () => {
  const later = { start: 0, end: 12_000_000 };
  assert.deepEqual(grow(fit(extent), extent, later, true), fit(later));
});

test("a zoomed view that follows moves with the right edge and keeps its span", () => {
  const later = { start: 0, end: 12_000_000 };
  const view = { start: fit(extent).end - 1e6, end: fit(extent).end };
  const moved = grow(view, extent, later, true);
  close(moved.end, fit(later).end);
  close(span(moved), 1e6);
});

test("a view that was panned away stays where it is", () => {
  const view = { start: 1e6, end: 2e6 };
  assert.deepEqual(grow(view, extent, { start: 0, end: 12_000_000 }, false), view);
  assert.equal(seesEnd(view, extent), false);
  assert.equal(seesEnd(fit(extent), extent), true);
});

test("ticks are round, inside the view and not closer than the gap", () => {
  for (const width of [1e3, 7e4, 3.3e6, 45e6, 400e6, 9e9]) {
    const view = { start: 123, end: 123 + width };
    const { step, times } = ticks(view, 900, 90);
    assert.ok(times.length > 0 && times.length <= 11, `${times.length} ticks for ${width}`);
    assert.ok(times.every((time) => time % step === 0 && time >= view.start && time <= view.end));
  }
});

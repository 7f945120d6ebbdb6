import assert from "node:assert/strict";
import test from "node:test";
import { bars, columns, firstAbove, occupancy, segmentAt, valueAt, visible } from "../../../dashboard/loopscope_dashboard/explorer/static/segments.js";

/** Columns of two lanes: the first has three segments with a gap, the second one. */
const segments = {
  offset: [0, 3, 4],
  start: [0, 100, 300, 50],
  end: [100, 200, 400, 350],
  kind: [0, 1, 0, 1],
};

test("binary search finds the first greater value inside its bounds", () => {
  assert.equal(firstAbove([1, 3, 3, 7], 3, 0, 4), 3);
  assert.equal(firstAbove([1, 3, 3, 7], 9, 0, 4), 4);
  assert.equal(firstAbove([1, 3, 3, 7], 0, 1, 4), 1);
});

test("only segments that touch the stretch of time are visible, of their own lane", () => {
  assert.deepEqual(visible(segments, 0, 120, 250), [1, 2]);
  assert.deepEqual(visible(segments, 0, 210, 290), [2, 2]);
  assert.deepEqual(visible(segments, 1, 0, 400), [3, 4]);
});

test("wide segments become bars of their own, cut at the edges of the view", () => {
  const found = bars(segments, 0, { start: 50, end: 350 }, 300, [1, 1]);
  assert.deepEqual(found.map(({ x, width, index }) => [x, width, index]), [[0, 50, 0], [50, 100, 1], [250, 50, 2]]);
});

test("segments below a pixel melt into one cell that shows the most severe", () => {
  const tiny = { offset: [0, 1000], start: [], end: [], kind: [] };
  for (let index = 0; index < 1000; index += 1) {
    tiny.start.push(index);
    tiny.end.push(index + 1);
    tiny.kind.push(index === 555 ? 1 : 0);
  }
  const found = bars(tiny, 0, { start: 0, end: 1000 }, 10, [1, 9]);
  assert.equal(found.length, 10);
  assert.deepEqual(found.filter((bar) => bar.kind === 1).map((bar) => [bar.x, bar.index]), [[5, 555]]);
});

test("a click finds the segment under it, or the nearest within reach", () => {
  assert.equal(segmentAt(segments, 0, 150, 0), 1);
  assert.equal(segmentAt(segments, 0, 290, 15), 2);
  assert.equal(segmentAt(segments, 0, 250, 15), -1);
});

test("occupancy counts tasks at once per family, whole bins and shares alike", () => {
  const [first, second] = occupancy(segments, [0, 1], 2, { start: 0, end: 400 }, 4);
  assert.deepEqual([...first], [1, 0, 0, 1]);
  assert.deepEqual([...second], [0.5, 2, 1, 0.5]);
});

test("occupancy adds up to the time that was spent", () => {
  const spent = occupancy(segments, [0, 0], 1, { start: 0, end: 400 }, 7)[0].reduce((sum, bin) => sum + bin, 0);
  assert.ok(Math.abs(spent * (400 / 7) - 600) < 1e-9);
});

const curve = { t: [100, 200, 300], v: [5, 9, 1], until: 400 };

test("a curve keeps the highest value of each pixel and nothing before it begins", () => {
  const found = columns(curve, { start: 0, end: 400 }, 4);
  assert.ok(Number.isNaN(found[0]));
  assert.deepEqual([...found].slice(1), [5, 9, 1]);
  assert.deepEqual([...columns(curve, { start: 0, end: 400 }, 1)], [9]);
});

test("the value of a curve holds until the next one and ends with the records", () => {
  assert.equal(valueAt(curve, 250), 9);
  assert.equal(valueAt(curve, 99), undefined);
  assert.equal(valueAt(curve, 401), undefined);
});

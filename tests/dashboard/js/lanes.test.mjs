import assert from "node:assert/strict";
import test from "node:test";
import { AXIS, LANE, layout, laneTop, onScreen, OVERVIEW, reveal, STRIP, thumb, under } from "../../../dashboard/loopscope_dashboard/explorer/static/lanes.js";

const small = layout(1200, 800, 5, 3);
const large = layout(1200, 800, 5000, 3);

test("few lanes take only the height they need", () => {
  assert.equal(small.height, OVERVIEW + AXIS + 5 * LANE + 3 * STRIP);
  assert.equal(small.scrollEnd, 0);
  assert.equal(thumb(small, 0), null);
});

test("many lanes fill the room and scroll; only those in sight are painted", () => {
  assert.ok(large.height <= 800);
  const [first, last] = onScreen(large, 5000, 1000 * LANE);
  assert.equal(first, 1000);
  assert.ok(last - first <= large.lanesHeight / LANE + 2);
});

test("what is under a point follows the layout from top to bottom", () => {
  const area = (x, y) => under(small, 5, 0, x, y).area;
  assert.equal(area(600, 5), "overview");
  assert.equal(area(600, OVERVIEW + 5), "axis");
  assert.equal(area(600, small.lanesTop + 5), "lanes");
  assert.equal(area(20, small.lanesTop + 5), "gutter");
  assert.equal(area(1198, small.lanesTop + 5), "scrollbar");
  assert.equal(area(600, small.stripsTop + STRIP + 5), "strips");
  assert.equal(area(600, small.height + 1), "none");
  assert.equal(under(small, 5, 0, 600, small.stripsTop + STRIP + 5).strip, 1);
});

test("the lane under a point is the one painted there, scrolled or not", () => {
  const y = laneTop(large, 1210, 1200 * LANE) + 3;
  assert.equal(under(large, 5000, 1200 * LANE, 700, y).lane, 1210);
});

test("below the last lane there is none", () => {
  const roomy = layout(1200, 800, 1, 0);
  assert.equal(under(roomy, 1, 0, 700, roomy.lanesTop + 2 * LANE).lane, -1);
});

test("a lane is brought into sight with the least movement", () => {
  assert.equal(reveal(large, 3, 0), 0);
  assert.equal(reveal(large, 3, 10 * LANE), 3 * LANE);
  const scroll = reveal(large, 4000, 0);
  assert.equal(laneTop(large, 4000, scroll) + LANE, large.lanesTop + large.lanesHeight);
});

test("the thumb travels from the top of the lanes to their end", () => {
  assert.equal(thumb(large, 0).top, large.lanesTop);
  const last = thumb(large, large.scrollEnd);
  assert.equal(last.top + last.height, large.lanesTop + large.lanesHeight);
});

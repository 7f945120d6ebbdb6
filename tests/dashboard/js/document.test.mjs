import assert from "node:assert/strict";
import test from "node:test";
import { lastChildren, prepared } from "../../../dashboard/loopscope_dashboard/explorer/static/document.js";

const sent = {
  extent: { start: 0, end: 900 },
  kinds: ["http", "blocked"],
  lanes: { parent: [-1, 0, 1, 0] },
  segments: { offset: [0, 1, 1, 1, 1], start: [0], end: [900], kind: [1], label: [0] },
  strips: [{ unit: "%", least: 100, t: [0], v: [40] }, { unit: "", least: 1, t: [], v: [] }],
};

test("each lane knows its last child, which ends its line in the tree", () => {
  assert.deepEqual(lastChildren([-1, 0, 1, 0]), [3, 2, -1, -1]);
});

test("kinds are looked up once and segments become numbers that paint fast", () => {
  const { segments, severity } = prepared(sent);
  assert.ok(segments.start instanceof Float64Array);
  assert.ok(severity[1] > severity[0]);
});

test("a strip's scale never falls below its least, so that an idle processor looks idle", () => {
  const [cpu, waiters] = prepared(sent).strips;
  assert.deepEqual([cpu.scale, cpu.most, cpu.until], [100, 40, 900]);
  assert.deepEqual([waiters.scale, waiters.most], [1, 0]);
});

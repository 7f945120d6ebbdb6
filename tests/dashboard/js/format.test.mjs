import assert from "node:assert/strict";
import test from "node:test";
import { bytes, duration, tick } from "../../../dashboard/loopscope_dashboard/explorer/static/format.js";

test("durations keep three digits and change units", () => {
  assert.equal(duration(0), "0 µs");
  assert.equal(duration(950), "950 µs");
  assert.equal(duration(12_345), "12.3 ms");
  assert.equal(duration(1_234_567), "1.23 s");
  assert.equal(duration(125_000_000), "2 min 05 s");
  assert.equal(duration(3_725_000_000), "1 h 02 min");
  assert.equal(duration(-1500), "-1.5 ms");
});

test("ticks carry as many digits as their step needs", () => {
  assert.equal(tick(0, 1e6), "0");
  assert.equal(tick(1_500_000, 500_000), "1.5 s");
  assert.equal(tick(1_250, 50), "1250 µs");
  assert.equal(tick(1_200, 200), "1.2 ms");
  assert.equal(tick(90_000_000, 10e6), "1:30");
  assert.equal(tick(65_000_000, 1e6), "1:05");
  assert.equal(tick(120_000_000, 60e6), "2 min");
});

test("sizes are decimal", () => {
  assert.equal(bytes(999), "999 B");
  assert.equal(bytes(62_500_000), "62.5 MB");
});

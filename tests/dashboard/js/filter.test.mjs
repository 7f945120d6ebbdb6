import assert from "node:assert/strict";
import test from "node:test";
import { choices, counts, matching, sorted } from "../../../dashboard/loopscope_dashboard/explorer/static/filter.js";

const job = (name, key, state, service, seconds, started) => ({ name, key, state, service, seconds, started, kind: "job" });
const jobs = [
  job("podcast", "ep-1", "ok", "engine", 9, 3),
  job("podcast", "ep-2", "lost", "engine", 4, 2),
  job("cover", "ep-2", "running", "images", 4, 1),
];
const all = { search: "", states: new Set(), service: "", kind: "" };
const keys = (found) => found.map((one) => `${one.name} ${one.key}`);

test("without a filter every job is shown", () => {
  assert.equal(matching(jobs, all).length, 3);
});

test("every word of the search must occur, in any column and in any case", () => {
  assert.deepEqual(keys(matching(jobs, { ...all, search: "EP-2 pod" })), ["podcast ep-2"]);
  assert.deepEqual(keys(matching(jobs, { ...all, search: "images" })), ["cover ep-2"]);
});

test("chosen states add up, the service narrows them", () => {
  const states = new Set(["lost", "running"]);
  assert.equal(matching(jobs, { ...all, states }).length, 2);
  assert.deepEqual(keys(matching(jobs, { ...all, states, service: "images" })), ["cover ep-2"]);
});

test("states are counted in the order people care", () => {
  assert.deepEqual(counts(jobs), [["running", 1], ["lost", 1], ["ok", 1]]);
});

test("a list to choose from has each value once, in words", () => {
  assert.deepEqual(choices(jobs, "service"), [["engine", "engine"], ["images", "images"]]);
  assert.deepEqual(choices(jobs, "kind"), [["job", "Jobs"]]);
});

test("a kind hides the others: requests drown the jobs people ask about", () => {
  const mixed = [...jobs, { ...jobs[0], name: "GET /", kind: "http" }];
  assert.equal(matching(mixed, { ...all, kind: "job" }).length, 3);
});

test("newest first, but what is stuck or still runs stands on top", () => {
  const more = [...jobs, job("podcast", "ep-0", "stuck", "engine", 900, 0)];
  assert.deepEqual(sorted(more, { column: "started", down: true }).map((one) => one.started), [0, 1, 3, 2]);
  assert.deepEqual(sorted(jobs, { column: "started", down: false }).map((one) => one.started), [1, 2, 3]);
});

test("sorting is by value, state by urgency, and equal jobs stay newest first", () => {
  assert.deepEqual(keys(sorted(jobs, { column: "seconds", down: false })), ["podcast ep-2", "cover ep-2", "podcast ep-1"]);
  assert.deepEqual(sorted(jobs, { column: "state", down: false }).map((one) => one.state), ["running", "lost", "ok"]);
});

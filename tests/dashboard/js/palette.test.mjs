import assert from "node:assert/strict";
import test from "node:test";
import { families, FAMILIES, KINDS, luminance, severities } from "../../../dashboard/loopscope_dashboard/explorer/static/palette.js";

const contrast = (one, other) => {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};

test("every bar stands out from the page in both themes", () => {
  for (const [kind, { light, dark }] of Object.entries(KINDS)) {
    assert.ok(contrast(light, "#ffffff") > 1.4, `${kind} on white: ${contrast(light, "#ffffff")}`);
    assert.ok(contrast(dark, "#14171c") > 2, `${kind} on dark: ${contrast(dark, "#14171c")}`);
  }
});

test("a blocked loop wins every shared pixel", () => {
  const kinds = Object.keys(KINDS);
  const most = Math.max(...severities(kinds));
  assert.equal(kinds[severities(kinds).indexOf(most)], "blocked");
});

test("parents that only wait for children stay out of the overview", () => {
  const [gather, http] = families(["gather", "http"]);
  assert.equal(gather, FAMILIES.length);
  assert.equal(FAMILIES[http], "outside");
});

test("a kind from a newer journal is shown as something else, not lost", () => {
  assert.equal(FAMILIES[families(["teleport"])[0]], "waiting");
});

test("luminance reads both notations", () => {
  assert.equal(luminance("#ffffff").toFixed(3), "1.000");
  assert.equal(luminance("rgb(0, 0, 0)"), 0);
});

// The timeline's document as the route sends it, made ready for painting.

import { get } from "./feed.js";
import { families, severities } from "./palette.js";

const NUMBERS = { start: Float64Array, end: Float64Array, kind: Uint8Array, label: Uint32Array, offset: Uint32Array };

/** Columns as typed arrays, kinds looked up once, strips with the top of their scale. */
export function prepared(sent) {
  const segments = {};
  for (const [name, column] of Object.entries(NUMBERS)) segments[name] = column.from(sent.segments[name]);
  return {
    ...sent,
    lanes: { ...sent.lanes, lastChild: lastChildren(sent.lanes.parent) },
    segments,
    severity: severities(sent.kinds),
    families: families(sent.kinds),
    strips: sent.strips.map((strip) => scaled(strip, sent.extent.end)),
  };
}

/** The last child of each lane, -1 for none; children stand below their parents. */
export function lastChildren(parents) {
  const last = new Array(parents.length).fill(-1);
  parents.forEach((parent, lane) => {
    if (parent >= 0) last[parent] = lane;
  });
  return last;
}

function scaled(strip, until) {
  const most = strip.v.reduce((top, value) => Math.max(top, value), 0);
  return { ...strip, until, most, scale: Math.max(most, strip.least) };
}

export const details = (access, job, path) => get(access, `jobs/${job}/${path}`);

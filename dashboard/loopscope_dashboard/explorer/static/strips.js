// Paints the strips under the lanes: one curve each, on the lanes' time axis.

import { caption, line } from "./draw.js";
import { inUnit } from "./format.js";
import { STRIP } from "./lanes.js";
import { columns, valueAt } from "./segments.js";

const STRIP_KIND = { lag: "blocked", waiters: "semaphore", depth: "worker", cpu: "running", memory: "http" };

export function drawStrips(scene) {
  const { context, theme, place, data } = scene;
  data.strips.forEach((strip, row) => {
    const top = place.stripsTop + row * STRIP;
    line(context, theme.line, 0, top + 0.5, place.width, top + 0.5);
    drawCurve(scene, strip, top);
    caption(scene, strip.title, figure(scene, strip), top + STRIP / 2);
  });
}

function figure({ pointer }, strip) {
  if (strip.v.length === 0) return "nothing recorded";
  const most = inUnit(strip.most, strip.unit);
  const now = pointer === null ? undefined : valueAt(strip, pointer);
  return now === undefined ? `max ${most}` : `${inUnit(now, strip.unit)} · max ${most}`;
}

function drawCurve({ context, theme, place, view }, strip, top) {
  const height = STRIP - 12;
  const highest = strip.scale;
  const values = columns(strip, view, place.plot);
  context.save();
  context.translate(place.gutter, top + 7);
  context.fillStyle = theme.colour(STRIP_KIND[strip.kind]);
  const edge = [];
  const floor = strip.unit === "" ? 0 : -1; // nobody queued is no line, an idle processor is one
  for (let x = 0; x < values.length; x += 1) {
    if (Number.isNaN(values[x])) continue;
    const tall = (values[x] / highest) * height;
    context.globalAlpha = 0.28;
    context.fillRect(x, height - tall, 1, tall);
    if (values[x] > floor) edge.push([x, height - tall]);
  }
  context.globalAlpha = 1;
  edge.forEach(([x, y], index) => {
    const before = index > 0 && edge[index - 1][0] === x - 1 ? edge[index - 1][1] : y;
    context.fillRect(x, Math.min(y, before) - 0.5, 1, Math.max(Math.abs(y - before), 1.5));
  });
  context.restore();
}

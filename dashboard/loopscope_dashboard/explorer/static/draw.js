// Paints the overview, the axis and the lanes. Each function takes the scene: {context, theme, place, data, view, scroll, ...}.

import { clock, duration, tick } from "./format.js";
import { AXIS, LANE, OVERVIEW, SCROLLBAR, laneTop, onScreen, thumb } from "./lanes.js";
import { FAMILIES } from "./palette.js";
import { bars, occupancy } from "./segments.js";
import { fit, ticks, toX } from "./view.js";

const LABEL_FROM = 46;
const INDENT = 12;
const DEEPEST = 8; // levels that are indented; what is deeper stands below each other

/** The whole job: how many tasks ran, worked, waited at each moment, and the stretch on screen. */
export function drawOverview(scene) {
  const { context, theme, place, data, view } = scene;
  const whole = fit(data.extent);
  const stacks = overviewStacks(scene, whole);
  const height = OVERVIEW - 12;
  const highest = Math.max(...stacks.total, 1);
  context.save();
  context.translate(place.gutter, 6);
  let base = new Float64Array(place.plot);
  for (let family = 0; family < FAMILIES.length; family += 1) {
    context.fillStyle = theme.family(family);
    context.globalAlpha = FAMILIES[family] === "waiting" ? 0.55 : 0.9;
    for (let x = 0; x < place.plot; x += 1) {
      const tall = (stacks.values[family][x] / highest) * height;
      if (tall > 0.05) context.fillRect(x, height - base[x] - tall, 1, tall);
      base[x] += tall;
    }
  }
  context.globalAlpha = 1;
  drawWindow(scene, whole, height);
  context.restore();
  caption(scene, "tasks at once", `up to ${Math.round(highest)}`, OVERVIEW / 2);
}

function overviewStacks(scene, whole) {
  const { data, place } = scene;
  const bins = Math.round(place.plot);
  if (data.overview?.bins !== bins) {
    const values = occupancy(data.segments, data.families, FAMILIES.length + 1, whole, bins);
    const total = new Float64Array(bins);
    for (let family = 0; family < FAMILIES.length; family += 1) {
      for (let x = 0; x < bins; x += 1) total[x] += values[family][x];
    }
    data.overview = { bins, values, total };
  }
  return data.overview;
}

function drawWindow({ context, theme, place, view }, whole, height) {
  const left = Math.max(toX(whole, place.plot, view.start), 0);
  const right = Math.min(toX(whole, place.plot, view.end), place.plot);
  context.fillStyle = theme.background;
  context.globalAlpha = 0.65;
  context.fillRect(0, -2, left, height + 4);
  context.fillRect(right, -2, place.plot - right, height + 4);
  context.globalAlpha = 1;
  context.strokeStyle = theme.accent;
  context.lineWidth = 1;
  context.strokeRect(Math.round(left) + 0.5, -1.5, Math.max(Math.round(right - left) - 1, 2), height + 3);
}

/** Left-hand caption of a row that is no lane: a name and a figure under it. */
export function caption({ context, theme, place }, name, figure, middle) {
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `500 12px ${theme.font}`;
  context.fillStyle = theme.text;
  context.fillText(clipped(context, name, place.gutter - 24), 10, middle - 7);
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.faint;
  context.fillText(clipped(context, figure, place.gutter - 24), 10, middle + 8);
}

export function drawAxis(scene) {
  const { context, theme, place, view } = scene;
  const { step, times } = ticks(view, place.plot);
  context.font = `11px ${theme.font}`;
  context.save();
  context.beginPath();
  context.rect(place.gutter, OVERVIEW, place.plot, place.height - OVERVIEW);
  context.clip();
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const time of times) {
    const x = Math.round(place.gutter + toX(view, place.plot, time)) + 0.5;
    line(context, theme.grid, x, OVERVIEW + AXIS - 5, x, place.height);
    context.fillStyle = theme.faint;
    context.fillText(tick(time, step), x + 5, OVERVIEW + AXIS / 2);
  }
  context.restore();
  context.fillStyle = theme.faint;
  context.textBaseline = "middle";
  context.fillText(clipped(context, readout(scene), place.gutter - 16), 10, OVERVIEW + AXIS / 2);
  line(context, theme.line, 0, OVERVIEW + 0.5, place.width, OVERVIEW + 0.5);
  line(context, theme.line, 0, place.lanesTop - 0.5, place.width, place.lanesTop - 0.5);
  line(context, theme.line, place.gutter - 0.5, 0, place.gutter - 0.5, place.height);
}

/** The moment under the pointer, else how much time is on screen. */
function readout({ data, view, pointer, following }) {
  if (pointer !== null) return `${clock(data.origin, pointer)} · ${duration(pointer)} in`;
  return `${duration(view.end - view.start)} on screen${data.live && following ? ", following" : ""}`;
}

/** Vertical bands where the loop was blocked; they cross the lanes and the strips. */
export function drawBands({ context, theme, place, data, view, pickedBand }) {
  context.save();
  context.beginPath();
  context.rect(place.gutter, place.lanesTop - AXIS, place.plot, place.height);
  context.clip();
  data.bands.forEach((band, index) => {
    const left = place.gutter + toX(view, place.plot, band.start);
    const right = place.gutter + toX(view, place.plot, band.end);
    if (right < place.gutter || left > place.gutter + place.plot) return;
    context.fillStyle = theme.band;
    context.fillRect(left, place.lanesTop, Math.max(right - left, 1), place.height - place.lanesTop);
    context.fillStyle = theme.colour("blocked");
    const thick = index === pickedBand ? 5 : 3;
    context.fillRect(left, place.lanesTop - thick, Math.max(right - left - 1, 2), thick);
  });
  context.restore();
}

/** The lanes on screen. Returns what was painted: {lanes, bars: [{lane, x, y, width, height, index}]}. */
export function drawLanes(scene) {
  const { context, place, data, scroll } = scene;
  const [first, last] = onScreen(place, data.lanes.id.length, scroll);
  const painted = { lanes: last - first, bars: [] };
  context.save();
  context.beginPath();
  context.rect(0, place.lanesTop, place.width, place.lanesHeight);
  context.clip();
  for (let lane = first; lane < last; lane += 1) {
    const top = laneTop(place, lane, scroll);
    drawRow(scene, lane, top);
    drawBranches(scene, lane, top);
    drawName(scene, lane, top);
    drawBars(scene, lane, top, painted.bars);
  }
  context.restore();
  drawThumb(scene);
  return painted;
}

function drawRow({ context, theme, place, hovered, picked }, lane, top) {
  if (lane === picked || lane === hovered) {
    context.fillStyle = lane === picked ? theme.picked : theme.hover;
    context.fillRect(0, top, place.width - SCROLLBAR, LANE);
  }
}

function drawName({ context, theme, place, data }, lane, top) {
  const indent = indentOf(data.lanes.depth[lane]);
  const middle = top + LANE / 2 + 0.5;
  const outcome = data.lanes.outcome[lane];
  const bad = outcome !== "ok" && outcome !== "open";
  context.textBaseline = "middle";
  context.textAlign = "left";
  const mark = bad ? outcome.replace("_", " ") : "";
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.outcome(outcome);
  const markWidth = mark ? context.measureText(mark).width + 10 : 0;
  if (mark) context.fillText(mark, place.gutter - markWidth, middle);
  context.font = `12px ${theme.font}`;
  context.fillStyle = theme.text;
  context.fillText(clipped(context, data.lanes.name[lane], place.gutter - indent - markWidth - 8), indent, middle);
}

const indentOf = (depth) => 10 + Math.min(depth, DEEPEST) * INDENT;

/** The tree's lines in one row: an elbow to the lane itself, and what passes by on the way to later siblings. */
function drawBranches({ context, theme, data }, lane, top) {
  const { parent, depth, lastChild } = data.lanes;
  const middle = Math.round(top + LANE / 2) + 0.5;
  for (let child = lane; parent[child] >= 0; child = parent[child]) {
    const x = indentOf(depth[child]) - 7.5;
    const goesOn = lastChild[parent[child]] !== child;
    if (child === lane) line(context, theme.line, x, middle, x + 5.5, middle);
    if (child === lane || goesOn) line(context, theme.line, x, top, x, goesOn ? top + LANE : middle);
  }
}

function drawBars(scene, lane, top, painted) {
  const { context, theme, place, data, view } = scene;
  context.save();
  context.beginPath();
  context.rect(place.gutter, top, place.plot, LANE);
  context.clip();
  for (const bar of bars(data.segments, lane, view, place.plot, data.severity)) {
    const kind = data.kinds[bar.kind];
    const height = Math.max(Math.round((LANE - 4) * theme.tall(kind)), 2);
    const x = place.gutter + bar.x;
    const y = top + Math.round((LANE - height) / 2);
    const gap = bar.width > 3 ? 0.5 : 0;
    context.fillStyle = theme.colour(kind);
    context.globalAlpha = scene.dimmed.has(kind) ? 0.15 : 1;
    context.fillRect(x, y, bar.width - gap, height);
    if (bar.width > LABEL_FROM && height >= 8) drawLabel(scene, bar, kind, x, top);
    painted.push({ lane, x, y, width: bar.width, height, index: bar.index, kind });
  }
  context.globalAlpha = 1;
  drawEnd(scene, lane, top);
  context.restore();
}

function drawLabel({ context, theme, data, view, place }, bar, kind, x, top) {
  const time = ((bar.width / place.plot) * (view.end - view.start));
  const label = data.labels[data.segments.label[bar.index]];
  const full = data.segments.end[bar.index] - data.segments.start[bar.index];
  context.font = `${theme.tall(kind) < 0.8 ? 10 : 11}px ${theme.font}`;
  context.textBaseline = "middle";
  context.fillStyle = theme.ink(kind);
  const words = `${label || theme.words(kind)} ${duration(full || time)}`;
  const room = bar.width - 8;
  const short = context.measureText(words).width > room ? label || theme.words(kind) : words;
  context.fillText(clipped(context, short, room), x + 4, top + LANE / 2 + 0.5);
}

/** A cap where a lane ends unfinished: a hatched stub when it was lost, an open arrow when it still runs. */
function drawEnd({ context, theme, place, data, view }, lane, top) {
  const outcome = data.lanes.outcome[lane];
  if (outcome === "ok") return;
  const x = place.gutter + toX(view, place.plot, data.lanes.end[lane]);
  if (x < place.gutter - 8 || x > place.gutter + place.plot + 8) return;
  context.strokeStyle = outcome === "open" ? theme.colour("active") : theme.outcome(outcome);
  context.fillStyle = context.strokeStyle;
  context.lineWidth = 2;
  if (outcome === "open") {
    context.beginPath();
    context.moveTo(x + 1, top + 5);
    context.lineTo(x + 6, top + LANE / 2);
    context.lineTo(x + 1, top + LANE - 5);
    context.fill();
  } else {
    context.beginPath();
    context.moveTo(x - 3, top + LANE / 2 - 4);
    context.lineTo(x + 5, top + LANE / 2 + 4);
    context.moveTo(x + 5, top + LANE / 2 - 4);
    context.lineTo(x - 3, top + LANE / 2 + 4);
    context.stroke();
  }
  context.lineWidth = 1;
}

function drawThumb({ context, theme, place, scroll }) {
  const grip = thumb(place, scroll);
  if (!grip) return;
  context.fillStyle = theme.line;
  context.beginPath();
  context.roundRect(place.width - SCROLLBAR + 3, grip.top, SCROLLBAR - 4, grip.height, 3);
  context.fill();
}

export function line(context, colour, fromX, fromY, toX, toY) {
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}

/** Text cut to a width, with an ellipsis. */
export function clipped(context, text, width) {
  if (width <= 6) return "";
  if (context.measureText(text).width <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? `${text.slice(0, low)}…` : "";
}

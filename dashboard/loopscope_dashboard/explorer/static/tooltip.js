// The small box beside the pointer: what the task does there, or what a strip says.

import { element } from "./dom.js";
import { clock, duration, inUnit } from "./format.js";
import { segmentAt, valueAt } from "./segments.js";

const REACH = 4;

/** Lines for a point of the timeline, [] when there is nothing to say. */
export function sayings(data, view, plot, spot, time) {
  const reach = ((view.end - view.start) / plot) * REACH;
  if (spot.area === "strips") return stripSayings(data, data.strips[spot.strip], time);
  if (spot.area === "gutter" && spot.lane >= 0) return laneSayings(data, spot.lane);
  const band = data.bands.find((one) => time >= one.start - reach && time <= one.end + reach);
  const found = spot.lane >= 0 ? segmentSayings(data, spot.lane, time, reach) : [];
  if (band && found[1]?.kind !== "blocked") {
    found.push({ text: `loop blocked ${duration(band.end - band.start)}: ${band.title}`, kind: "blocked" });
  }
  return found;
}

function stripSayings(data, strip, time) {
  const value = strip && valueAt(strip, time);
  if (value === undefined) return [];
  return [{ text: strip.title, strong: true }, { text: `${inUnit(value, strip.unit)} at ${clock(data.origin, time)}` }];
}

function laneSayings(data, lane) {
  const { name, what, site, outcome, start, end } = data.lanes;
  return [
    { text: name[lane], strong: true },
    { text: what[lane] },
    { text: site[lane] },
    { text: `${outcome[lane]} · ${duration(end[lane] - start[lane])}` },
  ].filter((one) => one.text);
}

function segmentSayings(data, lane, time, reach) {
  const index = segmentAt(data.segments, lane, time, reach);
  if (index < 0) return [];
  const { start, end, kind, label } = data.segments;
  return [
    { text: data.lanes.name[lane], strong: true },
    { text: `${data.words(data.kinds[kind[index]])} · ${duration(end[index] - start[index])}`, kind: data.kinds[kind[index]] },
    { text: data.labels[label[index]] },
    { text: `${clock(data.origin, start[index])} – ${clock(data.origin, end[index])}`, faint: true },
  ].filter((one) => one.text);
}

/** Put the lines into the box and the box beside the point, inside the root. */
export function showTooltip(box, root, theme, lines, x, y) {
  box.hidden = lines.length === 0;
  if (box.hidden) return;
  box.replaceChildren(
    ...lines.map((one) =>
      element(
        "div",
        { class: one.strong ? "strong" : one.faint ? "faint" : "" },
        one.kind ? swatch(theme.colour(one.kind)) : null,
        one.text,
      ),
    ),
  );
  const room = root.clientWidth - box.offsetWidth - 8;
  const left = x + 14 > room ? x - box.offsetWidth - 14 : x + 14;
  const top = Math.min(y + 14, root.clientHeight - box.offsetHeight - 8);
  box.style.transform = `translate(${Math.max(left, 4)}px, ${Math.max(top, 4)}px)`;
}

export function swatch(colour) {
  const made = element("i", { class: "swatch" });
  made.style.background = colour;
  return made;
}

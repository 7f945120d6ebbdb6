// The legend: the kinds that occur in this job, longest first. A click dims a kind.

import { element } from "./dom.js";
import { duration } from "./format.js";
import { swatch } from "./tooltip.js";

/** Task time by kind, as [[kind, µs]], longest first; kinds without any are left out. */
export function totals(data) {
  const sums = new Float64Array(data.kinds.length);
  const { start, end, kind } = data.segments;
  for (let index = 0; index < start.length; index += 1) sums[kind[index]] += end[index] - start[index];
  return data.kinds
    .map((name, index) => [name, sums[index]])
    .filter(([, sum]) => sum > 0)
    .sort((one, other) => other[1] - one[1]);
}

export function showLegend(box, data, theme, dimmed, changed) {
  const merged = new Map();
  for (const [kind, sum] of totals(data)) {
    const words = theme.words(kind);
    const entry = merged.get(words) ?? { kinds: [], sum: 0 };
    entry.kinds.push(kind);
    entry.sum += sum;
    merged.set(words, entry);
  }
  box.replaceChildren(
    ...[...merged].map(([words, { kinds, sum }]) => {
      const off = kinds.every((kind) => dimmed.has(kind));
      const press = () => {
        for (const kind of kinds) {
          if (off) dimmed.delete(kind);
          else dimmed.add(kind);
        }
        changed();
      };
      return element(
        "button",
        { class: "legend", "aria-pressed": String(!off), title: `${words}: ${duration(sum)} of task time; click to dim`, onclick: press },
        swatch(theme.colour(kinds[0])),
        words,
      );
    }),
  );
}

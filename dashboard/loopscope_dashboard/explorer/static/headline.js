// What stands above and below the timeline: the job in numbers, and the table of the work still open.

import { element } from "./dom.js";
import { swatch } from "./tooltip.js";

export function showHeadline(box, headline) {
  box.hidden = false;
  const why = headline.exception ? `: ${headline.exception}` : "";
  box.replaceChildren(
    element(
      "h1",
      {},
      headline.name,
      element("span", { class: "code" }, headline.key),
      element("span", { class: "state", "data-state": headline.state }, `${headline.state}${why}`),
    ),
    element(
      "p",
      { class: headline.alarm ? "process-line alarm" : "process-line" },
      headline.sentence,
      headline.site ? element("span", { class: "faint" }, ` · ${headline.kind} opened at ${headline.site}`) : null,
    ),
    element("dl", { class: "figures" }, ...headline.figures.map(figure)),
  );
}

const figure = ([name, value]) =>
  element("div", { "data-figure": name }, element("dt", {}, name), element("dd", {}, value));

/** `choose(id)` is called with the task whose row was clicked. */
export function showOpenWork(box, { title, rows }, theme, choose) {
  box.hidden = rows.length === 0;
  if (box.hidden) return;
  const columns = ["task", "waiting for", "since", "held by", "at"];
  const head = columns.map((name) => element("th", { scope: "col" }, name));
  box.replaceChildren(
    element("h2", {}, title),
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows.map((row) => openRow(row, theme, choose))),
    ),
  );
}

function openRow(row, theme, choose) {
  return element(
    "tr",
    { "data-task": row.id, onclick: () => choose(row.id) },
    element("td", {}, element("button", { type: "button" }, row.task)),
    element("td", {}, swatch(theme.colour(row.kind)), row.what),
    element("td", { class: "number" }, row.since),
    element("td", {}, row.holders),
    element("td", { class: "code" }, row.where),
  );
}

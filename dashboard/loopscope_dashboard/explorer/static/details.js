// The panel beside the timeline: everything known about the task or the block that was clicked.

import { element } from "./dom.js";

/**
 * Fill the panel from the route's answer: {title, subtitle, facts: [[name, value]], sections: [{title, note, columns,
 * rows}], stack: [line]}.
 */
export function showDetails(panel, details, close) {
  panel.hidden = false;
  panel.replaceChildren(
    element(
      "header",
      {},
      element("div", {}, element("h3", {}, details.title), element("p", { class: "faint" }, details.subtitle)),
      element("button", { class: "quiet", "aria-label": "Close details", title: "Close (Esc)", onclick: close }, "✕"),
    ),
    element("dl", {}, ...details.facts.flatMap(([name, value]) => [element("dt", {}, name), fact(name, value)])),
    ...details.sections.map(section),
    ...(details.stack.length ? [stack(details.stack)] : []),
  );
  panel.scrollTop = 0;
}

function fact(name, value) {
  return element("dd", { "data-fact": name, class: /:\d+ in |:\d+$/.test(value) ? "code" : "" }, value);
}

function section({ title, note, columns, rows }) {
  return element(
    "section",
    {},
    element("h4", {}, title),
    note ? element("p", { class: "faint" }, note) : null,
    ...rows.map((row) => entry(columns, row)),
  );
}

/** A row as a small block: the first two columns lead, the others follow with their names, empty ones not at all. */
function entry(columns, [what, amount, ...rest]) {
  const lines = rest.map((value, at) =>
    value ? element("div", {}, element("span", { class: "faint" }, `${columns[at + 2]} `), value) : null,
  );
  return element(
    "div",
    { class: "entry" },
    element("div", { class: "lead" }, element("strong", {}, what), element("span", {}, amount)),
    ...lines,
  );
}

function stack(lines) {
  const rows = lines.map((text) => element("li", { class: "code" }, text));
  return element("section", {}, element("h4", {}, "Stack, innermost last"), element("ol", { class: "stack" }, ...rows));
}

export function showTrouble(panel, text, close) {
  showDetails(panel, { title: "Not available", subtitle: text, facts: [], sections: [], stack: [] }, close);
}

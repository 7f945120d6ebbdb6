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
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((row) => element("tr", {}, ...row.map((value) => element("td", {}, value))));
  return element(
    "section",
    {},
    element("h4", {}, title),
    note ? element("p", { class: "faint" }, note) : null,
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)),
  );
}

function stack(lines) {
  const rows = lines.map((text) => element("li", { class: "code" }, text));
  return element("section", {}, element("h4", {}, "Stack, innermost last"), element("ol", { class: "stack" }, ...rows));
}

export function showTrouble(panel, text, close) {
  showDetails(panel, { title: "Not available", subtitle: text, facts: [], sections: [], stack: [] }, close);
}

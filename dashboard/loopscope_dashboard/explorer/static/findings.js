// What is wrong, most important first: a line each, and opened the whole explanation. On both pages.

import { element, keepFocus } from "./dom.js";
import { get, poll } from "./feed.js";

const INTERVAL = 2000;
const FIRST = 6; // findings shown before somebody asks for all

export class Findings {
  /** `path` is the route's; `unfolded` opens all at first; `news(document)` is called with each new document. */
  constructor(box, path, { unfolded = false, news = () => {} } = {}) {
    Object.assign(this, { box, path, unfolded, news, data: null, all: unfolded, unpoll: null });
    this.turned = new Set(); // ids of those whose reader opened or closed them
  }

  begin(access) {
    this.access = access;
    this.unpoll ??= poll((signal) => this.load(signal), (error) => this.fail(error), INTERVAL);
  }

  stop() {
    this.unpoll?.();
    this.unpoll = null;
  }

  async load(signal) {
    const query = this.data ? `?known=${this.data.version}` : "";
    const answer = await get(this.access, `${this.path}${query}`, signal);
    if (answer !== null) {
      this.data = answer;
      this.show();
      this.news(answer);
    }
    return true;
  }

  /** The page goes on with what it knows; only the first answer is worth a word when it is missing. */
  fail(error) {
    if (this.data !== null) return;
    this.box.hidden = false;
    this.box.replaceChildren(element("p", { class: "calm faint" }, `No findings to show: ${error.message}`));
  }

  show() {
    const { findings, calm, trouble, wanted } = this.data;
    const shown = this.all ? findings : findings.slice(0, FIRST);
    this.box.hidden = !findings.length && !calm && !trouble;
    this.box.dataset.findings = findings.length;
    const parts = findings.length
      ? [heading(findings), ...shown.map((finding) => this.entry(finding)), this.rest(findings.length - shown.length)]
      : [trouble ? element("p", { class: "message" }, trouble) : peace(calm, wanted)];
    keepFocus(this.box, () => this.box.replaceChildren(...parts.filter(Boolean)));
  }

  rest(number) {
    if (number <= 0) return null;
    const press = () => {
      this.all = true;
      this.show();
    };
    return element("button", { class: "more-findings", onclick: press }, `Show ${number} more`);
  }

  entry(finding) {
    const open = this.turned.has(finding.id) !== this.unfolded;
    const turn = (event) => {
      if (event.target.open === this.unfolded) this.turned.delete(finding.id);
      else this.turned.add(finding.id);
    };
    return element(
      "details",
      { class: "finding", "data-severity": finding.severity, "data-kind": finding.kind, open, ontoggle: turn },
      summary(finding),
      body(finding),
    );
  }
}

function heading(findings) {
  return element("h2", {}, "Findings", element("span", { class: "faint" }, String(findings.length)));
}

function peace(calm, wanted) {
  const later = wanted.length
    ? element("span", { title: wanted.join("\n") }, ` Not enough was seen yet to speak of ${wanted.length} kinds.`)
    : null;
  return element("p", { class: "calm faint" }, element("i", { "aria-hidden": "true" }, "✓"), `${capital(calm)}.`, later);
}

function summary(finding) {
  return element(
    "summary",
    { "data-focus": `finding-${finding.id}` },
    element("span", { class: "severity", "data-severity": finding.severity }, finding.severity),
    element("strong", {}, finding.kind),
    element("span", { class: "sentence" }, finding.explain),
    element("span", { class: "code where", title: finding.culprit }, finding.where),
    jobLink(finding.jobs[0]) ?? element("span", { class: "job" }),
  );
}

function body(finding) {
  return element(
    "div",
    { class: "body" },
    element("p", { class: "explain" }, finding.explain),
    finding.culprit ? line(finding) : null,
    element("dl", {}, ...facts(finding)),
  );
}

function line({ culprit, code }) {
  return element("pre", { class: "code line" }, element("span", { class: "faint" }, culprit), code ? `\n${code}` : "");
}

function facts(finding) {
  const numbers = finding.evidence.map(([name, value]) =>
    element("span", { class: "number" }, element("span", { class: "faint" }, `${name} `), value),
  );
  if (numbers.length) numbers.push(element("span", { class: "faint" }, "times in seconds"));
  const links = finding.jobs.map((job) => jobLink(job));
  const more = finding.more_jobs ? element("span", { class: "faint" }, `and ${finding.more_jobs} more`) : null;
  return [
    ["do", [finding.fix]],
    ["since", [element("span", { title: finding.moment }, finding.since), element("span", { class: "faint" }, `, ${finding.sure}`)]],
    ["hit", [finding.victims]],
    ["numbers", numbers],
    ["jobs", [...links, more]],
  ]
    .filter(([, values]) => values.some(Boolean))
    .flatMap(([name, values]) => [
      element("dt", {}, name),
      element("dd", { "data-fact": name }, ...values),
    ]);
}

function jobLink(job) {
  if (!job) return null;
  return element("a", { class: "job", href: `?job=${job.id}`, target: "_self", "data-job": job.id, title: job.label }, job.label);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

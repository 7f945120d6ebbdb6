// The list of jobs: processes, filters, and a table that follows the journal.

import { element, keepFocus } from "./dom.js";
import { get, poll } from "./feed.js";
import { choices, counts, matching, sorted } from "./filter.js";
import { Findings } from "./findings.js";
import { duration } from "./format.js";
import { readTheme } from "./palette.js";

const instances = new WeakMap();
const MOST_ROWS = 300;

const COLUMNS = [
  { name: "state", title: "State", show: (job, mark) => stateOf(job, mark) },
  { name: "name", title: "Name", show: (job) => job.name },
  { name: "key", title: "Key", show: (job) => job.key || "–" },
  { name: "service", title: "Service", show: (job) => job.service },
  { name: "started", title: "Started", number: true, show: (job) => when(job.started) },
  { name: "seconds", title: "Duration", number: true, show: (job) => duration(job.seconds * 1e6) },
  { name: "tasks", title: "Tasks", number: true, show: (job) => String(job.tasks) },
  { name: "parallelism", title: "Parallelism", number: true, show: (job) => meter(job.parallelism, job.tasks) },
  { name: "blocked", title: "Loop blocked", number: true, show: (job) => blocked(job) },
  { name: "wait", title: "Longest wait", show: (job) => (job.wait > 0 ? job.wait_text : "–") },
];

export function mount({ data, parentElement, setTriggerValue }) {
  let list = instances.get(parentElement);
  if (!list) {
    list = new JobList(parentElement);
    instances.set(parentElement, list);
  }
  list.access = data;
  list.open = (job) => setTriggerValue("job", job);
  list.begin();
  return () => {
    instances.get(parentElement)?.stop();
    instances.delete(parentElement);
  };
}

class JobList {
  constructor(parent) {
    this.root = parent.querySelector(".jobs");
    this.data = null;
    this.filter = { search: "", states: new Set(), service: "", kind: "" };
    this.order = { column: "started", down: true };
    this.unpoll = null;
    this.marks = {};
    this.findings = new Findings(this.root.querySelector(".findings"), "findings", { news: (found) => this.mark(found) });
    const find = (name) => this.root.querySelector(name);
    [this.search, this.service, this.kind, this.message] = [".search", ".service", ".kind", ".message"].map(find);
    [this.processes, this.head, this.body] = [".processes", "thead tr", "tbody"].map(find);
    [this.empty, this.count, this.states] = [".empty", ".count", ".states"].map(find);
    this.search.oninput = () => this.choose({ search: this.search.value });
    this.service.onchange = () => this.choose({ service: this.service.value });
    this.kind.onchange = () => this.choose({ kind: this.kind.value });
    this.root.onclick = (event) => this.click(event);
  }

  begin() {
    this.findings.begin(this.access);
    this.unpoll ??= poll((signal) => this.load(signal), (error) => this.say(error.message));
  }

  stop() {
    this.findings.stop();
    this.unpoll?.();
    this.unpoll = null;
  }

  /** Jobs with a finding are marked with the worst one. */
  mark({ marks }) {
    this.marks = marks;
    this.show();
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = text === "";
  }

  choose(change) {
    Object.assign(this.filter, change);
    this.show();
  }

  async load(signal) {
    this.root.classList.toggle("dark", readTheme(this.root).dark);
    const query = this.data ? `?known=${this.data.version}` : "";
    const answer = await get(this.access, `jobs${query}`, signal);
    if (answer !== null) {
      this.data = answer;
      this.say(answer.problems.join("\n"));
      this.show();
    }
    return true;
  }

  show() {
    if (!this.data) return;
    const found = sorted(matching(this.data.jobs, this.filter), this.order);
    this.showProcesses();
    this.showStates();
    this.showChoices(this.service, "service", "All services");
    this.showChoices(this.kind, "kind", "All kinds");
    this.showHead();
    const rows = found.slice(0, MOST_ROWS).map((job) => row(job, this.marks[job.id]));
    keepFocus(this.root, () => this.body.replaceChildren(...rows));
    const shown = found.length > MOST_ROWS ? `first ${MOST_ROWS} of ${found.length}` : `${found.length}`;
    this.count.textContent = found.length < this.data.jobs.length ? `${shown} match, of ${this.data.jobs.length}` : shown;
    this.empty.hidden = found.length > 0;
    this.empty.textContent = this.data.jobs.length ? "No job matches this filter." : NOTHING_YET;
    this.root.dataset.ready = "1";
  }

  showProcesses() {
    this.processes.replaceChildren(
      ...this.data.processes.map((process) =>
        element(
          "div",
          { class: "process-card", "data-state": process.state },
          element("span", { class: "state process", "data-state": process.state }, process.state),
          element("strong", {}, process.service),
          element("span", { class: "faint" }, `pid ${process.pid}`),
          element("span", {}, process.sentence),
          process.dropped ? element("span", { class: "hot" }, `${process.dropped} records dropped`) : null,
        ),
      ),
      this.data.more_processes ? element("span", { class: "faint" }, `and ${this.data.more_processes} more`) : "",
    );
  }

  showStates() {
    const { states } = this.filter;
    const press = (state) => () => {
      if (!states.delete(state)) states.add(state);
      this.show();
    };
    const buttons = counts(this.data.jobs).map(([state, count]) =>
      element("button", { "data-focus": `state-${state}`, "aria-pressed": String(states.has(state)), onclick: press(state) }, state, element("b", {}, String(count))),
    );
    keepFocus(this.root, () => this.states.replaceChildren(...buttons));
  }

  showChoices(list, column, all) {
    const found = choices(this.data.jobs, column);
    const known = found.map(([value]) => value).join("\n");
    if (list.dataset.known === known) return;
    list.dataset.known = known;
    const chosen = this.filter[column];
    const option = ([value, words]) => element("option", { value, selected: value === chosen }, words);
    list.replaceChildren(...[["", all], ...found].map(option));
    list.hidden = found.length < 2;
  }

  showHead() {
    const cells = COLUMNS.map(({ name, title, number }) => {
      const chosen = this.order.column === name;
      const press = () => {
        this.order = { column: name, down: chosen ? !this.order.down : name !== "name" };
        this.show();
      };
      const arrow = chosen ? (this.order.down ? " ↓" : " ↑") : "";
      return element(
        "th",
        { scope: "col", class: number ? "number" : "", "aria-sort": chosen ? (this.order.down ? "descending" : "ascending") : null },
        element("button", { "data-focus": `sort-${name}`, onclick: press }, `${title}${arrow}`),
      );
    });
    keepFocus(this.root, () => this.head.replaceChildren(...cells));
  }

  /** A plain click stays on the page; with a modifier the browser follows the link as ever. */
  click(event) {
    const link = event.target.closest("a[data-job]");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.open(link.dataset.job);
  }
}

const NOTHING_YET =
  "Nothing recorded yet.\nStart a service with loopscope.instrument(), or any program with: loopscope run -- python app.py";

function row(job, mark) {
  const cells = COLUMNS.map(({ name, number, show }, column) => {
    const link = { href: `?job=${job.id}`, target: "_self", "data-job": job.id, tabindex: column === 1 ? null : -1 };
    if (column === 1) link["data-focus"] = `job-${job.id}`;
    const shown = show(job, mark);
    if (typeof shown === "string") link.title = shown;
    return element("td", { class: `col-${name}${number ? " number" : ""}` }, element("a", link, shown));
  });
  return element("tr", {}, ...cells);
}

function stateOf({ state }, mark) {
  const sign = mark
    ? element("span", { class: "mark", "data-severity": mark.severity, role: "img", "aria-label": `${mark.severity} finding` }, "!")
    : null;
  return element("span", { title: mark?.text }, element("span", { class: "state", "data-state": state }, state), sign);
}

function when(millis) {
  const date = new Date(millis);
  const time = date.toLocaleTimeString(undefined, { hour12: false });
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}

function meter(parallelism, tasks) {
  const fill = element("i");
  fill.style.width = `${Math.min(parallelism / Math.max(tasks, 1), 1) * 100}%`;
  return element("span", { title: `${parallelism.toFixed(2)} of ${tasks} tasks got something done at a time` }, parallelism.toFixed(2), element("span", { class: "meter" }, fill));
}

function blocked(job) {
  if (!job.blocked) return "–";
  return element("span", { class: job.blocked > 0.25 ? "hot" : "" }, duration(job.blocked * 1e6));
}

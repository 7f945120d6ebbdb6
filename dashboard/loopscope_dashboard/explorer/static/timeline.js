// The timeline component: one instance per place on the page, fed by its own route, painted on one canvas.

import { details as loadDetails, prepared } from "./document.js";
import { showDetails, showTrouble } from "./details.js";
import { drawAxis, drawBands, drawLanes, drawOverview } from "./draw.js";
import { get, poll } from "./feed.js";
import { Findings } from "./findings.js";
import { duration } from "./format.js";
import { showHeadline, showOpenWork } from "./headline.js";
import { listen } from "./input.js";
import { layout, reveal, thumb, under } from "./lanes.js";
import { showLegend } from "./legend.js";
import { readTheme } from "./palette.js";
import { segmentAt } from "./segments.js";
import { drawStrips } from "./strips.js";
import { sayings, showTooltip } from "./tooltip.js";
import { clamp, fit, grow, pan, seesEnd, span, toTime, toX, zoom } from "./view.js";

const instances = new WeakMap();
const ROOM = 0.72; // share of the window's height that the canvas may take
const REACH = 4; // pixels a click may miss a bar by

/** Streamlit calls this at each run of the page: the same place keeps its instance. */
export function mount({ data, parentElement, setTriggerValue }) {
  let timeline = instances.get(parentElement);
  if (timeline && timeline.job !== data.job) {
    timeline.stop();
    timeline = null;
  }
  if (!timeline) {
    timeline = new Timeline(parentElement, data);
    instances.set(parentElement, timeline);
  }
  timeline.access = data;
  timeline.goBack = () => setTriggerValue("leave", true);
  return () => {
    instances.get(parentElement)?.stop();
    instances.delete(parentElement);
  };
}

class Timeline {
  constructor(parent, access) {
    this.access = access;
    this.job = access.job;
    this.data = null;
    this.view = { start: 0, end: 1 };
    this.following = true;
    this.scroll = 0;
    this.hovered = this.picked = this.pickedBand = -1;
    this.pointer = null;
    this.dimmed = new Set();
    this.painted = { lanes: 0, bars: [] };
    this.find(parent);
    this.begin();
  }

  find(parent) {
    this.root = parent.querySelector(".timeline");
    this.canvas = this.root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    const named = (name) => this.root.querySelector(name);
    [this.box, this.panel, this.message, this.spoken] = [".tooltip", ".details", ".message", ".spoken"].map(named);
    [this.keyBox, this.head, this.foot] = [".legends", ".headline", ".open"].map(named);
    named(".back").onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.goBack();
    };
    for (const [name, act] of Object.entries({
      closer: () => this.zoomAt(null, 0.6),
      wider: () => this.zoomAt(null, 1 / 0.6),
      fit: () => this.fit(),
    })) {
      named(`[data-act=${name}]`).onclick = act;
    }
  }

  begin() {
    this.findings = new Findings(this.root.querySelector(".findings"), `jobs/${this.job}/findings`, { unfolded: true });
    this.findings.begin(this.access);
    this.unlisten = listen(this.canvas, this);
    this.resizes = new ResizeObserver(() => this.refresh());
    this.resizes.observe(this.canvas.parentElement);
    this.themes = setInterval(() => this.watchTheme(), 500);
    this.unpoll = poll((signal) => this.load(signal), (error) => this.say(error.message));
    window.__loopscope = { timeline: this.hooks() };
  }

  stop() {
    this.unlisten();
    this.findings.stop();
    this.unpoll();
    this.resizes.disconnect();
    clearInterval(this.themes);
    cancelAnimationFrame(this.frame);
  }

  /** What tests may look at: positions in CSS pixels of the canvas. */
  hooks() {
    return {
      view: () => ({ ...this.view }),
      extent: () => ({ ...this.data.extent }),
      bars: () => this.painted.bars.map((bar) => ({ ...bar, task: this.data.lanes.id[bar.lane] })),
      lanes: () => [...this.data.lanes.name],
      bands: () => this.data.bands.map((band) => ({ ...band, x: this.place.gutter + toX(this.view, this.place.plot, band.start) })),
      place: () => ({ ...this.place }),
    };
  }

  async load(signal) {
    const query = this.data ? `?known=${this.data.version}` : "";
    const answer = await get(this.access, `jobs/${this.job}/timeline${query}`, signal);
    this.say("");
    if (answer !== null) this.take(prepared(answer));
    return this.data.live;
  }

  take(data) {
    const before = this.data;
    const pickedId = this.picked >= 0 ? before.lanes.id[this.picked] : null;
    this.data = data;
    if (before === null) this.view = fit(data.extent);
    else this.view = grow(this.view, before.extent, data.extent, this.following && before.live);
    if (pickedId !== null) this.picked = data.lanes.id.indexOf(pickedId);
    this.theme = null;
    this.refresh();
  }

  say(text) {
    this.root.querySelector(".loading").hidden = true;
    this.message.textContent = text;
    this.message.hidden = text === "";
  }

  watchTheme() {
    if (this.theme && readTheme(this.root).key !== this.theme.key) {
      this.theme = null;
      this.refresh();
    }
  }

  /** Measure again, then paint at the next frame. */
  refresh() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    if (!this.data || !this.root.isConnected) return;
    if (!this.theme) this.dress();
    this.measure();
    const scene = this.scene();
    this.context.clearRect(0, 0, this.place.width, this.place.height);
    drawOverview(scene);
    drawAxis(scene);
    drawBands(scene);
    this.painted = drawLanes(scene);
    drawStrips(scene);
    this.drawCursor();
    this.report();
  }

  /** Everything around the canvas that depends on the data or on the theme. */
  dress() {
    this.theme = readTheme(this.root);
    this.root.classList.toggle("dark", this.theme.dark);
    this.data.words = this.theme.words;
    showHeadline(this.head, this.data.headline);
    showOpenWork(this.foot, this.data.open, this.theme, (id) => this.showTask(id));
    showLegend(this.keyBox, this.data, this.theme, this.dimmed, () => {
      this.theme = null;
      this.refresh();
    });
  }

  scene() {
    const { context, theme, place, data, view, scroll, hovered, picked, pickedBand, pointer, dimmed, following } = this;
    return { context, theme, place, data, view, scroll, hovered, picked, pickedBand, pointer, dimmed, following };
  }

  measure() {
    const width = Math.max(Math.floor(this.canvas.parentElement.clientWidth), 320);
    const room = Math.max(window.innerHeight * ROOM, 360);
    this.place = layout(width, room, this.data.lanes.id.length, this.data.strips.length);
    this.scroll = Math.min(Math.max(this.scroll, 0), this.place.scrollEnd);
    const ratio = window.devicePixelRatio || 1;
    const [pixels, rows] = [Math.round(width * ratio), Math.round(this.place.height * ratio)];
    if (this.canvas.width !== pixels || this.canvas.height !== rows) {
      [this.canvas.width, this.canvas.height] = [pixels, rows];
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${this.place.height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  drawCursor() {
    if (this.pointer === null) return;
    const x = Math.round(this.place.gutter + toX(this.view, this.place.plot, this.pointer)) + 0.5;
    this.context.fillStyle = this.theme.faint;
    this.context.globalAlpha = 0.5;
    this.context.fillRect(x, this.place.lanesTop, 1, this.place.height - this.place.lanesTop);
    this.context.globalAlpha = 1;
  }

  report() {
    const { start, end } = this.view;
    Object.assign(this.root.dataset, {
      ready: "1",
      live: String(this.data.live),
      lanes: this.painted.lanes,
      bars: this.painted.bars.length,
      tasks: this.data.lanes.id.length,
      start: Math.round(start),
      end: Math.round(end),
      selected: this.picked >= 0 ? this.data.lanes.id[this.picked] : "",
    });
  }

  // What input.js calls; x and y are CSS pixels of the canvas.

  plotWidth() {
    return this.place?.plot ?? 1;
  }

  timeAt(x) {
    return toTime(this.view, this.place.plot, x - this.place.gutter);
  }

  spotAt(x, y) {
    return under(this.place, this.data.lanes.id.length, this.scroll, x, y);
  }

  areaAt(x, y) {
    return this.data ? this.spotAt(x, y).area : "none";
  }

  look(view) {
    this.view = view;
    this.following = seesEnd(view, this.data.extent);
    this.refresh();
  }

  zoomAt(x, factor) {
    if (!this.data) return;
    const anchor = x === null ? (this.view.start + this.view.end) / 2 : this.timeAt(Math.max(x, this.place.gutter));
    this.look(zoom(this.view, this.data.extent, factor, anchor));
  }

  panBy(pixels) {
    if (this.data) this.look(pan(this.view, this.data.extent, (pixels / this.place.plot) * span(this.view)));
  }

  centreAt(x) {
    const middle = toTime(fit(this.data.extent), this.place.plot, x - this.place.gutter);
    const half = span(this.view) / 2;
    this.look(clamp({ start: middle - half, end: middle + half }, this.data.extent));
  }

  fit() {
    if (this.data) this.look(fit(this.data.extent));
  }

  toEnd() {
    if (this.data) this.panBy(Number.MAX_SAFE_INTEGER / 1e6);
  }

  scrollBy(pixels) {
    this.scroll += pixels;
    this.box.hidden = true;
    this.refresh();
  }

  scrollThumb(pixels) {
    const grip = thumb(this.place, this.scroll);
    if (grip) this.scrollBy((pixels / (this.place.lanesHeight - grip.height)) * this.place.scrollEnd);
  }

  hover(x, y) {
    if (!this.data) return;
    const spot = this.spotAt(x, y);
    const inPlot = x >= this.place.gutter && x <= this.place.gutter + this.place.plot && spot.area !== "overview";
    this.hovered = spot.lane;
    this.pointer = inPlot ? this.timeAt(x) : null;
    const lines = spot.area === "overview" || spot.area === "none" ? [] : sayings(this.data, this.view, this.place.plot, spot, this.timeAt(x));
    showTooltip(this.box, this.canvas.parentElement, this.theme, lines, x, y);
    this.canvas.style.cursor = spot.lane >= 0 ? "pointer" : "default";
    this.refresh();
  }

  leave() {
    this.hovered = -1;
    this.pointer = null;
    this.box.hidden = true;
    this.refresh();
  }

  pickAt(x, y) {
    if (!this.data) return;
    this.canvas.focus({ preventScroll: true });
    const spot = this.spotAt(x, y);
    const time = this.timeAt(x);
    const reach = (span(this.view) / this.place.plot) * REACH;
    const inPlot = spot.area === "lanes" || spot.area === "axis" || spot.area === "strips";
    const band = inPlot ? this.data.bands.findIndex((one) => time >= one.start - reach && time <= one.end + reach) : -1;
    const onBar = spot.lane >= 0 && spot.area === "lanes" ? segmentAt(this.data.segments, spot.lane, time, reach) : -1;
    const blocked = onBar >= 0 && this.data.kinds[this.data.segments.kind[onBar]] === "blocked";
    if (band >= 0 && (onBar < 0 || blocked)) this.showBand(band);
    else if (spot.lane >= 0) this.showLane(spot.lane);
    else this.close();
  }

  step(lanes) {
    if (!this.data) return;
    const last = this.data.lanes.id.length - 1;
    this.picked = Math.min(Math.max(this.picked + lanes, 0), last);
    this.scroll = reveal(this.place, this.picked, this.scroll);
    const { name, outcome, start, end } = this.data.lanes;
    this.spoken.textContent = `${name[this.picked]}, ${outcome[this.picked]}, ${duration(end[this.picked] - start[this.picked])}`;
    this.refresh();
  }

  pickLane() {
    if (this.picked >= 0) this.showLane(this.picked);
  }

  showLane(lane) {
    [this.picked, this.pickedBand] = [lane, -1];
    this.open(`tasks/${this.data.lanes.id[lane]}`);
  }

  showTask(id) {
    const lane = this.data.lanes.id.indexOf(id);
    if (lane < 0) return;
    this.scroll = reveal(this.place, lane, this.scroll);
    this.showLane(lane);
  }

  showBand(band) {
    [this.picked, this.pickedBand] = [-1, band];
    this.open(`blocks/${this.data.bands[band].id}`);
  }

  async open(path) {
    const close = () => this.close();
    this.box.hidden = true;
    this.refresh();
    this.asked = path;
    try {
      const answer = await loadDetails(this.access, this.job, path);
      if (this.asked === path) showDetails(this.panel, answer, close);
    } catch (error) {
      if (this.asked === path) showTrouble(this.panel, error.message, close);
    }
  }

  close() {
    this.asked = null;
    this.picked = this.pickedBand = -1;
    this.panel.hidden = true;
    this.refresh();
  }
}

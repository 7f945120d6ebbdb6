// Pointer, wheel and keyboard, turned into a few calls on the timeline: zoomAt, panBy, scrollBy, hover, pick, …

const WHEEL_ZOOM = 0.0016;
const KEY_ZOOM = 0.7;
const KEY_PAN = 0.12;
const CLICK_SLACK = 4;

/** Listens on the canvas. `timeline` has the methods called below; the answer takes all listeners off again. */
export function listen(canvas, timeline) {
  const control = new AbortController();
  const on = (name, call, options = {}) =>
    canvas.addEventListener(name, call, { signal: control.signal, ...options });
  let drag = null;

  on("wheel", (event) => wheel(event, timeline), { passive: false });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { x: event.offsetX, y: event.offsetY, area: timeline.areaAt(event.offsetX, event.offsetY), moved: false };
    if (drag.area === "overview") timeline.centreAt(event.offsetX);
  });
  on("pointermove", (event) => {
    if (drag) dragTo(event, drag, timeline);
    else timeline.hover(event.offsetX, event.offsetY);
  });
  on("pointerup", (event) => {
    if (drag && !drag.moved && drag.area !== "overview") timeline.pickAt(event.offsetX, event.offsetY);
    drag = null;
  });
  on("pointercancel", () => (drag = null));
  on("pointerleave", () => timeline.leave());
  on("dblclick", () => timeline.fit());
  on("keydown", (event) => {
    if (event.altKey || event.metaKey || (event.ctrlKey && event.key !== "Home" && event.key !== "End")) return;
    const act = keys(timeline)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  return () => control.abort();
}

function wheel(event, timeline) {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 16 : 1;
  const [across, down] = [event.deltaX * unit, event.deltaY * unit];
  const area = timeline.areaAt(event.offsetX, event.offsetY);
  if (event.shiftKey) timeline.panBy(across || down);
  else if (Math.abs(across) > Math.abs(down)) timeline.panBy(across);
  else if ((area === "gutter" || area === "scrollbar") && !event.ctrlKey) timeline.scrollBy(down);
  else timeline.zoomAt(event.offsetX, Math.exp(down * WHEEL_ZOOM * (event.ctrlKey ? 4 : 1)));
}

function dragTo(event, drag, timeline) {
  const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
  if (!drag.moved && Math.hypot(dx, dy) < CLICK_SLACK) return;
  drag.moved = true;
  [drag.x, drag.y] = [event.offsetX, event.offsetY];
  if (drag.area === "overview") timeline.centreAt(event.offsetX);
  else if (drag.area === "scrollbar") timeline.scrollThumb(dy);
  else {
    timeline.panBy(-dx);
    timeline.scrollBy(-dy);
  }
}

function keys(timeline) {
  return {
    ArrowLeft: () => timeline.panBy(-KEY_PAN * timeline.plotWidth()),
    ArrowRight: () => timeline.panBy(KEY_PAN * timeline.plotWidth()),
    ArrowUp: () => timeline.step(-1),
    ArrowDown: () => timeline.step(1),
    PageUp: () => timeline.step(-10),
    PageDown: () => timeline.step(10),
    Home: () => timeline.fit(),
    End: () => timeline.toEnd(),
    Enter: () => timeline.pickLane(),
    Escape: () => timeline.close(),
    "+": () => timeline.zoomAt(null, KEY_ZOOM),
    "=": () => timeline.zoomAt(null, KEY_ZOOM),
    "-": () => timeline.zoomAt(null, 1 / KEY_ZOOM),
    0: () => timeline.fit(),
  };
}

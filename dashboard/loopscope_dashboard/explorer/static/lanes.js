// Where lanes, strips and the axis lie on the canvas. Pure: pixels in, pixels out.

export const LANE = 22;
export const STRIP = 46;
export const AXIS = 24;
export const OVERVIEW = 44;
export const GUTTER = 268;
export const SCROLLBAR = 10;
const LEAST_LANES = 4;

/** Heights from top to bottom for a number of lanes and strips and the room there is. */
export function layout(width, room, lanes, strips) {
  const gutter = Math.min(GUTTER, Math.round(width * 0.3));
  const stripsHeight = strips * STRIP;
  const free = room - OVERVIEW - AXIS - stripsHeight;
  const lanesHeight = Math.min(Math.max(lanes, 1) * LANE, Math.max(free, LEAST_LANES * LANE));
  const lanesTop = OVERVIEW + AXIS;
  return {
    width,
    gutter,
    plot: Math.max(width - gutter - SCROLLBAR, 1),
    lanesTop,
    lanesHeight,
    stripsTop: lanesTop + lanesHeight,
    height: lanesTop + lanesHeight + stripsHeight,
    scrollEnd: Math.max(lanes * LANE - lanesHeight, 0),
  };
}

/** Lanes on screen for a scroll position: the first one and the one after the last. */
export function onScreen(place, lanes, scroll) {
  return [
    Math.max(Math.floor(scroll / LANE), 0),
    Math.min(Math.ceil((scroll + place.lanesHeight) / LANE), lanes),
  ];
}

export const laneTop = (place, lane, scroll) => place.lanesTop + lane * LANE - scroll;

/** What lies under a point: {area: overview | axis | lanes | strips | gutter | scrollbar | none, lane, strip}. */
export function under(place, lanes, scroll, x, y) {
  if (y < 0 || y >= place.height || x < 0 || x >= place.width) return { area: "none", lane: -1 };
  if (y < OVERVIEW) return { area: "overview", lane: -1 };
  if (y < place.lanesTop) return { area: "axis", lane: -1 };
  if (y >= place.stripsTop) {
    return { area: "strips", lane: -1, strip: Math.floor((y - place.stripsTop) / STRIP) };
  }
  const lane = Math.floor((y - place.lanesTop + scroll) / LANE);
  const known = lane < lanes ? lane : -1;
  if (x >= place.gutter + place.plot) return { area: "scrollbar", lane: known };
  return { area: x < place.gutter ? "gutter" : "lanes", lane: known };
}

/** The scroll position that brings a lane into sight with the least movement. */
export function reveal(place, lane, scroll) {
  const top = lane * LANE;
  if (top < scroll) return top;
  if (top + LANE > scroll + place.lanesHeight) return top + LANE - place.lanesHeight;
  return scroll;
}

/** The scroll bar's thumb, null when every lane is on screen. */
export function thumb(place, scroll) {
  if (place.scrollEnd <= 0) return null;
  const whole = place.lanesHeight + place.scrollEnd;
  const height = Math.max((place.lanesHeight / whole) * place.lanesHeight, 24);
  return { top: place.lanesTop + (scroll / place.scrollEnd) * (place.lanesHeight - height), height };
}

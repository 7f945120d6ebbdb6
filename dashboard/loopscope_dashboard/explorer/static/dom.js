// Builds elements. Text always goes in as text, never as markup: names come from the observed service.

/** element("a", {class: "x", href: "…"}, "text", child, …); null children are left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Repaint without losing the keyboard's place. */
export function keepFocus(root, repaint) {
  const shadow = root.getRootNode();
  const held = shadow.activeElement?.dataset?.focus;
  repaint();
  if (held && shadow.activeElement?.dataset?.focus !== held) {
    root.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }
}

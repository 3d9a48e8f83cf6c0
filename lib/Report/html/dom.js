// Building elements. Text from the report goes through textContent and
// setAttribute only, never through HTML: a node's name may contain any character.

const svgNamespace = "http://www.w3.org/2000/svg";

function applyProperties(node, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

/** element("button", {class: "x", text: "Close", click: close}, ...children) */
function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  applyProperties(node, properties);
  node.append(...children);
  return node;
}

function svg(tag, properties = {}, ...children) {
  const node = document.createElementNS(svgNamespace, tag);
  applyProperties(node, properties);
  node.append(...children);
  return node;
}

/** An image that is drawn pixel by pixel and scales as a whole when printed. */
function image(width, height, label) {
  const viewBox = `0 0 ${width} ${height}`;
  return svg("svg", { width, height, viewBox, role: "img", "aria-label": label });
}

function byId(id) {
  return document.getElementById(id);
}

/** A value that views watch. `set` tells them, with the view that caused it. */
function makeStore(value) {
  const listeners = [];
  return {
    get: () => value,
    set(next, origin) {
      value = next;
      for (const listener of listeners) listener(value, origin);
    },
    subscribe: (listener) => listeners.push(listener),
  };
}

/** Runs `draw` at most once a frame, however many events ask for it. */
function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** Draws when `node` first has a size and whenever its width changes. A drawing
 * sets its own height, so that a change of height alone must not draw again. */
function drawAtWidth(node, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    draw();
  }).observe(node);
}

/** An op's name whose middle gives way where there is no room: ONNX names differ
 * at both ends. The text as a whole stays the name. */
function nameLabel(name) {
  const characters = [...name];
  const tail = Math.min(12, Math.floor(characters.length / 2));
  const head = characters.slice(0, characters.length - tail).join("");
  const end = characters.slice(characters.length - tail).join("");
  return element(
    "span",
    { class: "name" },
    element("span", { class: "name-head", text: head }),
    element("span", { class: "name-tail", text: end }),
  );
}

/** The name as text that may break after each node of a fused op. */
function wrappedName(name) {
  const parts = name.split("+");
  const label = element("span");
  parts.forEach((part, i) => {
    label.append(i + 1 < parts.length ? `${part}+` : part);
    if (i + 1 < parts.length) label.append(element("wbr"));
  });
  return label;
}

/** Shows `lines` beside the pointer; the first one is the heading. */
function showTip(lines, x, y) {
  const tip = byId("tip");
  const [heading, ...rest] = lines;
  tip.replaceChildren(
    element("strong", { text: heading }),
    ...rest.map((line) => element("div", { text: line })),
  );
  tip.hidden = false;
  const margin = 12;
  const left = Math.min(x + margin, window.innerWidth - tip.offsetWidth - margin);
  const below = y + margin + tip.offsetHeight < window.innerHeight;
  tip.style.left = `${Math.max(margin, left)}px`;
  tip.style.top = `${below ? y + margin : Math.max(margin, y - margin - tip.offsetHeight)}px`;
}

function hideTip() {
  byId("tip").hidden = true;
}

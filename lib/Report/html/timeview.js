// The part of the time axis that timeline and memory show, and how it is moved:
// wheel, drag, keys and buttons. Both plots share one view.

const timeGutter = 92;
const timeMargin = 14;
const smallestSpan = 8;

function makeTimeView(model) {
  const last = Math.max(1, model.lastCycle);
  const store = makeStore({ start: 0, end: last });
  const show = (start, end) => {
    const span = Math.min(last, Math.max(Math.min(smallestSpan, last), end - start));
    const middle = (start + end) / 2;
    const from = Math.min(last - span, Math.max(0, middle - span / 2));
    store.set({ start: from, end: from + span });
  };
  return {
    last,
    show,
    get: store.get,
    subscribe: store.subscribe,
    whole: () => show(0, last),
    isWhole: () => store.get().end - store.get().start >= last,
    pan(share) {
      const { start, end } = store.get();
      const by = share * (end - start);
      const bounded = Math.min(last - end, Math.max(-start, by));
      show(start + bounded, end + bounded);
    },
    /** Keeps the moment at `share` of the view where it is. */
    zoom(factor, share = 0.5) {
      const { start, end } = store.get();
      const fixed = start + share * (end - start);
      show(fixed - (fixed - start) * factor, fixed + (end - fixed) * factor);
    },
    /** An op with some of what is around it. */
    zoomTo(op) {
      const { start, end } = extentOf(op);
      const around = Math.max(smallestSpan, end - start) * 0.5;
      show(start - around, end + around);
    },
    /** Moves only where the op is out of view. */
    reveal(op) {
      const view = store.get();
      const { start, end } = extentOf(op);
      if (end >= view.start && start <= view.end) return;
      const half = (view.end - view.start) / 2;
      show((start + end) / 2 - half, (start + end) / 2 + half);
    },
  };
}

/** From an op's first command to its last completion, or what is accounted to
 * it. */
function extentOf(op) {
  return {
    start: Math.min(op.start, ...op.engines.map((span) => span.start)),
    end: Math.max(op.end, ...op.engines.map((span) => span.end)),
  };
}

function plotWidth(container) {
  return Math.max(40, container.clientWidth - timeGutter - timeMargin);
}

function timeScale(container, view) {
  const { start, end } = view.get();
  const perCycle = plotWidth(container) / (end - start);
  return {
    start,
    end,
    x: (cycle) => timeGutter + (cycle - start) * perCycle,
    cycleAt: (x) => start + (x - timeGutter) / perCycle,
  };
}

/** Ticks in cycles, the time they stand for below. */
function drawTimeAxis(plot, container, view, model, top, bottom) {
  const { start, end, x } = timeScale(container, view);
  const step = Math.max(1, niceStep(end - start, plotWidth(container) / 90));
  const label = axisFormatter(step, end);
  const timeLabel = axisFormatter(model.seconds(step) ?? 1, model.seconds(end) ?? 1, "s", 1e-15);
  for (let tick = Math.ceil(start / step) * step; tick <= end; tick += step) {
    plot.append(
      svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: bottom }),
      svg("text", { class: "tick middle", x: x(tick), y: bottom + 14, text: label(tick) }),
    );
    const time = model.seconds(tick);
    if (time !== null)
      plot.append(
        svg("text", {
          class: "tick middle faint",
          x: x(tick),
          y: bottom + 27,
          text: timeLabel(time),
        }),
      );
  }
  plot.append(
    svg("text", { class: "tick end", x: timeGutter - 18, y: bottom + 14, text: "cycles" }),
  );
}

/** A wheel over a plot scrolls the page, as readers expect, unless the plot has
 * the focus or Ctrl is held; the page's own scroll is never taken by surprise. */
function zoomWithWheel(container, view) {
  container.addEventListener(
    "wheel",
    (event) => {
      const modified = event.ctrlKey || event.metaKey || event.shiftKey;
      if (!modified && !container.contains(document.activeElement)) return;
      // At the whole network the wheel has nothing to widen: let the page scroll.
      if (!modified && event.deltaY > 0 && view.isWhole()) return;
      event.preventDefault();
      const share =
        (event.clientX - container.getBoundingClientRect().left - timeGutter) /
        plotWidth(container);
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
        view.pan(event.deltaX / plotWidth(container));
      else view.zoom(Math.exp(event.deltaY * 0.002), Math.min(1, Math.max(0, share)));
    },
    { passive: false },
  );
}

/** A drag of less than a few pixels is a click, which `click(event)` gets. */
function panWithPointer(container, view, click) {
  let from = null;
  container.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, last: event.clientX, moved: false };
  });
  container.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!from.moved && Math.abs(event.clientX - from.x) < 4) return;
    if (!from.moved) container.setPointerCapture(event.pointerId);
    from.moved = true;
    hideTip();
    view.pan((from.last - event.clientX) / plotWidth(container));
    from.last = event.clientX;
  });
  container.addEventListener("pointerup", (event) => {
    if (from && !from.moved) click(event);
    from = null;
  });
  container.addEventListener("pointercancel", () => {
    from = null;
  });
}

function moveWithKeys(container, view, model) {
  const indices = model.ops.map((op) => op.index);
  const actions = {
    ArrowLeft: () => view.pan(-0.15),
    ArrowRight: () => view.pan(0.15),
    "+": () => view.zoom(0.6),
    "=": () => view.zoom(0.6),
    "-": () => view.zoom(1 / 0.6),
    0: () => view.whole(),
    Home: () => view.whole(),
    ArrowUp: () => stepSelection(indices, -1, container),
    ArrowDown: () => stepSelection(indices, 1, container),
    Enter: () => selection.get() !== null && view.zoomTo(model.ops[selection.get()]),
  };
  container.addEventListener("keydown", (event) => {
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : null;
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
}

function viewButtons(view, model) {
  const button = (text, label, click) =>
    element("button", { type: "button", text, "aria-label": label, title: label, click });
  const range = element("output", { class: "range" });
  const update = () => {
    const { start, end } = view.get();
    range.textContent = view.isWhole()
      ? `all ${exact(view.last)} cycles`
      : `cycles ${exact(Math.round(start))} to ${exact(Math.round(end))}`;
  };
  view.subscribe(update);
  update();
  return element(
    "div",
    { class: "controls" },
    button("−", "Zoom out", () => view.zoom(1 / 0.6)),
    button("+", "Zoom in", () => view.zoom(0.6)),
    button("◂", "Earlier", () => view.pan(-0.3)),
    button("▸", "Later", () => view.pan(0.3)),
    button("All", "Show the whole network", () => view.whole()),
    button(
      "Op",
      "Zoom to the selected op",
      () => selection.get() !== null && view.zoomTo(model.ops[selection.get()]),
    ),
    range,
    element("span", {
      class: "hint keys",
      text: "drag to pan; click the plot or hold Ctrl, then wheel to zoom; keys + − ← → 0, ↑ ↓ select",
    }),
  );
}

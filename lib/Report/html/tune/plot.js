// A plot of marks and steps over two linear axes.

const margin = { left: 74, right: 14, top: 10, bottom: 38 };
const plotHeight = 300;

/** Round ticks over the values, with some room at both ends. */
function makeScale(values, from, to) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  const step = niceStep(high - low + 2 * room, 5);
  const ticks = [];
  for (let i = Math.ceil((low - room) / step); i * step <= high + room; ++i) ticks.push(i * step);
  const place = (value) => from + ((value - low + room) / (high - low + 2 * room)) * (to - from);
  return { place, ticks };
}

/** `axes.x`, `axes.y`: {values, title, show}. Returns the drawing and both places. */
function makePlot(width, label, axes) {
  const drawing = image(width, plotHeight, label);
  const x = makeScale(axes.x.values, margin.left, width - margin.right);
  const y = makeScale(axes.y.values, plotHeight - margin.bottom, margin.top);
  for (const tick of x.ticks) {
    const at = x.place(tick);
    drawing.append(
      svg("line", {
        class: "grid",
        x1: at,
        x2: at,
        y1: margin.top,
        y2: plotHeight - margin.bottom,
      }),
      svg("text", {
        class: "tick middle",
        x: at,
        y: plotHeight - margin.bottom + 14,
        text: axes.x.show(tick),
      }),
    );
  }
  for (const tick of y.ticks) {
    const at = y.place(tick);
    drawing.append(
      svg("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: at, y2: at }),
      svg("text", { class: "tick end", x: margin.left - 6, y: at + 4, text: axes.y.show(tick) }),
    );
  }
  drawing.append(
    svg("text", {
      class: "axis middle",
      x: (margin.left + width) / 2,
      y: plotHeight - 6,
      text: axes.x.title,
    }),
    svg("text", {
      class: "axis middle",
      transform: `translate(12 ${(plotHeight - margin.bottom) / 2}) rotate(-90)`,
      text: axes.y.title,
    }),
  );
  return { drawing, x: x.place, y: y.place };
}

/** A line that goes across, then up or down. */
function steps(points, className) {
  const path = points.map(([x, y], i) => (i ? `H${x}V${y}` : `M${x} ${y}`)).join("");
  return svg("path", {
    class: className,
    d: path,
    fill: "none",
    stroke: "var(--tone)",
    "stroke-width": 1.6,
  });
}

function mark(candidate, run, runIndex, x, y, lines) {
  const show = (event) => showTip(lines, event.clientX, event.clientY);
  const node = svg(
    "g",
    {
      class: `mark tone-${runIndex % 8}`,
      "data-run": runIndex,
      "data-candidate": candidate.index,
      tabindex: 0,
      role: "img",
      "aria-label": lines.join(", "),
      pointermove: show,
      pointerleave: hideTip,
      blur: hideTip,
      focus: () => {
        const box = node.getBoundingClientRect();
        showTip(lines, box.right, box.bottom);
      },
    },
    svg("circle", { cx: x, cy: y, r: 4.5, fill: "var(--tone)" }),
  );
  if (candidate.isResult)
    node.append(
      svg("circle", {
        cx: x,
        cy: y,
        r: 8,
        fill: "none",
        stroke: "var(--ink)",
        "stroke-width": 1.6,
      }),
    );
  return node;
}

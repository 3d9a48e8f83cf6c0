// Roofline (Williams, Waterman and Patterson, 2009): what an op does in a cycle
// against what it does for a byte of DRAM traffic, on logarithmic axes, below
// the roof of what the machine can do.
//
// DRAM's read and write channels work at the same time, so the byte count is
// that of the busier channel. A value outside the axes (an op without cycles or
// without traffic) is drawn on the edge, for every op on the array has its point.

const rooflineHeight = 340;
const rooflineMargin = { left: 52, right: 16, top: 14, bottom: 40 };

/** Intensity, rate and weight of every op on the array. */
function rooflinePoints(model) {
  return model.ops
    .filter((op) => op.placement === "array")
    .map((op) => ({
      op,
      x: op.busierBytes > 0 ? (op.macs ?? 0) / op.busierBytes : Infinity,
      y: op.cycles > 0 ? (op.macs ?? 0) / op.cycles : Infinity,
    }));
}

/** One roof for each rate at which the machine or an op runs the array. */
function roofs(model) {
  if (!model.peak) return [];
  const { parameters } = model;
  const rates = new Map([[1, "8 bit"]]);
  for (const bits of [4, 2]) {
    const rate = parameters[`array_rate_${bits}bit`];
    if (rate > 1 && !rates.has(rate)) rates.set(rate, `${bits} bit`);
  }
  // Lower than the others: of interest to ops that are under it.
  const slow = model.ops.find((op) => op.rate < 1);
  if (slow) rates.set(slow.rate, "16 bit");
  return [...rates].map(([rate, label]) => ({ macs: model.peak * rate, label }));
}

/** 1, 2 and 5 in every decade. */
function roundValues(low, high) {
  const values = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high * 1.001; ++power)
    values.push(...[1, 2, 5].map((step) => step * 10 ** power));
  return values;
}

/** Round limits with some room around the finite positive values. */
function logDomain(values) {
  const finite = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!finite.length) return [0.1, 1000];
  const low = Math.min(...finite) * 0.7;
  const high = Math.max(...finite) * 1.5;
  const round = roundValues(low, high * 10);
  return [round.findLast((value) => value <= low), round.find((value) => value >= high)];
}

function logScale([low, high], from, to) {
  const span = Math.log10(high / low);
  return (value) => {
    const bounded = Math.min(high, Math.max(low, value));
    return from + ((to - from) * Math.log10(bounded / low)) / span;
  };
}

/** Every round value where there is room for it, otherwise the powers of ten. */
function ticksOf([low, high], room) {
  const ticks = roundValues(low, high).filter(
    (tick) => tick >= low * 0.999 && tick <= high * 1.001,
  );
  return ticks.length <= room
    ? ticks
    : ticks.filter((tick) => Number.isInteger(Math.round(1e6 * Math.log10(tick)) / 1e6));
}

function drawRooflineAxes(plot, { domainX, domainY, x, y, width }) {
  const { left, right, top, bottom } = rooflineMargin;
  const base = rooflineHeight - bottom;
  const label = (value) => (value < 1 ? String(Number(value.toPrecision(1))) : scaled(value));
  for (const tick of ticksOf(domainX, width / 48))
    plot.append(
      svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: base }),
      svg("text", { class: "tick middle", x: x(tick), y: base + 15, text: label(tick) }),
    );
  for (const tick of ticksOf(domainY, 10))
    plot.append(
      svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      svg("text", { class: "tick end", x: left - 6, y: y(tick) + 4, text: label(tick) }),
    );
  const narrow = width < 420;
  plot.append(
    svg("text", {
      class: "axis middle",
      x: (left + width - right) / 2,
      y: rooflineHeight - 6,
      text: narrow ? "MACs per DRAM byte" : "MACs per DRAM byte (of the busier channel)",
    }),
    svg("text", {
      class: "axis middle",
      transform: `translate(12 ${(top + base) / 2}) rotate(-90)`,
      text: "MACs per cycle",
    }),
  );
}

/** The slope ends at the ridge, where it meets the array's rate. Labels stand to
 * the left of the ridge, where no op can be. */
function drawRoofs(plot, model, { domainX, domainY, x, y, width }) {
  const bandwidth = model.parameters.dram_bytes_per_cycle;
  const { left, right } = rooflineMargin;
  const all = roofs(model);
  for (const { macs, label } of all) {
    const ridge = isNumber(bandwidth) ? macs / bandwidth : domainX[0];
    if (macs >= domainY[0] && ridge <= domainX[1])
      plot.append(
        svg("line", { class: "roof", x1: x(ridge), x2: width - right, y1: y(macs), y2: y(macs) }),
      );
    const name = `${exact(macs)} MACs/cycle${all.length > 1 ? ` at ${label}` : ""}`;
    plot.append(
      svg("line", { class: "rate", x1: left, x2: x(ridge), y1: y(macs), y2: y(macs) }),
      svg("text", { class: "roof-label", x: left + 4, y: y(macs) - 4, text: name }),
    );
  }
  const highest = Math.max(...all.map((roof) => roof.macs));
  if (!isNumber(bandwidth) || !all.length) return;
  // The part of y = bandwidth * x that the axes show.
  const low = Math.max(domainX[0], domainY[0] / bandwidth);
  const high = Math.min(domainX[1], highest / bandwidth);
  if (low >= high) return;
  plot.append(
    svg("line", {
      class: "roof",
      x1: x(low),
      y1: y(low * bandwidth),
      x2: x(high),
      y2: y(high * bandwidth),
    }),
  );
  const angle =
    (Math.atan2(y(high * bandwidth) - y(low * bandwidth), x(high) - x(low)) * 180) / Math.PI;
  const middle = Math.sqrt(low * high);
  if (x(high) - x(low) > 90)
    plot.append(
      svg("text", {
        class: "roof-label middle",
        text: `${exact(bandwidth, "B")}/cycle`,
        transform: `translate(${x(middle)} ${y(middle * bandwidth)}) rotate(${angle}) translate(0 14)`,
      }),
    );
}

function drawPoints(plot, points, { domainX, domainY, x, y }) {
  const most = Math.max(1, ...points.map(({ op }) => op.cycles));
  // Small ones last, so that a large one never hides them.
  for (const point of [...points].sort((a, b) => b.op.cycles - a.op.cycles)) {
    const { op } = point;
    const outside =
      point.x < domainX[0] || point.x > domainX[1] || point.y < domainY[0] || point.y > domainY[1];
    plot.append(
      svg("circle", {
        class: `point ${toneClass(op.bound, 6)}${outside ? " outside" : ""}`,
        "data-op": op.index,
        cx: x(point.x),
        cy: y(point.y),
        r: outside ? 5 : 3 + 12 * Math.sqrt(op.cycles / most),
      }),
    );
  }
}

/** The selected point comes to the front; pointers still reach those below it
 * through its ring. */
function markPoint(plot) {
  markSelected(plot);
  const node = plot.querySelector(".selected");
  if (node) plot.append(node);
}

function drawRoofline(container, model, points) {
  const width = container.clientWidth;
  const bandwidth = model.parameters.dram_bytes_per_cycle;
  const tops = roofs(model).map((roof) => roof.macs);
  const ridges = tops.map((macs) => quotient(macs, bandwidth));
  const domainX = logDomain([...points.map((p) => p.x), ...ridges]);
  const domainY = logDomain([...points.map((p) => p.y), ...tops]);
  const { left, right, top, bottom } = rooflineMargin;
  const frame = {
    domainX,
    domainY,
    width,
    x: logScale(domainX, left, width - right),
    y: logScale(domainY, rooflineHeight - bottom, top),
  };
  const label = `Roofline plot of ${plural(points.length, "op")} on the array`;
  const plot = image(width, rooflineHeight, label);
  drawRooflineAxes(plot, frame);
  drawRoofs(plot, model, frame);
  drawPoints(plot, points, frame);
  container.replaceChildren(plot);
  markPoint(plot);
}

function showRoofline(model) {
  const container = byId("roofline");
  const points = rooflinePoints(model);
  if (!points.length) {
    container.append(element("p", { class: "absent", text: "no op runs on the array" }));
    return;
  }
  if (!model.peak || !isNumber(model.parameters.dram_bytes_per_cycle))
    container.before(element("p", { class: "absent", text: `the machine's roof: ${notInReport}` }));
  applyProperties(container, {
    class: "plot",
    tabindex: 0,
    role: "group",
    "aria-labelledby": "roofline-title",
    "aria-describedby": "roofline-hint",
  });
  const byIndex = new Map(points.map((point) => [point.op.index, point]));
  offerOps(container, model, (op) => {
    const { x, y } = byIndex.get(op.index);
    return [
      Number.isFinite(x) ? `${exact(Number(x.toPrecision(4)))} MACs per byte` : "no DRAM traffic",
      Number.isFinite(y)
        ? `${exact(Number(y.toPrecision(4)))} MACs per cycle`
        : "no cycles of its own",
    ];
  });
  container.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    stepSelection([...byIndex.keys()], step, container);
  });
  selection.subscribe(() => markPoint(container.querySelector("svg") ?? container));
  drawAtWidth(container, () => drawRoofline(container, model, points));
}

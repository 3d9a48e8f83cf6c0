// Memory over time: bytes of scratchpad and of DRAM in use while each op runs,
// as steps on the timeline's axis. Ops follow each other as in the account.

const memoryHeight = 74;
const memoryGap = 20;
const memoryTop = 10;

/** The memories of which the report says how full they are. */
function makeMemories(model) {
  const { parameters } = model;
  const memories = [
    {
      name: "scratchpad",
      tone: toneClass("scratchpad"),
      value: (op) => op.scratchpadBytes,
      limit: numberOrNull(parameters.scratchpad_bytes),
      limitName: "size",
    },
    {
      name: "DRAM",
      tone: toneClass("dram"),
      value: (op) => op.dramLiveBytes,
      limit: model.tensorBytes,
      limitName: model.constantBytes === null ? "allocated" : "for tensors",
    },
  ];
  for (const memory of memories) {
    const known = model.ops.filter((op) => memory.value(op) !== null);
    memory.peak = known.reduce(
      (best, op) => (best === null || memory.value(op) > memory.value(best) ? op : best),
      null,
    );
  }
  return memories;
}

/** What the plot is as high as: the memory, or the peak where that is so far below
 * that steps would not be seen. */
function memoryScale(memory) {
  const peak = Math.max(1, memory.value(memory.peak));
  return memory.limit !== null && memory.limit <= 8 * peak ? Math.max(memory.limit, peak) : peak;
}

/** Steps of a path. An op without a value leaves a gap at zero. */
function memoryPath(model, memory, { start, end, x }, y, base) {
  const parts = [];
  for (const op of model.ops) {
    if (op.end < start || op.start > end || op.cycles === 0) continue;
    const top = y(memory.value(op) ?? 0).toFixed(1);
    const left = x(Math.max(op.start, start)).toFixed(1);
    const right = x(Math.min(op.end, end)).toFixed(1);
    parts.push(`${parts.length ? "L" : `M${left},${base}L`}${left},${top}L${right},${top}`);
    if (op === model.ops.at(-1) || op.end >= end) parts.push(`L${right},${base}`);
  }
  return parts.length ? `${parts.join("")}Z` : "";
}

function drawMemory(plot, container, model, memory, top, scale) {
  const base = top + memoryHeight;
  const right = timeGutter + plotWidth(container);
  const highest = memoryScale(memory);
  const y = (bytes) => base - (memoryHeight * bytes) / highest;
  const line = (bytes, className) =>
    svg("line", { class: className, x1: timeGutter, x2: right, y1: y(bytes), y2: y(bytes) });
  plot.append(
    svg("text", { class: "lane-label end", x: timeGutter - 8, y: top + 11, text: memory.name }),
    svg("text", {
      class: "tick end faint",
      x: timeGutter - 8,
      y: top + 24,
      text: scaled(highest, "B"),
    }),
    svg("text", { class: "tick end faint", x: timeGutter - 8, y: base, text: "0" }),
    svg("path", { class: `area ${memory.tone}`, d: memoryPath(model, memory, scale, y, base) }),
    line(0, "base"),
  );
  if (memory.limit !== null && memory.limit <= highest) plot.append(line(memory.limit, "limit"));
  const chosen = model.ops[selection.get()];
  if (!chosen || chosen.end < scale.start || chosen.start > scale.end) return;
  const left = scale.x(Math.max(chosen.start, scale.start));
  plot.append(
    svg("rect", {
      class: "chosen",
      x: left,
      y: top,
      height: memoryHeight,
      width: Math.max(2, scale.x(Math.min(chosen.end, scale.end)) - left),
    }),
  );
}

function drawMemories(container, view, model, memories) {
  const scale = timeScale(container, view);
  const bottom = memoryTop + memories.length * (memoryHeight + memoryGap) - memoryGap;
  const label = memories.map((memory) => peakText(memory)).join("; ");
  const plot = image(container.clientWidth, bottom + timeAxisHeight, label);
  drawTimeAxis(plot, container, view, model, memoryTop, bottom);
  memories.forEach((memory, i) =>
    drawMemory(plot, container, model, memory, memoryTop + i * (memoryHeight + memoryGap), scale),
  );
  container.replaceChildren(plot);
}

function peakText(memory) {
  const bytes = memory.value(memory.peak);
  const limit =
    memory.limit === null
      ? ""
      : `, ${percent(bytes, memory.limit)} of ${scaled(memory.limit, "B")} ${memory.limitName}`;
  return `${memory.name}: at most ${scaled(bytes, "B")}${limit}`;
}

/** Where each memory is fullest, which selects the op. */
function peakList(memories) {
  return element(
    "ul",
    { class: "notes" },
    ...memories.map((memory) =>
      element(
        "li",
        {},
        element("span", { class: `swatch ${memory.tone}` }),
        `${peakText(memory)}, in `,
        element(
          "button",
          { type: "button", class: "link", "data-op": memory.peak.index },
          nameLabel(memory.peak.name),
        ),
      ),
    ),
  );
}

function opAtCycle(model, cycle) {
  return model.ops.find((op) => op.start <= cycle && op.end > cycle);
}

function showMemory(model, view) {
  const container = byId("memory");
  const all = makeMemories(model);
  const memories = all.filter((memory) => memory.peak !== null);
  container.after(
    ...all
      .filter((memory) => memory.peak === null)
      .map((memory) =>
        element("p", { class: "absent", text: `bytes of ${memory.name} in use: ${notInReport}` }),
      ),
  );
  if (!memories.length) return;
  applyProperties(container, {
    class: "plot time",
    tabindex: 0,
    role: "group",
    "aria-labelledby": "memory-title",
    "aria-describedby": "memory-hint",
  });
  const peaks = peakList(memories);
  offerOps(peaks, model);
  container.before(peaks);
  const opUnder = (event) => {
    const left = event.clientX - container.getBoundingClientRect().left;
    return left < timeGutter
      ? undefined
      : opAtCycle(model, timeScale(container, view).cycleAt(left));
  };
  const draw = oncePerFrame(() => drawMemories(container, view, model, memories));
  zoomWithWheel(container, view);
  moveWithKeys(container, view, model);
  panWithPointer(container, view, (event) => {
    const op = opUnder(event);
    if (op) toggleSelection(op.index, container);
  });
  container.addEventListener("pointermove", (event) => {
    const op = event.buttons ? null : opUnder(event);
    if (!op) return hideTip();
    const lines = memories.map((memory) => `${memory.name}: ${exact(memory.value(op), "B")}`);
    return showTip(
      [op.name, ...lines, `cycles ${exact(op.start)} to ${exact(op.end)}`],
      event.clientX,
      event.clientY,
    );
  });
  container.addEventListener("pointerleave", hideTip);
  view.subscribe(draw);
  selection.subscribe(draw);
  drawAtWidth(container, draw);
}

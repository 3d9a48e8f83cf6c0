// The panel of the selected op: everything the report says about it, in full
// digits. Fields that this page does not know are listed as they are, so that a
// newer report loses nothing.

/** Shown under a heading of their own, or part of what such a heading shows. */
const knownFields = new Set([
  "name",
  "op",
  "placement",
  "reason",
  "cycles",
  "energy_pj",
  "energy",
  "macs",
  "bound",
  "utilization",
  "roofline_cycles",
  "weight_bits",
  "input_bits",
  "array_mode",
  "array_rate",
  "engines",
  "dram_read_bytes",
  "dram_write_bytes",
  "scratchpad_read_bytes",
  "scratchpad_write_bytes",
  "accumulator_read_bytes",
  "accumulator_write_bytes",
  "scratchpad_bytes",
  "dram_live_bytes",
]);

function factList(facts) {
  return element(
    "dl",
    { class: "facts" },
    ...facts.flatMap(([label, value]) => [
      element("dt", { text: label }),
      element("dd", { text: value }),
    ]),
  );
}

function block(title, ...children) {
  return element("div", { class: "block" }, element("h3", { text: title }), ...children);
}

function timeBlock(op, model) {
  const time = model.seconds(op.cycles);
  return block(
    "Time",
    factList([
      ["cycles", exact(op.cycles)],
      ["of the network", percent(op.cycles, model.total.cycles)],
      ["time", time === null ? notInReport : seconds(time)],
      ["accounted", `${exact(op.start)} to ${exact(op.end)}`],
      ["bound", op.rooflineCycles === null ? notInReport : exact(op.rooflineCycles)],
      ["over the bound", ratio(op.overBound)],
      ["limited by", op.bound],
      ["array used", percent(op.utilization)],
      ["MACs per cycle", exact(quotient(op.macs, op.cycles))],
    ]),
  );
}

function countsBlock(op) {
  const bytes = (field) => (isNumber(op.raw[field]) ? exact(op.raw[field], "B") : notInReport);
  return block(
    "Counts",
    factList([
      ["MACs", op.macs === null ? notInReport : exact(op.macs)],
      ["DRAM read", bytes("dram_read_bytes")],
      ["DRAM written", bytes("dram_write_bytes")],
      ["scratchpad read", bytes("scratchpad_read_bytes")],
      ["scratchpad written", bytes("scratchpad_write_bytes")],
      ["accumulators read", bytes("accumulator_read_bytes")],
      ["accumulators written", bytes("accumulator_write_bytes")],
      ["MACs per DRAM byte", exact(quotient(op.macs, op.dramBytes))],
    ]),
  );
}

function energyBlock(op, model) {
  const rows = op.energy.map(([name, value], i) => {
    const share = quotient(value, op.energyPj) ?? 0;
    const bar = element("span", { class: "mini" }, barPart(share, toneClass(name, i)));
    return element(
      "tr",
      {},
      element("th", { scope: "row", text: name }),
      element("td", { class: "number", text: exact(value, "pJ") }),
      element("td", { class: "number", text: percent(share) }),
      element("td", {}, bar),
    );
  });
  return block(
    "Energy",
    factList([
      ["total", op.energyPj === null ? notInReport : exact(op.energyPj, "pJ")],
      ["of the network", percent(op.energyPj, model.total.energy_pj)],
      ["per MAC", exact(quotient(op.energyPj, op.macs), "pJ")],
    ]),
    element(
      "table",
      { class: "small", "aria-label": "Energy by component" },
      element("tbody", {}, ...rows),
    ),
  );
}

function enginesTable(op) {
  if (!op.engines.length) return element("p", { class: "absent", text: notInReport });
  const head = ["engine", "start", "end", "busy", ""].map((text, i) =>
    element("th", { scope: "col", class: i ? "number" : "", text }),
  );
  const rows = op.engines.map(({ name, start, end, busy }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", text: name.toUpperCase() }),
      ...[exact(start), exact(end), exact(busy), percent(quotient(busy, end - start))].map((text) =>
        element("td", { class: "number", text }),
      ),
    ),
  );
  return element(
    "table",
    { class: "small", "aria-label": "Engines of the op" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

function memoryFacts(op, model) {
  const size = model.parameters.scratchpad_bytes;
  const inUse = (bytes, whole) =>
    bytes === null
      ? notInReport
      : `${exact(bytes, "B")}${isNumber(whole) ? `, ${percent(bytes, whole)}` : ""}`;
  const facts = [
    ["scratchpad in use", inUse(op.scratchpadBytes, size)],
    ["DRAM in use", inUse(op.dramLiveBytes, model.tensorBytes)],
  ];
  if (op.bits !== null) facts.push(["bits of weights/inputs", op.bits]);
  if (isNumber(op.raw.array_mode)) facts.push(["array's precision", `${op.raw.array_mode} bit`]);
  if (isNumber(op.raw.array_rate))
    facts.push(["array's rate", `${op.raw.array_rate} MAC/cycle per element`]);
  for (const [field, value] of Object.entries(op.raw))
    if (!knownFields.has(field))
      facts.push([field, typeof value === "object" ? JSON.stringify(value) : String(value)]);
  return factList(facts);
}

function detailHead(op, model, view) {
  const indices = model.ops.map((other) => other.index);
  const button = (text, label, click) =>
    element("button", { type: "button", text, "aria-label": label, title: label, click });
  const toTimeline = () => {
    view.zoomTo(op);
    byId("timeline-title").scrollIntoView({ block: "start" });
  };
  return element(
    "div",
    { class: "detail-head" },
    element("h2", {}, wrappedName(op.name)),
    element(
      "p",
      {},
      element("span", { class: `swatch ${toneClass(op.bound, 6)}` }),
      `op ${op.index + 1} of ${model.ops.length}: ${op.type} on ${op.placement}, ${op.bound}-bound`,
    ),
    element(
      "div",
      { class: "controls" },
      button("↑", "Op before", () => stepSelection(indices, -1, null)),
      button("↓", "Op after", () => stepSelection(indices, 1, null)),
      button("Timeline", "Zoom the timeline to the op", toTimeline),
      button("Close", "Close (Escape)", () => selection.set(null, null)),
    ),
  );
}

function drawDetail(panel, op, model, view) {
  // Stepping from op to op keeps the keyboard's place in the panel.
  const focused = panel.contains(document.activeElement)
    ? document.activeElement.getAttribute("aria-label")
    : null;
  const parts = [detailHead(op, model, view)];
  if (op.reason)
    parts.push(
      element(
        "p",
        { class: "reason" },
        element("strong", { text: "Why the host runs it: " }),
        op.reason,
      ),
    );
  parts.push(
    element(
      "div",
      { class: "blocks" },
      timeBlock(op, model),
      countsBlock(op),
      energyBlock(op, model),
      element(
        "div",
        {},
        block("Engines", enginesTable(op)),
        block("Memory and format", memoryFacts(op, model)),
      ),
    ),
  );
  panel.replaceChildren(...parts);
  if (focused)
    [...panel.querySelectorAll("button")]
      .find((b) => b.getAttribute("aria-label") === focused)
      ?.focus();
}

function showDetail(model, view) {
  const panel = byId("detail");
  selection.subscribe((index) => {
    const op = model.ops[index];
    panel.hidden = !op;
    if (op) drawDetail(panel, op, model, view);
    // Room below the page's end, so that the panel never hides its last rows.
    document.body.style.paddingBottom = op ? `${panel.offsetHeight}px` : "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && selection.get() !== null) selection.set(null, null);
  });
}

// The head of the page, the machine's parameters, and the start of all views.

function tile(label, value, title, note) {
  return element(
    "div",
    { class: "tile", title },
    element("dt", { text: label }),
    element(
      "dd",
      {},
      element("span", { class: "value", text: value }),
      element("span", { class: "note", text: note ?? "" }),
    ),
  );
}

function allocationNote({ constantBytes, tensorBytes }) {
  if (tensorBytes === null) return notInReport;
  return constantBytes === null
    ? "weights and tensors"
    : `${scaled(constantBytes, "B")} weights, ${scaled(tensorBytes, "B")} tensors`;
}

function showTotals(model) {
  const { total, parameters } = model;
  const over = quotient(total.cycles, total.roofline_cycles);
  const latency = numberOrNull(total.latency_s) ?? model.seconds(total.cycles);
  const traffic = sum([total.dram_read_bytes, total.dram_write_bytes]);
  const perMac = quotient(total.energy_pj, total.macs);
  const power = quotient(total.energy_pj * 1e-12, latency);
  byId("totals").append(
    tile(
      "Cycles",
      scaled(total.cycles),
      exact(total.cycles, "cycles"),
      isNumber(parameters.clock_hz) ? `at ${scaled(parameters.clock_hz, "Hz")}` : "",
    ),
    tile(
      "Latency",
      seconds(latency),
      exact(latency, "s"),
      latency > 0 ? `${scaled(1 / latency)} inferences/s` : "",
    ),
    tile(
      "Over the bound",
      ratio(over),
      `${exact(total.cycles)} cycles over ${exact(total.roofline_cycles)}`,
      isNumber(total.roofline_cycles) ? `of ${scaled(total.roofline_cycles)} cycles` : notInReport,
    ),
    tile(
      "Array used",
      percent(total.utilization),
      exact(total.utilization),
      model.peak ? `of ${exact(model.peak)} MACs/cycle` : "",
    ),
    tile(
      "MACs",
      scaled(total.macs),
      exact(total.macs, "MACs"),
      total.cycles > 0 ? `${threeDigits(quotient(total.macs, total.cycles) ?? 0)} per cycle` : "",
    ),
    tile(
      "Energy",
      energy(total.energy_pj),
      exact(total.energy_pj, "pJ"),
      perMac === null
        ? ""
        : `${energy(perMac)} per MAC${power ? `, ${scaled(power, "W", 1e-15)}` : ""}`,
    ),
    tile(
      "DRAM traffic",
      scaled(traffic, "B"),
      exact(traffic, "B"),
      traffic === null
        ? notInReport
        : `${scaled(total.dram_read_bytes, "B")} in, ${scaled(total.dram_write_bytes, "B")} out`,
    ),
    tile(
      "DRAM allocated",
      scaled(total.dram_peak_bytes, "B"),
      exact(total.dram_peak_bytes, "B"),
      allocationNote(model),
    ),
  );
}

const sources = { analysis: "computed by the analysis", simulator: "counted by the simulator" };

function showHead({ report, ops }) {
  const model = String(report.model?.name ?? "model");
  const target = String(report.target?.name ?? "machine");
  document.title = `${model} on ${target}: cost report`;
  byId("model").textContent = model;
  const source = Object.hasOwn(sources, report.source)
    ? sources[report.source]
    : String(report.source ?? dash);
  byId("origin").append(
    "on ",
    element("strong", { text: target }),
    `, ${plural(ops.length, "op")}, `,
    element("span", { id: "source", text: source }),
  );
}

/** What a reader should know before trusting or shipping: ops on the host, and
 * sums that do not add up. */
function showNotes(model) {
  const notes = byId("notes");
  const hosted = model.ops.filter((op) => op.placement === "host");
  for (const op of hosted.slice(0, 4))
    notes.append(
      element(
        "li",
        {},
        element("span", { class: "swatch tone-5" }),
        "on the host: ",
        element(
          "button",
          { type: "button", class: "link", "data-op": op.index },
          nameLabel(op.name),
        ),
        `, ${percent(op.cycles, model.total.cycles)} of the cycles: `,
        op.reason ?? "no reason given",
      ),
    );
  if (hosted.length > 4)
    notes.append(
      element("li", {
        text: `and ${plural(hosted.length - 4, "more op")} on the host: filter the table by unit`,
      }),
    );
  const cycles = sum(model.ops.map((op) => op.cycles)) ?? 0;
  if (isNumber(model.total.cycles) && cycles !== model.total.cycles)
    notes.append(
      element("li", {
        class: "warning",
        role: "alert",
        text: `the ops' cycles add up to ${exact(cycles)}, the report's total is ${exact(model.total.cycles)}`,
      }),
    );
  offerOps(notes, model);
}

const parameterUnits = [
  [/_bytes$/, "B"],
  [/_hz$/, "Hz"],
  [/_bytes_per_cycle$/, "B/cycle"],
  [/^price_/, "pJ"],
  [/_latency$|_cycles$/, "cycles"],
];

function parameterText(name, value) {
  if (!isNumber(value))
    return { text: typeof value === "object" ? JSON.stringify(value) : String(value) };
  const unit = parameterUnits.find(([pattern]) => pattern.test(name))?.[1] ?? "";
  // Prices are below one as often as above; only sizes and rates need a prefix.
  const isLarge = (unit === "B" || unit === "Hz") && Math.abs(value) >= 1000;
  const number = Number(value.toPrecision(6));
  return { text: isLarge ? scaled(value, unit) : exact(number, unit), title: exact(value, unit) };
}

function showParameters({ parameters, report }) {
  const entries = Object.entries(parameters);
  const target = byId("parameters");
  if (!entries.length) target.append(element("p", { class: "absent", text: notInReport }));
  target.append(
    element(
      "dl",
      { class: "facts columns" },
      ...entries.map(([name, value]) => {
        const { text, title } = parameterText(name, value);
        return element("div", {}, element("dt", { text: name }), element("dd", { text, title }));
      }),
    ),
  );
  if (report.target?.name) byId("machine-title").textContent = `Machine: ${report.target.name}`;
}

function showFoot({ report }) {
  const hash = (what, value) =>
    value ? [element("span", {}, `${what} SHA-256 `, element("code", { text: value }))] : [];
  byId("foot").append(
    ...hash("model", report.model?.sha256),
    ...hash("machine", report.target?.sha256),
    element("span", {
      text: `${report.schema ?? "accopt.cost"}, version ${report.version ?? dash}`,
    }),
  );
}

function showPage() {
  const model = readModel();
  const view = makeTimeView(model);
  showHead(model);
  showTotals(model);
  showNotes(model);
  showParameters(model);
  showFoot(model);
  showBars(model);
  showShares(model);
  showRoofline(model);
  showTimeline(model, view);
  showMemory(model, view);
  showTable(model);
  showDetail(model, view);
  announceSelection(model);
  selectFromAddress(model);
  // A finished page, for whoever prints or tests it.
  document.documentElement.dataset.ready = "";
}

showPage();

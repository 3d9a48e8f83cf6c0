// The head, both plots, the table, and their start.

const page = JSON.parse(byId("report").textContent);
const runs = page.runs.map(({ label, report }) => readRun(report, label));
const [own] = runs;
const { before, after } = own.report;
const isClassified = own.isClassified;
const showQuality = (value) => (isClassified ? percent(value) : exact(-value));
const qualityTitle = isClassified ? "Accuracy, validation" : "Loss, validation";
const cost = makeStore(
  costs.find(({ key }) => key === objectives[own.report.objective]) ?? costs[0],
);

function tile(label, value, title, note) {
  return element(
    "div",
    { class: "tile", title },
    element("dt", { text: label }),
    element(
      "dd",
      {},
      element("span", { class: "value", text: value }),
      element("span", { class: "note", text: note }),
    ),
  );
}

/** "1.50× less than 3.2 k". */
function gain(from, to, show) {
  if (!(from > 0) || !(to > 0)) return "";
  return to <= from
    ? `${ratio(from / to)} less than ${show(from)}`
    : `${ratio(to / from)} of ${show(from)}`;
}

function showHead() {
  const { report } = own;
  byId("model").textContent = report.model;
  byId("origin").textContent = [
    `steps ${report.steps}`,
    `for ${report.target.name}`,
    `${report.data.name}: ${exact(report.data.train)} samples to train, ${exact(report.data.validation)} to choose, ${exact(report.data.test)} to test`,
    `seed ${report.seed}`,
  ].join(" · ");
  const quality = (account) => (isClassified ? account.test.accuracy : -account.test.loss);
  byId("totals").append(
    tile(
      isClassified ? "Accuracy, test" : "Loss, test",
      showQuality(quality(after)),
      exact(isClassified ? after.test.accuracy : after.test.loss),
      `${showQuality(quality(before))} before, ${showQuality(quality(report.float))} in float`,
    ),
    ...costs
      .filter(({ key }) => key !== "energy_delay")
      .map(({ key, label, show }) =>
        tile(label, show(after[key]), exact(after[key]), gain(before[key], after[key], show)),
      ),
    tile(
      "Energy × delay",
      scaled(after.energy_delay_product_pj_cycles),
      exact(after.energy_delay_product_pj_cycles, "pJ cycles"),
      gain(before.energy_delay_product_pj_cycles, after.energy_delay_product_pj_cycles, scaled),
    ),
  );
  const notes = [];
  if (!report.meets)
    notes.push({ class: "warning", text: `What was asked for is not met: ${report.reason}` });
  if (isNumber(report.budget))
    notes.push({ text: `Budget: ${exact(report.budget)} (${report.objective})` });
  if (own.floor !== null)
    notes.push({ text: `Floor: ${showQuality(own.floor)} on the validation part` });
  notes.push({ text: `Result: ${after.name} of ${plural(own.candidates.length, "candidate")}` });
  if (report.binary.samples)
    notes.push({
      text: `The binary decides as the trained network on ${exact(report.binary.equal_decisions)} of ${plural(report.binary.samples, "sample")}`,
    });
  byId("notes").append(...notes.map((note) => element("li", note)));
}

function showChoice() {
  const buttons = costs.map((option) =>
    element("button", {
      type: "button",
      "data-cost": option.key,
      text: option.label,
      click: () => cost.set(option),
    }),
  );
  const press = () =>
    buttons.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.cost === cost.get().key)),
    );
  cost.subscribe(press);
  press();
  byId("choice").append(...buttons);
  if (runs.length > 1)
    byId("choice").append(
      element(
        "span",
        { class: "legend" },
        ...runs.map((run, i) =>
          element(
            "span",
            { class: `tone-${i % 8}` },
            element("span", { class: "swatch" }),
            run.label,
          ),
        ),
      ),
    );
}

function describe(run, candidate) {
  return [
    candidate.name,
    ...(runs.length > 1 ? [run.label] : []),
    `${qualityTitle}: ${showQuality(candidate.quality)}`,
    ...costs.map(({ key, label, show }) => `${label}: ${show(candidate[key])}`),
  ];
}

function drawFront() {
  const { key, label, show } = cost.get();
  const all = runs.flatMap((run) => run.candidates);
  const floors = own.floor === null ? [] : [own.floor];
  const plot = makePlot(byId("front").clientWidth, "Cost against accuracy", {
    x: { values: all.map((candidate) => candidate[key]), title: label, show },
    y: {
      values: [...all.map(({ quality }) => quality), ...floors],
      title: qualityTitle,
      show: showQuality,
    },
  });
  for (const floor of floors)
    plot.drawing.append(
      svg("line", {
        class: "rate floor",
        x1: margin.left,
        x2: byId("front").clientWidth - margin.right,
        y1: plot.y(floor),
        y2: plot.y(floor),
      }),
    );
  runs.forEach((run, i) => {
    const front = frontOf(run.candidates, key);
    plot.drawing.append(
      svg(
        "g",
        { class: `front tone-${i % 8}`, "data-front": front.map(({ index }) => index).join(" ") },
        steps(
          front.map((candidate) => [plot.x(candidate[key]), plot.y(candidate.quality)]),
          "steps",
        ),
      ),
    );
    for (const candidate of run.candidates)
      plot.drawing.append(
        mark(
          candidate,
          run,
          i,
          plot.x(candidate[key]),
          plot.y(candidate.quality),
          describe(run, candidate),
        ),
      );
  });
  byId("front").replaceChildren(plot.drawing);
}

function drawSearch() {
  const { key, label, show } = cost.get();
  const most = Math.max(...runs.map(({ candidates }) => candidates.length));
  const plot = makePlot(byId("search").clientWidth, "Cost of the candidates in order", {
    x: {
      values: [1, most],
      title: "Candidate",
      show: (tick) => (Number.isInteger(tick) ? exact(tick) : ""),
    },
    y: {
      values: runs.flatMap((run) => run.candidates.map((candidate) => candidate[key])),
      title: label,
      show,
    },
  });
  runs.forEach((run, i) => {
    const best = bestSoFar(run, key);
    const points = best.flatMap((value, index) =>
      value === null ? [] : [[plot.x(index + 1), plot.y(value)]],
    );
    plot.drawing.append(
      svg(
        "g",
        { class: `best tone-${i % 8}`, "data-best": best.map((value) => value ?? "").join(" ") },
        steps(points, "steps"),
      ),
    );
    run.candidates.forEach((candidate, index) =>
      plot.drawing.append(
        mark(
          candidate,
          run,
          i,
          plot.x(index + 1),
          plot.y(candidate[key]),
          describe(run, candidate),
        ),
      ),
    );
  });
  byId("search").replaceChildren(plot.drawing);
}

function showLayers() {
  const columns = [
    ["Cycles", (op) => op.cycles, (value) => exact(value)],
    ["Energy", (op) => op.energy_pj, energy],
    ["MACs", (op) => op.macs, (value) => scaled(value)],
    ["DRAM", (op) => op.dram_bytes, (value) => scaled(value, "B")],
    ["Bits", (op) => `${op.weight_bits}/${op.input_bits}`, String],
  ];
  const head = element(
    "tr",
    {},
    element("th", { scope: "col", text: "Layer" }),
    element("th", { scope: "col", text: "Op" }),
    ...columns.flatMap(([title]) => [
      element("th", { scope: "col", class: "number", text: title }),
      element("th", { scope: "col", class: "number", text: "after" }),
    ]),
  );
  const rows = layerChanges(before, after).map((row) =>
    element(
      "tr",
      { "data-layer": row.name },
      element("th", { scope: "row" }, wrappedName(row.name)),
      element("td", { text: row.op }),
      ...columns.flatMap(([, get, show]) => {
        const [from, to] = [row.before, row.after].map((op) => (op ? show(get(op)) : dash));
        return [
          element("td", { class: "number", text: from }),
          element("td", { class: from === to ? "number" : "number changed", text: to }),
        ];
      }),
    ),
  );
  byId("layers").append(
    element(
      "div",
      { class: "sheet", tabindex: 0, role: "region", "aria-label": "Table of layers" },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
    ),
  );
}

showHead();
showChoice();
showLayers();
const drawPlots = () => (drawFront(), drawSearch());
cost.subscribe(drawPlots);
drawAtWidth(byId("front"), drawFront);
drawAtWidth(byId("search"), drawSearch);
byId("foot").append(element("span", { text: `schema ${own.report.schema} ${own.report.version}` }));
document.documentElement.dataset.ready = "";

// The table of ops: sorted by any column, filtered by text, unit and bound, with
// the sums of what it shows. Every row is in the document, so that the browser's
// own search and print find all ops; sorting moves rows, filtering hides them.

const textColumn = (key, label, hint, value) => ({
  key,
  label,
  hint,
  value,
  text: (v) => v ?? "",
  isText: true,
});
const bytesColumn = (key, label, hint, value) => ({
  key,
  label,
  hint,
  value,
  text: (v) => scaled(v, "B"),
  exact: (v) => exact(v, "B"),
  adds: true,
});

/** `value(op)` is what sorts, `text` what is read, `exact` what hovering shows;
 * `share` draws a bar behind the number; `sums` of the ops that are shown. */
function makeColumns(model) {
  const { total } = model;
  const columns = [
    {
      key: "index",
      label: "#",
      hint: "place in the program",
      value: (op) => op.index + 1,
      text: String,
      ascends: true,
    },
    textColumn("name", "ONNX node(s)", "nodes of a fused op are joined by +", (op) => op.name),
    textColumn("type", "type", "type of the op", (op) => op.type),
    textColumn("placement", "unit", "what runs it", (op) => op.placement),
    textColumn("bits", "bits", "bits of weights / of inputs", (op) => op.bits),
    {
      key: "cycles",
      label: "cycles",
      hint: "how much later the network ends for the op",
      value: (op) => op.cycles,
      text: exact,
      exact: (v) => exact(v, "cycles"),
      adds: true,
    },
    {
      key: "share",
      label: "% cycles",
      hint: "of the network's cycles",
      value: (op) => quotient(op.cycles, total.cycles) ?? 0,
      text: (v) => percent(v),
      share: (v) => v,
      adds: true,
    },
    {
      key: "over",
      label: "× bound",
      hint: "cycles over the roofline's bound",
      value: (op) => op.overBound,
      text: ratio,
      exact: (v, op) => op && `bound: ${exact(op.rooflineCycles, "cycles")}`,
      sums: (ops) =>
        quotient(sum(ops.map((op) => op.cycles)), sum(ops.map((op) => op.rooflineCycles))),
    },
    {
      key: "utilization",
      label: "array",
      hint: "MACs done over MACs possible in the op's cycles",
      value: (op) => op.utilization,
      text: (v) => percent(v),
      exact: (v) => exact(v),
      share: (v) => v,
      sums: (ops) => utilizationOf(ops, model.peak),
    },
    {
      key: "macs",
      label: "MACs",
      hint: "multiply-accumulates",
      value: (op) => op.macs,
      text: (v) => scaled(v),
      exact: (v) => exact(v, "MACs"),
      adds: true,
    },
    {
      key: "energy",
      label: "energy",
      hint: "sum of the components",
      value: (op) => op.energyPj,
      text: energy,
      exact: (v) => exact(v, "pJ"),
      adds: true,
    },
    bytesColumn("dram", "DRAM", "bytes read from and written to DRAM", (op) => op.dramBytes),
    {
      ...bytesColumn(
        "scratchpad",
        "scratchpad",
        "bytes in use while the op runs",
        (op) => op.scratchpadBytes,
      ),
      adds: false,
    },
    textColumn("bound", "limit", "what kept the op's engines busy longest", (op) => op.bound),
  ];
  const isShown = {
    // On a machine of 8 bits throughout, a column of 8/8 says nothing.
    bits: () => model.ops.some((op) => op.bits !== null && op.bits !== "8/8"),
    scratchpad: () => model.ops.some((op) => op.scratchpadBytes !== null),
  };
  return columns.filter(({ key }) => !isShown[key] || isShown[key]());
}

function fillCell(cell, column, value, op) {
  cell.textContent = column.text(value);
  const title = column.exact?.(value, op);
  if (title && value !== null) cell.title = title;
  if (!column.share || value === null) return;
  cell.classList.add("share-cell");
  cell.style.setProperty("--share", `${100 * Math.min(1, value)}%`);
}

/** The rows are grids, so that the browser lays out only those in view; this takes
 * a table's roles away, which are therefore given by name. */
function makeRow(op, columns) {
  const row = element("tr", { "data-op": op.index, role: "row" });
  for (const column of columns) {
    if (column.key === "name") {
      const button = element(
        "button",
        { type: "button", class: "link", tabindex: -1 },
        nameLabel(op.name),
      );
      row.append(element("th", { role: "rowheader", title: op.name }, button));
      continue;
    }
    const cell = element("td", { role: "cell", class: column.isText ? "text" : "number" });
    fillCell(cell, column, column.value(op), op);
    if (column.key === "bound")
      cell.prepend(element("span", { class: `swatch ${toneClass(op.bound, 6)}` }));
    row.append(cell);
  }
  return row;
}

/** Absent values come last in either direction. */
function compareBy(column, descending) {
  return (a, b) => {
    const [left, right] = [column.value(a), column.value(b)];
    if (left === null || right === null)
      return (left === null) - (right === null) || a.index - b.index;
    const order = column.isText ? left.localeCompare(right, "en", { numeric: true }) : left - right;
    return (descending ? -order : order) || a.index - b.index;
  };
}

/** The table's elements and what is shown of it at the moment. */
function makeTable(model) {
  const columns = makeColumns(model);
  const table = {
    model,
    columns,
    sortKey: "index",
    descending: false,
    body: element("tbody", { role: "rowgroup" }),
    headers: new Map(),
    feet: new Map(),
    count: element("output", { class: "range" }),
    rows: model.ops.map((op) => makeRow(op, columns)),
    texts: model.ops.map((op) =>
      [op.name, op.type, op.placement, op.bound, op.bits ?? "", op.reason ?? ""]
        .join("\n")
        .toLowerCase(),
    ),
    shown: model.ops,
  };
  table.search = element("input", {
    type: "search",
    placeholder: "name, type, reason …",
    "aria-label": "Filter ops by text",
    spellcheck: "false",
  });
  table.placement = choice(
    "unit",
    "every unit",
    model.ops.map((op) => op.placement),
  );
  table.bound = choice(
    "limit",
    "every limit",
    model.ops.map((op) => op.bound),
  );
  return table;
}

function choice(label, all, values) {
  const options = [...new Set(values)].sort();
  return element(
    "select",
    { "aria-label": `Filter ops by ${label}` },
    element("option", { value: "", text: all }),
    ...options.map((value) => element("option", { value, text: value })),
  );
}

function sortTable(table, key) {
  const column = table.columns.find((candidate) => candidate.key === key);
  const again = table.sortKey === key;
  // Numbers are read from the largest on, names from the first.
  table.descending = again ? !table.descending : !column.isText && !column.ascends;
  table.sortKey = key;
  for (const [name, header] of table.headers)
    header.setAttribute(
      "aria-sort",
      name !== key ? "none" : table.descending ? "descending" : "ascending",
    );
  const order = [...table.model.ops].sort(compareBy(column, table.descending));
  table.body.append(...order.map((op) => table.rows[op.index]));
  keepOneTabStop(table);
}

function filterTable(table) {
  const words = table.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  table.shown = table.model.ops.filter(
    (op) =>
      (!table.placement.value || op.placement === table.placement.value) &&
      (!table.bound.value || op.bound === table.bound.value) &&
      words.every((word) => table.texts[op.index].includes(word)),
  );
  const shown = new Set(table.shown);
  for (const op of table.model.ops) table.rows[op.index].hidden = !shown.has(op);
  table.count.textContent = `${exact(shown.size)} of ${plural(table.model.ops.length, "op")}`;
  drawSums(table);
  keepOneTabStop(table);
}

function drawSums({ columns, feet, shown, model }) {
  feet.get("name").textContent = shown.length === model.ops.length ? "all ops" : "ops shown";
  for (const column of columns) {
    if (!column.adds && !column.sums) continue;
    const value = column.sums ? column.sums(shown) : (sum(shown.map(column.value)) ?? 0);
    const cell = feet.get(column.key);
    cell.removeAttribute("title");
    fillCell(cell, { ...column, share: null }, value);
  }
}

/** Tab enters the table at one row, from which the arrow keys move on. */
function keepOneTabStop(table) {
  const visible = [...table.body.rows].filter((row) => !row.hidden);
  const stop = visible.find((row) => row.classList.contains("selected")) ?? visible[0];
  for (const row of table.body.rows) row.querySelector("button").tabIndex = row === stop ? 0 : -1;
}

function moveInTable(table, event) {
  const row = event.target.closest("tr");
  const visible = [...table.body.rows].filter((candidate) => !candidate.hidden);
  const at = visible.indexOf(row);
  const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: visible.length - 1 }[
    event.key
  ];
  if (target === undefined || !visible[target]) return;
  event.preventDefault();
  row.querySelector("button").tabIndex = -1;
  const button = visible[target].querySelector("button");
  button.tabIndex = 0;
  button.focus();
}

function makeHead(table) {
  const row = element("tr", { role: "row" });
  for (const { key, label, hint, isText } of table.columns) {
    const header = element(
      "th",
      {
        role: "columnheader",
        class: isText ? `column-${key}` : `number column-${key}`,
        "aria-sort": "none",
      },
      element("button", {
        type: "button",
        title: hint,
        text: label,
        click: () => sortTable(table, key),
      }),
    );
    table.headers.set(key, header);
    row.append(header);
  }
  table.headers.get(table.sortKey).setAttribute("aria-sort", "ascending");
  return element("thead", { role: "rowgroup" }, row);
}

function makeFoot(table) {
  const row = element("tr", { role: "row" });
  for (const { key, isText } of table.columns) {
    const cell = element("td", {
      role: "cell",
      class: isText ? "text" : "number",
      "data-sum": key,
    });
    table.feet.set(key, cell);
    row.append(cell);
  }
  return element("tfoot", { role: "rowgroup" }, row);
}

/** Every column as wide as its longest text, the name with what is left. */
function setWidths(table, node) {
  const cellPadding = 16;
  const smallestName = 200;
  const columns = table.columns.map((column) => {
    if (column.key === "name") return null;
    const texts = table.model.ops.map((op) => column.text(column.value(op)).length);
    const sums = table.feet.get(column.key).textContent.length;
    const swatch = column.key === "bound" ? 3.5 : 0;
    return Math.min(
      24,
      Math.max(
        column.label.length + 1.5,
        sums + 1,
        swatch + texts.reduce((a, b) => Math.max(a, b), 0),
      ),
    );
  });
  node.style.setProperty(
    "--columns",
    columns
      .map((width) =>
        width === null ? `minmax(${smallestName}px, 1fr)` : `calc(${width}ch + ${cellPadding}px)`,
      )
      .join(" "),
  );
  const characters = columns.reduce((all, width) => all + (width ?? 0), 0);
  const pixels = smallestName + cellPadding * (columns.length - 1);
  node.style.minWidth = `calc(${characters}ch + ${pixels}px)`;
}

/** The selected row, seen unless the reader has filtered it away. The page does
 * not scroll, only the table. */
function showSelectedRow(table, scroller, origin) {
  markSelected(table.body);
  keepOneTabStop(table);
  const row = table.rows[selection.get()];
  if (!row || row.hidden || origin === table.body) return;
  scroller.scrollTop = row.offsetTop - (scroller.clientHeight - row.offsetHeight) / 2;
}

function showTable(model) {
  const table = makeTable(model);
  const node = element(
    "table",
    { role: "table", "aria-label": "Ops" },
    makeHead(table),
    table.body,
    makeFoot(table),
  );
  const scroller = element(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": "Table of ops" },
    node,
  );
  const clear = element("button", {
    type: "button",
    text: "Clear",
    click: () => {
      table.search.value = table.placement.value = table.bound.value = "";
      filterTable(table);
    },
  });
  table.count.setAttribute("aria-live", "polite");
  byId("ops").append(
    element(
      "div",
      { class: "controls" },
      table.search,
      table.placement,
      table.bound,
      clear,
      table.count,
    ),
    scroller,
  );
  table.body.append(...table.rows);
  filterTable(table);
  setWidths(table, node);
  for (const input of [table.search, table.placement, table.bound])
    input.addEventListener(
      "input",
      oncePerFrame(() => filterTable(table)),
    );
  table.body.addEventListener("click", (event) => {
    const op = opOf(event, model);
    if (op) toggleSelection(op.index, table.body);
  });
  table.body.addEventListener("keydown", (event) => moveInTable(table, event));
  selection.subscribe((_, origin) => showSelectedRow(table, scroller, origin));
}

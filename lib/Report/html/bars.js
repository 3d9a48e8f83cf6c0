// Bars: the ops with most cycles, the ops with most energy, and how the whole
// network divides. A network of thousands of ops shows its largest ones and the
// sum of the others; the selected op always has its bar.

const barCount = 12;

/** The ops of the largest `value`, the selected one among them, and the rest. */
function largest(ops, value) {
  const sorted = ops.filter((op) => value(op) !== null).sort((a, b) => value(b) - value(a));
  // A rest of one op is shown as this op.
  const count = sorted.length <= barCount + 1 ? sorted.length : barCount;
  const top = sorted.slice(0, count);
  const rest = sorted.slice(count);
  const at = rest.findIndex((op) => op.index === selection.get());
  if (at >= 0) top.push(...rest.splice(at, 1));
  return { top, rest };
}

function barPart(width, className, title) {
  const part = element("span", { class: `bar-part ${className}`, title });
  part.style.width = `${100 * width}%`;
  return part;
}

function barRow(op, parts, value, share) {
  const selected = selection.get() === op.index;
  return element(
    "li",
    {},
    element(
      "button",
      {
        type: "button",
        class: selected ? "bar selected" : "bar",
        "data-op": op.index,
        "aria-pressed": String(selected),
      },
      nameLabel(op.name),
      element("span", { class: "bar-track", "aria-hidden": "true" }, ...parts),
      element("span", { class: "bar-value", text: value }),
      element("span", { class: "bar-share", text: share }),
    ),
  );
}

function restRow(rest, value, share) {
  return element(
    "li",
    { class: "bar rest" },
    element("span", { class: "name", text: `${plural(rest.length, "other op")}` }),
    element("span", { class: "bar-track" }),
    element("span", { class: "bar-value", text: value }),
    element("span", { class: "bar-share", text: share }),
  );
}

/** `value(op)` is what the bar is as long as, `parts(op, scale)` draws it. */
function drawBars(container, model, { value, parts, text, total }) {
  const focused = document.activeElement?.closest(".bar")?.getAttribute("data-op");
  const hadFocus = container.contains(document.activeElement);
  const { top, rest } = largest(model.ops, value);
  if (!top.length) {
    container.replaceChildren(
      element("p", { class: "absent", text: model.ops.length ? notInReport : "no ops" }),
    );
    return;
  }
  const longest = Math.max(...top.map(value));
  const scale = longest > 0 ? 1 / longest : 0;
  const rows = top.map((op) =>
    barRow(op, parts(op, scale), text(value(op)), percent(value(op), total)),
  );
  if (rest.length) {
    const others = sum(rest.map(value));
    rows.push(restRow(rest, text(others), percent(others, total)));
  }
  container.replaceChildren(element("ol", { class: "bars" }, ...rows));
  if (hadFocus) container.querySelector(`[data-op="${focused}"]`)?.focus({ preventScroll: true });
}

function cycleParts(op, scale) {
  const within = Math.min(op.cycles, op.rooflineCycles ?? op.cycles);
  const tone = toneClass(op.bound, 6);
  return [barPart(within * scale, tone), barPart((op.cycles - within) * scale, `${tone} pale`)];
}

function energyParts(op, scale) {
  if (!op.energy.length) return [barPart(op.energyPj * scale, "tone-6")];
  return op.energy.map(([name, value], i) => barPart(value * scale, toneClass(name, i)));
}

function legend(entries) {
  return element(
    "ul",
    { class: "legend" },
    ...entries.map(([label, tone]) =>
      element("li", {}, element("span", { class: `swatch ${tone}` }), label),
    ),
  );
}

function showBars(model) {
  const cycles = element("div");
  const bounds = [...new Set(model.ops.map((op) => op.bound))];
  byId("cycles").append(
    legend(bounds.map((bound) => [`${bound}-bound`, toneClass(bound, 6)])),
    cycles,
  );
  const energies = element("div");
  // Components that nothing uses would only dilute the legend.
  const used = model.components.filter((name) => model.total.energy[name] > 0);
  byId("energy").append(
    legend(used.map((name) => [name, toneClass(name, model.components.indexOf(name))])),
    energies,
  );

  const draw = () => {
    drawBars(cycles, model, {
      value: (op) => op.cycles,
      parts: cycleParts,
      text: scaled,
      total: model.total.cycles,
    });
    drawBars(energies, model, {
      value: (op) => op.energyPj,
      parts: energyParts,
      text: energy,
      total: model.total.energy_pj,
    });
  };
  offerOps(cycles, model);
  offerOps(energies, model, (op) =>
    op.energy
      .filter(([, value]) => value > 0)
      .map(([name, value]) => `${name} ${energy(value)}, ${percent(value, op.energyPj)}`),
  );
  selection.subscribe(draw);
  draw();
}

/** Sums `value(op)` by `key(op)`, the largest first; beyond seven, the rest. */
function sumBy(ops, key, value) {
  const sums = new Map();
  for (const op of ops) sums.set(key(op), (sums.get(key(op)) ?? 0) + (value(op) ?? 0));
  const sorted = [...sums].filter(([, amount]) => amount > 0).sort((a, b) => b[1] - a[1]);
  const shown = sorted.length > 7 ? sorted.slice(0, 6) : sorted;
  const rest = sorted.slice(shown.length);
  if (rest.length) shown.push([`${rest.length} others`, sum(rest.map(([, amount]) => amount))]);
  return shown;
}

/** One bar of the whole network with its parts listed below it. */
function strip(title, entries, text, unit, tone = (name, i) => toneClass(name, i)) {
  const whole = sum(entries.map(([, value]) => value)) ?? 0;
  const track = element("div", { class: "strip", "aria-hidden": "true" });
  const list = element("ul", { class: "strip-list" });
  entries.forEach(([name, value], i) => {
    if (!(value > 0)) return;
    track.append(barPart(value / whole, tone(name, i), `${name}: ${exact(value, unit)}`));
    list.append(
      element(
        "li",
        { title: exact(value, unit) },
        element("span", { class: `swatch ${tone(name, i)}` }),
        element("span", { text: name }),
        element("span", { class: "number", text: text(value) }),
        element("span", { class: "number share", text: percent(value, whole) }),
      ),
    );
  });
  const body =
    whole > 0
      ? [track, list]
      : [element("p", { class: "absent", text: entries.length ? "none" : notInReport })];
  return element("div", { class: "shares" }, element("h3", { text: title }), ...body);
}

function showShares(model) {
  const { ops, total } = model;
  const cycles = (op) => op.cycles;
  byId("shares").append(
    strip("Energy by component", energyComponents(total.energy), energy, "pJ"),
    strip(
      "Cycles by limit",
      sumBy(ops, (op) => op.bound, cycles),
      scaled,
      "cycles",
    ),
    strip(
      "Cycles by unit",
      sumBy(ops, (op) => op.placement, cycles),
      scaled,
      "cycles",
    ),
    // Types are many and have no colour of their own: by rank.
    strip(
      "Cycles by type of op",
      sumBy(ops, (op) => op.type, cycles),
      scaled,
      "cycles",
      (_, i) => `tone-${i % toneCount}`,
    ),
  );
}

// The report as the views want it: every op with what follows from its numbers.
// A field that a report does not have is null here, never 0.

const engineNames = ["load", "exec", "store", "host"];

/** Resources have one colour wherever they appear: what computes on the array,
 * what moves through DRAM, what the host does. page.css gives the colours. */
const tones = {
  array: 0,
  compute: 0,
  exec: 0,
  scratchpad: 1,
  accumulator: 2,
  dram: 3,
  memory: 3,
  dma: 3,
  load: 3,
  vector: 4,
  store: 2,
  host: 5,
  static: 6,
};
const toneCount = 8;

function toneClass(name, fallback = 0) {
  return `tone-${Object.hasOwn(tones, name) ? tones[name] : fallback % toneCount}`;
}

function numberOrNull(value) {
  return isNumber(value) ? value : null;
}

/** Of numbers that may be absent; null if all are. */
function sum(values) {
  const present = values.filter(isNumber);
  return present.length ? present.reduce((a, b) => a + b, 0) : null;
}

function quotient(part, whole) {
  return isNumber(part) && isNumber(whole) && whole > 0 ? part / whole : null;
}

function energyComponents(components) {
  return Object.entries(components ?? {}).filter(([, value]) => isNumber(value));
}

/** Engines that the op uses, [{name, start, end, busy}]. */
function engineSpans(engines) {
  return engineNames.flatMap((name) => {
    const span = engines?.[name];
    return isNumber(span?.start) && isNumber(span?.end)
      ? [{ name, start: span.start, end: span.end, busy: numberOrNull(span.busy) }]
      : [];
  });
}

/** `start` is where the network ends without the op and those after it. */
function makeOp(raw, index, start) {
  const cycles = isNumber(raw.cycles) ? raw.cycles : 0;
  const bound = numberOrNull(raw.roofline_cycles);
  const reads = numberOrNull(raw.dram_read_bytes);
  const writes = numberOrNull(raw.dram_write_bytes);
  const macs = numberOrNull(raw.macs);
  return {
    raw,
    index,
    start,
    end: start + cycles,
    cycles,
    macs,
    name: String(raw.name || "(no name)"),
    type: String(raw.op ?? dash),
    placement: String(raw.placement ?? dash),
    bound: String(raw.bound ?? dash),
    reason: raw.reason ? String(raw.reason) : null,
    energyPj: numberOrNull(raw.energy_pj),
    energy: energyComponents(raw.energy),
    dramBytes: sum([reads, writes]),
    // DRAM reads and writes on channels of their own: the busier one limits.
    busierBytes: reads === null && writes === null ? null : Math.max(reads ?? 0, writes ?? 0),
    rooflineCycles: bound,
    overBound: quotient(cycles, bound),
    utilization: numberOrNull(raw.utilization),
    bits: isNumber(raw.weight_bits) ? `${raw.weight_bits}/${raw.input_bits ?? "?"}` : null,
    rate: numberOrNull(raw.array_rate) ?? 1,
    engines: engineSpans(raw.engines),
    scratchpadBytes: numberOrNull(raw.scratchpad_bytes),
    dramLiveBytes: numberOrNull(raw.dram_live_bytes),
  };
}

function makeOps(rawOps) {
  const ops = [];
  let start = 0;
  for (const raw of rawOps) {
    const op = makeOp(raw, ops.length, start);
    ops.push(op);
    start = op.end;
  }
  return ops;
}

function readModel() {
  const report = JSON.parse(byId("report").textContent);
  const ops = makeOps(Array.isArray(report.ops) ? report.ops : []);
  const parameters = report.target?.parameters ?? {};
  const total = report.total ?? {};
  const peak = numberOrNull(parameters.rows * parameters.columns);
  const allocated = numberOrNull(total.dram_peak_bytes);
  const constantBytes = numberOrNull(total.dram_constant_bytes);
  return {
    report,
    ops,
    parameters,
    peak,
    total,
    constantBytes,
    /** DRAM that is allocated, less weights where the report knows them. */
    tensorBytes: allocated === null ? null : allocated - (constantBytes ?? 0),
    /** The end of the time axis; engines may complete after the last account. */
    lastCycle: ops.reduce(
      (last, op) =>
        op.engines.reduce((end, span) => Math.max(end, span.end), Math.max(last, op.end)),
      0,
    ),
    components: energyComponents(report.total?.energy).map(([name]) => name),
    seconds: (cycles) => quotient(cycles, parameters.clock_hz),
  };
}

/** MACs done over MACs possible, of some of the ops. */
function utilizationOf(ops, peak) {
  const possible = ops.reduce((all, op) => all + op.cycles * op.rate, 0) * (peak ?? 0);
  return quotient(sum(ops.map((op) => op.macs)), possible);
}

/** What a tooltip says of an op. */
function summaryLines(op, model) {
  const lines = [op.name, `${op.type} on ${op.placement}, ${op.bound}-bound`];
  lines.push(
    `${exact(op.cycles)} cycles, ${percent(op.cycles, model.total.cycles)} of the network`,
  );
  if (op.overBound !== null)
    lines.push(`${ratio(op.overBound)} the bound of ${exact(op.rooflineCycles)}`);
  if (op.energyPj !== null)
    lines.push(
      `${energy(op.energyPj)}, ${percent(op.energyPj, model.total.energy_pj)} of the energy`,
    );
  if (op.macs) lines.push(`${exact(op.macs, "MACs")}, array ${percent(op.utilization)} used`);
  if (op.dramBytes !== null) lines.push(`${exact(op.dramBytes, "B")} of DRAM traffic`);
  return lines;
}

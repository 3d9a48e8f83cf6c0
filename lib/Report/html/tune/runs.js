// What the page shows, read from the report: runs, each with the networks that it tried
// in order. The first run is the report's own, others were given to stand beside it.

const costs = [
  { key: "cycles", label: "Cycles", show: (value) => scaled(value) },
  { key: "energy_pj", label: "Energy", show: energy },
  { key: "energy_delay", label: "Energy × delay", show: (value) => scaled(value) },
  { key: "weight_bytes", label: "Weights", show: (value) => scaled(value, "B") },
];
const objectives = { cycles: "cycles", energy: "energy_pj", edp: "energy_delay" };

/** Higher is better: accuracy, or where there is none, minus the loss. */
function qualityOf(candidate) {
  return isNumber(candidate.validation_accuracy)
    ? candidate.validation_accuracy
    : -candidate.validation_loss;
}

function readRun(report, label) {
  const candidates = report.candidates.map((candidate, index) => ({
    ...candidate,
    index,
    energy_delay: candidate.energy_pj * candidate.cycles,
    quality: qualityOf(candidate),
    isResult: candidate.name === report.after.name,
  }));
  return {
    report,
    label,
    candidates,
    isClassified: isNumber(report.after.validation.accuracy),
    floor: isNumber(report.floor) ? report.floor : null,
  };
}

/** Those that no other one beats in both, by rising cost. */
function frontOf(candidates, key) {
  const sorted = [...candidates].sort((a, b) => a[key] - b[key] || b.quality - a.quality);
  const front = [];
  for (const candidate of sorted)
    if (!front.length || candidate.quality > front.at(-1).quality) front.push(candidate);
  return front;
}

/** For each candidate the least cost up to it of those that keep the floor; null before
 * there is one. */
function bestSoFar(run, key) {
  let best = null;
  return run.candidates.map((candidate) => {
    const keeps = run.floor === null || candidate.quality >= run.floor;
    if (keeps && (best === null || candidate[key] < best)) best = candidate[key];
    return best;
  });
}

/** Rows of layers: those of the network before, in order, then those that are new. */
function layerChanges(before, after) {
  const left = new Map(after.ops.map((op) => [op.name, op]));
  const rows = before.ops.map((op) => {
    const now = left.get(op.name) ?? null;
    left.delete(op.name);
    return { name: op.name, op: op.op, before: op, after: now };
  });
  for (const op of left.values()) rows.push({ name: op.name, op: op.op, before: null, after: op });
  return rows;
}

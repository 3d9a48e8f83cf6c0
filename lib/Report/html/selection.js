// The op that is selected, the same in every view, and how views offer ops for
// selection: an element with `data-op` shows the op's tooltip and selects it.

const selection = makeStore(null);

/** Selects the op, or none where it is selected already. */
function toggleSelection(index, origin) {
  selection.set(selection.get() === index ? null : index, origin);
}

/** To the op before or after among `indices`, which ascend. */
function stepSelection(indices, step, origin) {
  if (!indices.length) return;
  const current = selection.get();
  let next =
    step > 0
      ? indices.find((i) => current === null || i > current)
      : indices.findLast((i) => current === null || i < current);
  next ??= step > 0 ? indices.at(-1) : indices[0];
  selection.set(next, origin);
}

function opOf(event, model) {
  const node = event.target.closest?.("[data-op]");
  return node ? model.ops[Number(node.getAttribute("data-op"))] : undefined;
}

/** `moreLines(op)` adds to the tooltip what only this view knows. */
function offerOps(container, model, moreLines = () => []) {
  container.addEventListener("click", (event) => {
    const op = opOf(event, model);
    if (op) toggleSelection(op.index, container);
  });
  container.addEventListener("pointermove", (event) => {
    const op = opOf(event, model);
    if (op) showTip([...summaryLines(op, model), ...moreLines(op)], event.clientX, event.clientY);
    else hideTip();
  });
  container.addEventListener("pointerleave", hideTip);
}

/** Marks the elements of the selected op inside `container`. */
function markSelected(container) {
  for (const node of container.querySelectorAll(".selected")) node.classList.remove("selected");
  const index = selection.get();
  if (index === null) return;
  for (const node of container.querySelectorAll(`[data-op="${index}"]`))
    node.classList.add("selected");
}

/** Tells screen readers, and keeps the op in the address, so that a link to the
 * page can point to an op. */
function announceSelection(model) {
  selection.subscribe((index) => {
    const op = model.ops[index];
    byId("announcer").textContent = op
      ? summaryLines(op, model).slice(0, 3).join("; ")
      : "no op selected";
    try {
      history.replaceState(null, "", op ? `#op-${index + 1}` : "#");
    } catch {
      // A sandboxed frame has no history; the page works without.
    }
  });
}

function selectFromAddress(model) {
  const match = /^#op-(\d+)$/.exec(location.hash);
  const index = match ? Number(match[1]) - 1 : -1;
  if (model.ops[index]) selection.set(index, null);
}

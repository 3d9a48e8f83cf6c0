// Timeline: which op each engine works for. The first lane, which every report
// has, is the account: an op's cycles are how much later the network ends for
// it, so they follow each other without gaps. The engines' lanes overlap in time.

const laneHeight = 24;
const laneGap = 8;
const timelineTop = 6;
const timeAxisHeight = 34;

/** [{name, spans: [{op, start, end, busy}]}], spans by their start. */
function makeLanes(model) {
  const account = {
    name: "network",
    title: "cycles accounted to each op",
    spans: model.ops.map((op) => ({ op, start: op.start, end: op.end, busy: op.cycles })),
  };
  const engines = engineNames.flatMap((name) => {
    const spans = model.ops.flatMap((op) =>
      op.engines.filter((span) => span.name === name).map((span) => ({ ...span, op })),
    );
    if (!spans.length) return [];
    spans.sort((a, b) => a.start - b.start || a.op.index - b.op.index);
    const busy = sum(spans.map((span) => span.busy));
    return [{ name: name.toUpperCase(), share: quotient(busy, model.lastCycle), spans }];
  });
  return [account, ...engines];
}

/** What can be drawn: spans of a pixel or more one by one, runs of thinner ones
 * as one mark, in their tone if they share one. So the number of marks is bounded
 * by the width, not by the network. */
function marksOf(lane, { start, end, x }) {
  const marks = [];
  let run = null;
  for (const span of lane.spans) {
    if (span.end < start || span.start > end) continue;
    const tone = toneClass(span.op.bound, 6);
    const left = x(Math.max(span.start, start));
    const right = x(Math.min(span.end, end));
    if (right - left >= 1) {
      marks.push({ span, left, right });
      run = null;
    } else if (run && left <= run.right + 1) {
      run.right = Math.max(run.right, right);
      if (run.tone !== tone) run.tone = "tone-6";
    } else {
      run = { left, right: left + 1, tone };
      marks.push(run);
    }
  }
  return marks;
}

/** As much of a name as fits; of a long one a few letters say nothing. */
function shortName(name, width) {
  const characters = [...name];
  const room = Math.floor((width - 8) / 6.6);
  if (characters.length <= room) return name;
  return room < 8 ? "" : `${characters.slice(0, room - 1).join("")}…`;
}

/** `room` is what the next span leaves of this one: where spans overlap, names
 * must not. */
function drawSpan(plot, { span, left, right }, top, room) {
  const { op } = span;
  const tone = toneClass(op.bound, 6);
  const width = right - left;
  const share =
    span.busy === null ? 1 : Math.min(1, quotient(span.busy, span.end - span.start) ?? 1);
  const group = svg("g", { class: `span ${tone}`, "data-op": op.index });
  group.append(
    svg("rect", { class: "extent", x: left, y: top, width, height: laneHeight }),
    svg("rect", {
      class: "busy",
      x: left,
      y: top + laneHeight * (1 - share),
      width,
      height: laneHeight * share,
    }),
    svg("rect", { class: "outline", x: left, y: top, width, height: laneHeight }),
  );
  const label = shortName(op.name, Math.min(width, room));
  if (label)
    group.append(svg("text", { class: "span-label", x: left + 4, y: top + 16, text: label }));
  plot.append(group);
}

function drawLane(plot, lane, top, scale, width) {
  plot.append(
    svg("text", { class: "lane-label end", x: timeGutter - 8, y: top + 11, text: lane.name }),
  );
  if (lane.share !== undefined)
    plot.append(
      svg("text", {
        class: "tick end faint",
        x: timeGutter - 8,
        y: top + 23,
        text: `${percent(lane.share)} busy`,
      }),
    );
  plot.append(svg("rect", { class: "lane", x: timeGutter, y: top, width, height: laneHeight }));
  const marks = marksOf(lane, scale);
  marks.forEach((mark, i) => {
    const room = (marks[i + 1]?.left ?? Infinity) - mark.left;
    if (mark.span) drawSpan(plot, mark, top, room);
    else
      plot.append(
        svg("rect", {
          class: `run ${mark.tone}`,
          x: mark.left,
          y: top,
          width: mark.right - mark.left,
          height: laneHeight,
        }),
      );
  });
  const chosen = lane.spans.find((span) => span.op.index === selection.get());
  if (chosen && chosen.end >= scale.start && chosen.start <= scale.end)
    drawChosen(plot, chosen, top, scale);
}

/** The selected op is seen however thin it is. */
function drawChosen(plot, span, top, { start, end, x }) {
  const left = x(Math.max(span.start, start));
  const width = Math.max(2, x(Math.min(span.end, end)) - left);
  plot.append(
    svg("rect", {
      class: "chosen",
      x: left,
      y: top - 2,
      width,
      height: laneHeight + 4,
      "data-op": span.op.index,
    }),
  );
}

function drawTimeline(container, view, model, lanes) {
  const scale = timeScale(container, view);
  const width = plotWidth(container);
  const bottom = timelineTop + lanes.length * (laneHeight + laneGap);
  const names = lanes.map((lane) => lane.name).join(", ");
  const label = `Timeline of ${plural(model.ops.length, "op")} on ${names}`;
  const plot = image(container.clientWidth, bottom + timeAxisHeight, label);
  drawTimeAxis(plot, container, view, model, timelineTop, bottom);
  lanes.forEach((lane, i) =>
    drawLane(plot, lane, timelineTop + i * (laneHeight + laneGap), scale, width),
  );
  container.replaceChildren(plot);
}

/** The op at a place of the plot. Marks may stand for many ops, so that the
 * place decides, not the element. */
function spanAt(event, container, view, lanes) {
  const box = container.getBoundingClientRect();
  const lane = lanes[Math.floor((event.clientY - box.top - timelineTop) / (laneHeight + laneGap))];
  const left = event.clientX - box.left;
  if (!lane || left < timeGutter) return null;
  const { cycleAt } = timeScale(container, view);
  const cycle = cycleAt(left);
  const slack = cycleAt(left + 2) - cycle;
  // The last one that has begun: engines work in program order.
  const found =
    lane.spans.findLast((span) => span.start <= cycle && span.end > cycle) ??
    lane.spans.find((span) => span.start <= cycle + slack && span.end >= cycle - slack);
  return found ? { ...found, lane: lane.name } : null;
}

function spanLines(span) {
  const line = `${span.lane}: cycles ${exact(span.start)} to ${exact(span.end)}`;
  const share = quotient(span.busy, span.end - span.start);
  const isEngine = span.name !== undefined;
  return isEngine && span.busy !== null
    ? [line, `busy for ${exact(span.busy)} of them, ${percent(share)}`]
    : [line];
}

function showTimeline(model, view) {
  const container = byId("timeline");
  if (!model.ops.length) {
    container.append(element("p", { class: "absent", text: "no ops" }));
    return;
  }
  const lanes = makeLanes(model);
  container.before(viewButtons(view, model));
  if (lanes.length === 1)
    container.after(
      element("p", { class: "absent", text: `when each engine is busy: ${notInReport}` }),
    );
  applyProperties(container, {
    class: "plot time",
    tabindex: 0,
    role: "group",
    "aria-labelledby": "timeline-title",
    "aria-describedby": "timeline-hint",
  });
  const draw = oncePerFrame(() => drawTimeline(container, view, model, lanes));
  zoomWithWheel(container, view);
  moveWithKeys(container, view, model);
  panWithPointer(container, view, (event) => {
    const span = spanAt(event, container, view, lanes);
    if (span) toggleSelection(span.op.index, container);
  });
  container.addEventListener("dblclick", (event) => {
    const span = spanAt(event, container, view, lanes);
    if (span) view.zoomTo(span.op);
  });
  container.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    const span = spanAt(event, container, view, lanes);
    if (span)
      showTip([...summaryLines(span.op, model), ...spanLines(span)], event.clientX, event.clientY);
    else hideTip();
  });
  container.addEventListener("pointerleave", hideTip);
  view.subscribe(draw);
  selection.subscribe((index) => {
    if (model.ops[index]) view.reveal(model.ops[index]);
    draw();
  });
  drawAtWidth(container, draw);
}

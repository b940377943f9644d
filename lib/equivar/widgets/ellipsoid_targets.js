// EllipsoidTargets: a shape that becomes a sphere, and three targets for its long direction.
// Python computed all targets and numbers; this shows those of one shape, pose and nudge.

const [TURNS, NUDGES, PER, UNIT, REACH] = [24, 8, 10, 62, 104];
const NAMES = ["arrow", "axis", "moment"];

// `lobes` in ellipsoid_targets.py: how much a moment is longer in each direction of the plane.
function lobes(xx, yy, xy) {
  const points = [];
  for (let degree = 0; degree < 360; degree += 5) {
    const [c, s] = [Math.cos, Math.sin].map((f) => f((degree * Math.PI) / 180));
    const r = 110 * Math.max(0, xx * c * c + 2 * xy * c * s + yy * s * s);
    points.push(`${(r * c).toFixed(2)} ${(-r * s).toFixed(2)}`);
  }
  return `M${points.join("L")}Z`;
}

const head = ([x, y], size) => {
  const [a, b] = [-x + y, -x - y]; // back along the arrow, and to both sides
  const [tx, ty] = [REACH * x, -REACH * y];
  const wing = (u, v) => `M${tx.toFixed(2)} ${ty.toFixed(2)}l${(size * u).toFixed(2)} ${(size * v).toFixed(2)}`;
  return wing(a, x + y) + wing(b, y - x);
};

function render({ model, el }) {
  const get = (name) => model.get(name);
  const shapes = get("shapes");
  const rounds = shapes.length;
  const numbers = unpack(get("numbers"), get("step"));
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-ellipsoid", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  add(left, "p", { class: "eq-title" }, get("title"));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "drawing",
    "aria-label": "Ellipsoid and targets. Left and right turn it, up and down make it longer and " +
      "rounder, page up and page down nudge its points, Home begins again.",
  });
  const svg = add(stage, "svg", { viewBox: "-150 -125 300 250", "aria-hidden": "true" });
  add(svg, "path", { class: "axes", d: "M-140 0H132M0 118V-112" });
  add(svg, "text", { x: 135, y: 4 }, "x");
  add(svg, "text", { x: 0, y: -114, "text-anchor": "middle" }, "y");
  const turned = add(svg, "g", { class: "body" });
  const outline = add(turned, "ellipse", { class: "outline" });
  const dots = Array.from({ length: 6 }, () => add(turned, "circle", { class: "dot", r: 4 }));
  const moment = add(svg, "path", { class: "moment" });
  const ghosts = Array.from({ length: NUDGES }, () => add(svg, "path", { class: "ghost" }));
  const axis = add(svg, "path", { class: "axis" });
  const arrow = add(svg, "path", { class: "arrow" });
  const sliders = [["Round", rounds], ["Turn", TURNS], ["Nudge", NUDGES]].map(([name, count]) => {
    const label = add(left, "label", { class: "slider" });
    add(label, "span", {}, name);
    const input = add(label, "input", { type: "range", step: 1, min: 0, max: count - 1 });
    return [input, place(label, "span", name.toLowerCase(), { class: "angle", "aria-hidden": "true" })];
  });
  const row = add(left, "div", { class: "buttons", role: "group", "aria-label": "Shape" });
  const jumps = [["ellipsoid", 0], ["nearly round", rounds - 2], ["sphere", rounds - 1]];
  const picks = jumps.map(([text]) => add(row, "button", { type: "button" }, text));

  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "Three targets: size, how far this nudge moves each, what is out of reach");
  const top = add(add(table, "thead"), "tr");
  ["target", "size", "this nudge moves it by", "out of reach"].forEach((t) => add(top, "th", { scope: "col" }, t));
  const rows = add(table, "tbody");
  ["arrow n", "axis n nᵀ", "moment"].forEach((text, m) => {
    const tr = add(rows, "tr", { class: NAMES[m] });
    add(tr, "th", { scope: "row" }, text);
    for (const kind of ["size", "moved", "reach"]) place(tr, "td", `${kind}-${NAMES[m]}`);
  });
  add(right, "p", { class: "eq-note" }, "Orange: an arrow along the longest axis, its x made positive. " +
    "Purple: the same axis without a sign. Thin: for the other nudges. Blue: the moment, how much longer " +
    "the points reach in each direction.");
  add(right, "p", { class: "eq-note" }, "Out of reach: mean square over all poses and nudges of this shape, " +
    "of 1, for every equivariant model that cannot tell the nudges apart.");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- where we are -----------------------------------------------------------------------
  let at = [...get("at")];
  let [talk, first, hand] = [0, true, null];
  const limits = [rounds, TURNS, NUDGES];
  const numbersAt = (nudge) => {
    const start = ((at[0] * TURNS + at[1]) * NUDGES + nudge) * PER;
    return Array.from({ length: PER }, (_, i) => numbers(start + i));
  };
  const line = ([x, y], back) => {
    const [a, b] = [(REACH * x).toFixed(2), (-REACH * y).toFixed(2)];
    return `M${back ? `${-a} ${-b}` : "0 0"}L${a} ${b}`;
  };

  function draw() {
    const shape = shapes[at[0]];
    const here = numbersAt(at[2]);
    turned.setAttribute("transform", `rotate(${(-360 * at[1]) / TURNS})`);
    put(outline, { rx: UNIT * shape.axes[0], ry: UNIT * shape.axes[1] });
    dots.forEach((dot, i) => {
      const [x, y] = shape.points[at[2]][i];
      put(dot, { cx: (UNIT * x).toFixed(2), cy: (-UNIT * y).toFixed(2) });
    });
    put(moment, { d: lobes(here[3], here[4], here[5]) });
    put(axis, { d: line(here, true) });
    put(arrow, { d: line(here, false) + head(here, 11) });
    ghosts.forEach((ghost, k) => put(ghost, { d: line(numbersAt(k), false) }));
    const texts = {
      round: `${Math.floor((100 * at[0]) / (rounds - 1))} %`, turn: `${(360 * at[1]) / TURNS}°`,
      nudge: at[2] ? String(at[2]) : "none",
    };
    NAMES.forEach((name, m) => {
      texts[`size-${name}`] = fixed(name === "moment" ? here[6] : 1, 2);
      texts[`moved-${name}`] = fixed(here[7 + m], 2);
      texts[`reach-${name}`] = fixed(get("reach")[at[0]][m], 3);
    });
    for (const [key, text] of Object.entries(texts)) {
      if (places[key].textContent !== text) places[key].textContent = text;
    }
    sliders.forEach(([input], d) => {
      input.value = at[d];
      input.setAttribute("aria-valuetext", texts[["round", "turn", "nudge"][d]]);
    });
    picks.forEach((b, k) => b.setAttribute("aria-pressed", String(jumps[k][1] === at[0])));
    const before = get("at");
    if (before.some((v, d) => v !== at[d])) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    if (!first) {
      talk = setTimeout(() => {
        live.textContent = `${texts.round} round, turned by ${texts.turn}, nudge ${texts.nudge}. Moved by ` +
          `it: arrow ${texts["moved-arrow"]}, axis ${texts["moved-axis"]}, moment ${texts["moved-moment"]}. ` +
          `Out of reach: ${NAMES.map((name) => texts[`reach-${name}`]).join(", ")}.`;
      }, 700); // what is passed on the way is not said, nor anything when the page loads
    }
    first = false;
  }
  function go(d, value) {
    at[d] = d === 1 ? ((value % TURNS) + TURNS) % TURNS : Math.max(0, Math.min(limits[d] - 1, value));
    draw();
  }

  // ---- hands ------------------------------------------------------------------------------
  const angle = (e) => {
    const box = svg.getBoundingClientRect();
    return Math.atan2(box.top + box.height / 2 - e.clientY, e.clientX - box.left - box.width / 2);
  };
  on(stage, "pointerdown", (e) => {
    if (e.button || hand) return;
    stage.setPointerCapture(e.pointerId);
    hand = { id: e.pointerId, from: angle(e), turn: at[1] };
  });
  on(stage, "pointermove", (e) => {
    if (hand?.id !== e.pointerId) return;
    const steps = Math.round(((angle(e) - hand.from) * TURNS) / (2 * Math.PI));
    if (hand.turn + steps !== at[1]) go(1, hand.turn + steps);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    on(stage, type, (e) => { if (hand?.id === e.pointerId) hand = null; });
  }
  const keys = {
    ArrowLeft: () => go(1, at[1] + 1), ArrowRight: () => go(1, at[1] - 1),
    ArrowUp: () => go(0, at[0] - 1), ArrowDown: () => go(0, at[0] + 1),
    PageUp: () => go(2, at[2] - 1), PageDown: () => go(2, at[2] + 1),
    Home: () => { at = [0, 2, 0]; draw(); },
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    keys[e.key]();
  });
  sliders.forEach(([input], d) => on(input, "input", () => go(d, Number(input.value))));
  picks.forEach((b, k) => on(b, "click", () => go(0, jumps[k][1])));
  const follow = () => {
    const to = get("at");
    if (to.every((v, d) => v === at[d])) return;
    at = [...to];
    draw();
  };
  model.on("change:at", follow);

  draw();
  return () => {
    ends.abort();
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

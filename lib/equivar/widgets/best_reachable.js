// BestReachable: a shape whose corners are pulled, and what an equivariant model can answer at best.
// Python found the symmetries, and which of them each order parameter keeps; this lets them act on
// the target, averages, and draws. `solve` does what `solve` in best_reachable.py does, in the same
// order, so that the digits agree.

const [STEPS, REACH, KEY, SAME, ONE, SCALE] = [100, 150, 10, 1e-6, 0.02, 62];

const actOn = ({ matrix: [a, b, c, d], to }, moves) => {
  const image = moves.map(() => [0, 0]);
  moves.forEach(([x, y], i) => { image[to[i]] = [a * x + b * y, c * x + d * y]; });
  return image;
};
const total = (values) => values.reduce((sum, x) => sum + x, 0);
const squared = (moves) => total(moves.map(([x, y]) => x * x + y * y)) / moves.length;
const less = (one, other) => one.map(([x, y], i) => [x - other[i][0], y - other[i][1]]);
const apart = (one, other) => Math.max(...less(one, other).flat().map(Math.abs));

function solve(scene, k, moves) {
  const { elements } = scene.breaks[k];
  const images = elements.map((g) => actOn(g, moves));
  const best = moves.map((_, i) =>
    [0, 1].map((d) => total(images.map((image) => image[i][d])) / images.length));
  const different = [];
  for (const image of images) {
    if (different.every((other) => apart(image, other) > ONE)) different.push(image);
  }
  const two = [moves, best].map((arrows) => {
    const size = squared(arrows);
    const off = elements.map((g) => squared(less(actOn(g, arrows), arrows)));
    return size > SAME ** 2 ? Math.sqrt(Math.max(...off) / size) : 0;
  });
  return { images: different, best, floor: squared(less(moves, best)), asked: squared(moves), two };
}

// The order parameter, drawn in the middle: a stretch as two arrows, an arrow, a turn, a scribble.
const GLYPHS = {
  "arrow x": "M-18 0H16M8 -7L17 0L8 7",
  "x² − y²": "M-20 0H20M-13 -6L-21 0L-13 6M13 -6L21 0L13 6",
  xy: "M-14 14L14 -14M-14 5V14H-5M5 -14H14V-5",
  turn: "M-13 -9A16 16 0 1 1 -15 5M-13 -18V-8H-3",
  noise: "M-18 2L-11 -9L-7 8L-1 -12L4 9L9 -6L13 5L18 -3",
  nothing: "",
};

function render({ model, el }) {
  const get = (name) => model.get(name);
  const scenes = get("scenes");
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const most = Math.max(...scenes.map((s) => s.points.length));

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-reach", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  const buttons = (parent, label, names, kind) => {
    const row = add(parent, "div", { class: `buttons ${kind}`, role: "group", "aria-label": label });
    return names.map((text) => add(row, "button", { type: "button" }, text));
  };
  add(left, "p", { class: "eq-title" }, get("title"));
  const pick = buttons(left, "Shape", scenes.map((s) => s.name), "shapes");
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "drawing",
    "aria-label": "Shape and target. Arrow keys pull the chosen corner, page up and page down choose " +
      "a corner, Home puts all corners back.",
  });
  const svg = add(stage, "svg", { viewBox: "-170 -160 340 320", "aria-hidden": "true" });
  add(svg, "path", { class: "axes", d: "M-165 0H158M0 155V-150" });
  add(svg, "text", { x: 160, y: 4 }, "x");
  add(svg, "text", { x: 0, y: -152, "text-anchor": "middle" }, "y");
  const shape = add(svg, "polygon", { class: "shape" });
  const ghosts = Array.from({ length: 12 }, () => add(svg, "polygon", { class: "ghost" }));
  const asked = add(svg, "polygon", { class: "asked" });
  const best = add(svg, "polygon", { class: "best" });
  const glyph = add(svg, "path", { class: "glyph" });
  const dots = Array.from({ length: most }, () => add(svg, "circle", { class: "dot", r: 4 }));
  const handles = Array.from({ length: most }, (_, i) => {
    const node = add(svg, "g", { class: "handle", "data-corner": i });
    add(node, "circle", { class: "hit", r: 22 });
    add(node, "circle", { class: "knob", r: 7 });
    return node;
  });
  const sliders = ["Corner", "x", "y"].map((name, k) => {
    const label = add(left, "label", { class: "slider" });
    add(label, "span", {}, name);
    const range = k ? { min: -REACH, max: REACH } : { min: 0, max: most - 1 };
    const input = add(label, "input", { type: "range", step: 1, ...range });
    return [input, add(label, "span", { class: "angle", "aria-hidden": "true" })];
  });
  const names = scenes[0].targets.map((t) => t.name);
  const ask = buttons(left, "Target", [...names, "Reset"], "targets");

  add(right, "p", { class: "eq-head" }, "Beside the shape, the model is told");
  const tell = buttons(right, "Order parameter", scenes[0].breaks.map((b) => b.name), "told");
  const kept = add(right, "p", { class: "eq-kept" });
  add(kept, "span", {}, "irrep ");
  place(kept, "b", "irrep");
  add(kept, "span", {}, "; symmetries kept: ");
  place(kept, "b", "kept");
  const floor = add(right, "p", { class: "eq-floor" });
  place(floor, "b", "floor");
  add(floor, "span", {}, " floor, of ");
  place(floor, "span", "asked");
  add(floor, "span", {}, " asked");
  const detail = add(right, "div", { class: "eq-detail" });
  [["reached", "reached "], ["answers", "equivalent targets "], ["free", "numbers that are free "]]
    .forEach(([key, text]) => place(add(detail, "p", {}, text), "b", key));
  place(detail, "p", "move", { class: "eq-muted" });
  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "A model without symmetry against the best equivariant one");
  const head = add(add(table, "thead"), "tr");
  ["a model", "misses", "two answers"].forEach((t) => add(head, "th", { scope: "col" }, t));
  const rows = add(table, "tbody");
  ["unconstrained", "equivariant"].forEach((text, m) => {
    const tr = add(rows, "tr", { class: `m${m}` });
    add(tr, "th", { scope: "row" }, text);
    if (m) place(tr, "td", "miss-1");
    else add(tr, "td", {}, "0");
    place(tr, "td", `two-${m}`);
  });
  add(right, "p", { class: "eq-note" }, "Orange: asked, and its equivalents. Green: best reachable. " +
    "Two answers: how far apart a model's answers to one input are, when a symmetry turns it into itself.");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- where we are -----------------------------------------------------------------------
  let [which, told, corner, ...steps] = get("at");
  let [talk, first, hand] = [0, true, null];
  const here = () => [which, told, corner, ...steps];
  const outline = (points, moves) => points.map(([x, y], i) =>
    [SCALE * (x + moves[i][0]), -SCALE * (y + moves[i][1])].map((v) => v.toFixed(2)).join()).join(" ");

  function draw() {
    const scene = scenes[which];
    const n = scene.points.length;
    const moves = scene.points.map((_, i) => [steps[2 * i] / STEPS, steps[2 * i + 1] / STEPS]);
    const found = solve(scene, told, moves);
    put(shape, { points: outline(scene.points, moves.map(() => [0, 0])) });
    put(asked, { points: outline(scene.points, moves) });
    put(best, { points: outline(scene.points, found.best) });
    ghosts.forEach((node, k) => {
      node.style.display = k && k < found.images.length ? "" : "none";
      if (k < found.images.length) put(node, { points: outline(scene.points, found.images[k]) });
    });
    put(glyph, { d: GLYPHS[scene.breaks[told].name] });
    handles.forEach((node, i) => {
      node.style.display = dots[i].style.display = i < n ? "" : "none";
      if (i >= n) return;
      const at = (m) => scene.points[i].map((x, d) => (d ? -SCALE : SCALE) * (x + m[i][d]));
      node.setAttribute("transform", `translate(${at(moves).map((v) => v.toFixed(2)).join(" ")})`);
      node.toggleAttribute("data-chosen", i === corner);
      const [cx, cy] = at(found.best);
      put(dots[i], { cx: cx.toFixed(2), cy: cy.toFixed(2) });
    });
    const [x, y] = moves[corner];
    const some = found.asked > SAME ** 2;
    const texts = {
      floor: fixed(found.floor, 3), asked: fixed(found.asked, 3), "miss-1": fixed(found.floor, 3),
      reached: some ? `${fixed(100 * (1 - found.floor / found.asked), 0)} %` : "all",
      kept: `${scene.breaks[told].elements.length} of ${scene.breaks[0].elements.length}`,
      free: `${scene.breaks[told].free} of ${2 * n}`, answers: String(found.images.length),
      irrep: scene.breaks[told].irrep, "two-0": relative(found.two[0]), "two-1": relative(found.two[1]),
      move: `corner ${corner + 1} moves by (${fixed(x, 2)}, ${fixed(y, 2)})`,
    };
    for (const [key, text] of Object.entries(texts)) {
      if (places[key].textContent !== text) places[key].textContent = text;
    }
    sliders[0][0].max = n - 1;
    [corner, steps[2 * corner], steps[2 * corner + 1]].forEach((value, k) => {
      sliders[k][0].value = value;
      const text = k ? fixed(value / STEPS, 2) : String(corner + 1);
      sliders[k][0].setAttribute("aria-valuetext", text);
      sliders[k][1].textContent = text;
    });
    pick.forEach((b, k) => b.setAttribute("aria-pressed", String(k === which)));
    tell.forEach((b, k) => b.setAttribute("aria-pressed", String(k === told)));
    const at = here();
    const before = get("at");
    if (before.length !== at.length || before.some((a, d) => a !== at[d])) {
      model.set("at", at);
      model.save_changes();
    }
    clearTimeout(talk);
    if (!first) {
      talk = setTimeout(() => {
        live.textContent = `${scene.name}, told ${scene.breaks[told].name}: ${texts.kept} symmetries ` +
          `kept, floor ${texts.floor} of ${texts.asked}. ${texts.move}.`;
      }, 700); // what is passed on the way is not said, nor anything when the page loads
    }
    first = false;
  }

  const within = (v, low, high) => Math.max(low, Math.min(high, v));
  function choose(i) {
    corner = within(i, 0, scenes[which].points.length - 1);
    draw();
  }
  function pull(x, y) {
    steps[2 * corner] = within(Math.round(x), -REACH, REACH) + 0; // no minus zero
    steps[2 * corner + 1] = within(Math.round(y), -REACH, REACH) + 0;
    draw();
  }
  const nudge = (x, y) => pull(steps[2 * corner] + KEY * x, steps[2 * corner + 1] + KEY * y);
  function demand(to) {
    steps = [...to];
    draw();
  }
  const nothing = () => demand(scenes[which].points.flatMap(() => [0, 0]));

  // ---- hands ------------------------------------------------------------------------------
  const spot = (e) => {
    const box = svg.getBoundingClientRect();
    const size = 340 / box.width;
    return [(e.clientX - box.left) * size - 170, (e.clientY - box.top) * size - 160];
  };
  handles.forEach((node, i) => {
    on(node, "pointerdown", (e) => {
      if (e.button || hand) return;
      node.setPointerCapture(e.pointerId);
      hand = e.pointerId;
      choose(i);
    });
    on(node, "pointermove", (e) => {
      if (hand !== e.pointerId) return;
      const [x, y] = spot(e);
      const [px, py] = scenes[which].points[corner];
      pull(STEPS * (x / SCALE - px), STEPS * (-y / SCALE - py));
    });
    for (const type of ["pointerup", "pointercancel"]) {
      on(node, type, (e) => { if (hand === e.pointerId) hand = null; });
    }
  });
  const keys = {
    ArrowLeft: () => nudge(-1, 0), ArrowRight: () => nudge(1, 0),
    ArrowUp: () => nudge(0, 1), ArrowDown: () => nudge(0, -1),
    PageUp: () => choose(corner - 1), PageDown: () => choose(corner + 1), Home: nothing,
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    keys[e.key]();
  });
  on(sliders[0][0], "input", () => choose(Number(sliders[0][0].value)));
  on(sliders[1][0], "input", () => pull(Number(sliders[1][0].value), steps[2 * corner + 1]));
  on(sliders[2][0], "input", () => pull(steps[2 * corner], Number(sliders[2][0].value)));
  pick.forEach((b, k) => on(b, "click", () => {
    [which, corner] = [k, 0];
    demand(scenes[k].targets[0].steps);
  }));
  tell.forEach((b, k) => on(b, "click", () => {
    told = k;
    draw();
  }));
  ask.forEach((b, k) => on(b, "click", () =>
    (k < names.length ? demand(scenes[which].targets[k].steps) : nothing())));
  const follow = () => {
    const to = get("at");
    if (to.length === here().length && to.every((a, d) => a === here()[d])) return;
    [which, told, corner, ...steps] = to;
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

// Mirror: shows what mirror.py measured on a thing and on its images. Python computes and words;
// this draws points by the matrices that came with them, and owns only what is shown.

const [REACH, ARROW] = [72, 88]; // of a thing and of an arrow, in units of the picture
const MIDDLES = [[102, 104], [310, 104]];

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [scenes, kinds] = [get("scenes"), get("elements")];
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const tip = `tip${Math.random().toString(36).slice(2)}`;

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-mirror", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  const group = (parent, label) => add(parent, "div", { class: "buttons", role: "group", "aria-label": label });
  add(left, "p", { class: "eq-title" }, get("title"));
  const thingBox = group(left, "Thing");
  const things = scenes.map((s) => add(thingBox, "button", { type: "button" }, s.name));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "mirror",
    "aria-label": "Thing and image. Left and right arrows turn the mirror, up and down arrows " +
      "choose a quantity, page up and page down choose mirror, turn or inversion, Home starts over.",
  });
  const svg = add(stage, "svg", { viewBox: "0 0 412 212", "aria-hidden": "true" });
  const defs = add(svg, "defs");
  for (const tone of ["m0", "m1", "small"]) {
    const marker = add(defs, "marker", { id: `${tip}-${tone}`, viewBox: "0 0 8 8", refX: 5, refY: 4,
      markerWidth: 3.4, markerHeight: 3.4, orient: "auto" });
    add(marker, "path", { class: `tip ${tone}`, d: "M0 0L8 4L0 8z" });
  }
  const panels = MIDDLES.map(([x, y], n) => {
    const node = add(svg, "g", { transform: `translate(${x} ${y})` });
    add(node, "circle", { class: "globe", r: 94 });
    const glass = add(node, "path", { class: "glass" });
    const box = add(node, "g");
    const arrows = ["m0", "m1"].map((tone) => add(node, "path", { class: `arrow ${tone}`,
      "marker-end": `url(#${tip}-${tone})` }));
    add(node, "text", { x: -94, y: -84 }, n ? "image" : "thing");
    return { glass, box, arrows, bar: add(node, "rect", { class: "bar", x: 84, width: 10 }),
      line: add(node, "path", { class: "line", d: "M80 0H98" }) };
  });
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Angle");
  const slider = add(label, "input", { type: "range", min: 0, max: kinds[0].texts.length - 1, step: 1 });
  const degrees = add(label, "span", { class: "angle", "aria-hidden": "true" });
  const buttons = group(left, "Element");
  const pick = kinds.map((k) => add(buttons, "button", { type: "button" }, k.name[0].toUpperCase() + k.name.slice(1)));
  const reset = add(buttons, "button", { type: "button" }, "Reset");

  const choice = add(right, "div", { class: "quantities", role: "group", "aria-label": "Quantity" });
  const choose = scenes[0].quantities.map(() => {
    const button = add(choice, "button", { type: "button" });
    return { button, label: add(button, "b"), name: add(button, "span") };
  });
  const line = add(right, "p", { class: "eq-element" });
  place(line, "b", "element");
  place(line, "span", "determinant");
  const said = add(right, "p", { class: "eq-verdict" });
  place(said, "span", "quantity");
  place(said, "b", "verdict");
  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "What was measured, and how far each label is off");
  const rows = add(table, "tbody");
  const row = (text, name, tone) => {
    const tr = add(rows, "tr", { class: tone });
    const th = add(tr, "th", { scope: "row" }, text);
    return [th, place(tr, "td", name)];
  };
  row("of the thing", "before", "m1");
  row("of the image", "after", "m1");
  const [even] = row("", "even", "eq-error");
  const [odd] = row("", "odd", "eq-error");
  const note = add(right, "p", { class: "eq-note" });
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- where we are -----------------------------------------------------------------------
  let [scene, quantity, kind, angle] = get("at");
  let [talk, first] = [0, true];
  const last = () => kinds[kind].texts.length - 1;
  const words = (v) => (v.length === 1 ? fixed(v[0], 2) : `(${v.map((x) => fixed(x, 2)).join(", ")})`);

  function drawThing({ box }, thing, M) {
    box.replaceChildren();
    const at = thing.points.map((p) => apply(M, p));
    const [xs, ys] = [0, 1].map((d) => at.map((p) => (d ? -REACH : REACH) * p[d]));
    const items = thing.sticks.map(([i, j]) => [(at[i][2] + at[j][2]) / 2, () =>
      add(box, "path", { class: "stick", d: `M${xs[i]} ${ys[i]}L${xs[j]} ${ys[j]}` })]);
    at.forEach((p, i) => items.push([p[2], () => {
      const v = apply(M, thing.velocities[i]);
      if (Math.hypot(...v) > 1e-6) {
        add(box, "path", { class: "speed", "marker-end": `url(#${tip}-small)`,
          d: `M${xs[i]} ${ys[i]}l${REACH * v[0]} ${-REACH * v[1]}` });
      }
      const ball = add(box, "circle", { class: "ball", cx: xs[i], cy: ys[i], r: REACH * thing.radii[i] });
      ball.style.setProperty("--c", `var(--atom-${thing.symbols[i]}, var(--atom-X))`);
      ball.style.setProperty("--fog", `${(20 * (1 - p[2])).toFixed(0)}%`);
    }]));
    items.sort((a, b) => a[0] - b[0]).forEach(([, make]) => make());
  }
  const arrow = (node, v, seen) => {
    node.style.display = seen ? "" : "none";
    if (seen) node.setAttribute("d", `M0 0L${ARROW * v[0]} ${-ARROW * v[1]}`);
  };

  function draw() {
    const thing = scenes[scene];
    const what = thing.quantities[quantity];
    const found = what.found[kind][angle];
    const [M, vector] = [kinds[kind].matrices[angle], what.value.length === 3];
    const turn = 15 * angle; // only to draw the mirror's line
    panels.forEach((panel, n) => {
      drawThing(panel, thing, n ? M : [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
      panel.glass.style.display = kind === 0 ? "" : "none";
      put(panel.glass, { d: "M0 -94V94", transform: `rotate(${-turn})` });
      const value = n ? found.value : what.value;
      const scaled = value.map((x) => x * what.scale);
      arrow(panel.arrows[0], vector ? apply(M, what.value).map((x) => x * what.scale) : [], vector && n === 1);
      arrow(panel.arrows[1], scaled, vector);
      const size = vector ? 0 : 60 * Math.sign(Math.round(1e6 * value[0]));
      panel.bar.style.display = panel.line.style.display = vector ? "none" : "";
      put(panel.bar, { y: Math.min(0, -size), height: Math.abs(size) });
    });
    const texts = {
      element: kinds[kind].texts[angle], determinant: kind === 1 ? "determinant 1" : "determinant −1",
      quantity: what.name, before: words(what.value), after: words(found.value),
      verdict: found.verdict, even: found.even, odd: found.odd,
    };
    for (const [key, text] of Object.entries(texts)) {
      if (places[key].textContent !== text) places[key].textContent = text;
    }
    even.textContent = `error if it is ${vector ? 1 : 0}e`;
    odd.textContent = `error if it is ${vector ? 1 : 0}o`;
    note.textContent = vector
      ? "Orange, dashed: the arrow as the mirror shows it. Blue: the arrow measured on the thing, and on its image."
      : "The bar beside each picture is the sign of the number.";
    choose.forEach(({ button, label: tag, name }, k) => {
      button.setAttribute("aria-pressed", String(k === quantity));
      tag.textContent = thing.quantities[k].label;
      name.textContent = thing.quantities[k].name;
    });
    things.forEach((b, k) => b.setAttribute("aria-pressed", String(k === scene)));
    pick.forEach((b, k) => b.setAttribute("aria-pressed", String(k === kind)));
    slider.disabled = last() === 0;
    slider.value = angle;
    slider.setAttribute("aria-valuetext", texts.element);
    degrees.textContent = last() ? `${turn}°` : "";
    const at = [scene, quantity, kind, angle];
    if (get("at").some((a, d) => a !== at[d])) {
      model.set("at", at);
      model.save_changes();
    }
    clearTimeout(talk);
    if (!first) {
      talk = setTimeout(() => {
        live.textContent = `${thing.name}, ${texts.element}: ${texts.quantity} ${texts.verdict}. ` +
          `${even.textContent}: ${texts.even}; ${odd.textContent}: ${texts.odd}.`;
      }, 700); // what is passed on the way is not said, nor anything when the page loads
    }
    first = false;
  }

  function go(to) {
    scene = to.scene ?? scene;
    if (to.quantity !== undefined) quantity = Math.max(0, Math.min(choose.length - 1, to.quantity));
    if (to.kind !== undefined) kind = Math.max(0, Math.min(kinds.length - 1, to.kind));
    const n = last() + 1;
    angle = n === 1 ? 0 : (((to.angle ?? angle) % n) + n) % n;
    draw();
  }

  // ---- hands ------------------------------------------------------------------------------
  let hold = null;
  on(stage, "pointerdown", (e) => {
    if (e.button) return;
    stage.setPointerCapture(e.pointerId);
    hold = { x: e.clientX, angle };
  });
  on(stage, "pointermove", (e) => {
    if (!hold || !last()) return;
    const to = hold.angle - Math.round((e.clientX - hold.x) / 14);
    if (to !== angle) go({ angle: to });
  });
  const release = () => { hold = null; };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  const keys = {
    ArrowLeft: () => go({ angle: angle + 1 }), ArrowRight: () => go({ angle: angle - 1 }),
    ArrowUp: () => go({ quantity: quantity - 1 }), ArrowDown: () => go({ quantity: quantity + 1 }),
    PageUp: () => go({ kind: kind - 1 }), PageDown: () => go({ kind: kind + 1 }),
    Home: () => go({ scene: 0, quantity: 3, kind: 0, angle: 0 }),
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    keys[e.key]();
  });
  on(slider, "input", () => go({ angle: Number(slider.value) }));
  things.forEach((b, k) => on(b, "click", () => go({ scene: k })));
  pick.forEach((b, k) => on(b, "click", () => go({ kind: k })));
  choose.forEach(({ button }, k) => on(button, "click", () => go({ quantity: k })));
  on(reset, "click", () => keys.Home());
  const follow = () => {
    const at = get("at");
    if (at.some((a, d) => a !== [scene, quantity, kind, angle][d])) {
      go({ scene: at[0], quantity: at[1], kind: at[2], angle: at[3] });
    }
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

// TensorTies: shows the ties that tensor_ties.py found. Python computes them and words them; this
// places cells, looks terms up, and owns nothing but which group, tensor and component is shown.

const PACE = 900; // ms that the demonstration stays at a group
const FRAME = { width: 390, height: 336, left: 30, top: 24 };

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [groups, tensors, patterns] = ["groups", "tensors", "patterns"].map(get);
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const columns = tensors[0].columns.length;

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-ties", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  add(left, "p", { class: "eq-title" }, get("title"));
  const kinds = add(left, "div", { class: "buttons", role: "group", "aria-label": "Tensor" });
  const pick = tensors.map((t) => add(kinds, "button", { type: "button" }, t.name));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "table of components",
    "aria-label": "Components. Arrow keys choose one, page up and page down change the crystal " +
      "class, Home goes back to no symmetry, End to the most.",
  });
  const svg = add(stage, "svg", { viewBox: `0 0 ${FRAME.width} ${FRAME.height}`, "aria-hidden": "true" });
  const heads = Array.from({ length: 2 * columns }, () => add(svg, "text", { class: "head" }));
  const cells = Array.from({ length: columns * columns }, () => {
    const node = add(svg, "g", { class: "cell" });
    return { node, rect: add(node, "rect", { rx: 4 }), dot: add(node, "circle", { r: 2 }),
      text: add(node, "text", { "text-anchor": "middle" }) };
  });
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Class");
  const slider = add(label, "input", { type: "range", min: 0, max: groups.length - 1, step: 1 });
  add(label, "span", { class: "angle", "aria-hidden": "true" });
  const buttons = add(left, "div", { class: "buttons" });
  const [play, view, reset] = ["", "", "Reset"].map((t) => add(buttons, "button", { type: "button" }, t));

  const choice = add(right, "div", { class: "systems", role: "group", "aria-label": "Crystal system" });
  const systems = [...new Set(groups.map((g) => g.system))];
  const jump = systems.map((s) => add(choice, "button", { type: "button" }, s));
  const name = add(right, "p", { class: "eq-group" });
  place(name, "b", "group");
  place(name, "span", "elements");
  const count = add(right, "p", { class: "eq-free" });
  place(count, "b", "free");
  add(count, "span", {}, " free constants ");
  place(count, "span", "total");
  const detail = add(right, "div", { class: "eq-detail" });
  const line = add(detail, "p");
  place(line, "b", "component");
  add(line, "span", {}, " = ");
  place(line, "b", "value");
  place(detail, "p", "said");
  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "How far random tensors are from being fixed");
  const head = add(add(table, "thead"), "tr");
  ["a random tensor", "moves by"].forEach((t) => add(head, "th", { scope: "col" }, t));
  const rows = add(table, "tbody");
  [["without these ties", "loose"], ["with these ties", "tied"]].forEach(([text, key], m) => {
    const tr = add(rows, "tr", { class: `m${m}` });
    add(tr, "th", { scope: "row" }, text);
    place(tr, "td", key);
  });
  const law = add(right, "p", { class: "eq-note" });
  add(right, "p", { class: "eq-note" }, "One number, one constant; a shared color ties places that " +
    "the symmetry of indices alone leaves apart. Hollow: opposite sign. Dashed: a combination. Dot: zero.");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- where we are -----------------------------------------------------------------------
  let [group, kind, whole, chosen] = get("at");
  let [timer, talk, first] = [0, 0, true];
  const size = () => (whole ? [tensors[kind].rows.length, columns] : tensors[kind].table);
  const fit = () => {
    if (!tensors[kind].table[0]) whole = 1; // no short table for this one
    const [r, c] = size();
    chosen = Math.min(Math.floor(chosen / columns), r - 1) * columns + Math.min(chosen % columns, c - 1);
  };

  function draw() {
    const [g, tensor] = [groups[group], tensors[kind]];
    const found = patterns[g.patterns[kind]];
    const term = found.terms[found.cells[chosen]];
    const [r, c] = size();
    const wide = (FRAME.width - FRAME.left) / c;
    const high = Math.min((FRAME.height - FRAME.top) / r, wide);
    const top = FRAME.top + (FRAME.height - FRAME.top - r * high) / 2;
    const font = Math.min(16, wide * 0.36, high * 0.5) * (tensor.table[0] ? 1 : 0.85);
    cells.forEach(({ node, rect, dot, text }, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const seen = row < r && column < c;
      node.style.display = seen ? "" : "none";
      node.toggleAttribute("data-chosen", seen && i === chosen);
      if (!seen) return;
      const t = found.terms[found.cells[i]];
      node.setAttribute("class", `cell t${t.color} ${t.sign ? (t.mix ? "mix" : t.sign < 0 ? "minus" : "plus") : "zero"}`);
      node.toggleAttribute("data-tied", t === term || t.uses.some((a) => term.uses.includes(a)));
      node.setAttribute("data-at", i);
      node.setAttribute("transform", `translate(${FRAME.left + column * wide} ${top + row * high})`);
      put(rect, { x: 1.5, y: 1.5, width: wide - 3, height: high - 3 });
      put(dot, { cx: wide / 2, cy: high / 2 });
      put(text, { x: wide / 2, y: high / 2 + 0.36 * font, "font-size": font.toFixed(1) });
      if (text.textContent !== t.label) text.textContent = t.label;
    });
    heads.forEach((node, n) => {
      const [isRow, i] = [n < columns, n % columns];
      const texts = whole ? (isRow ? tensor.rows : tensor.columns)
        : Array.from({ length: 6 }, (_, m) => String(m + 1));
      node.textContent = i < (isRow ? r : c) ? texts[i] : "";
      put(node, isRow ? { x: FRAME.left - 6, y: top + (i + 0.5) * high + 4, "text-anchor": "end" }
        : { x: FRAME.left + (i + 0.5) * wide, y: top - 7, "text-anchor": "middle" });
    });
    const texts = {
      group: `${g.symbol} (${g.international}), ${g.system}`, elements: g.elements,
      free: String(found.free), total: `of ${tensor.names.length} components`,
      component: tensor.names[chosen], value: term.text, said: term.said,
      tied: g.errors[kind], loose: g.controls[kind],
    };
    for (const [key, text] of Object.entries(texts)) {
      if (places[key].textContent !== text) places[key].textContent = text;
    }
    law.textContent = tensor.law;
    slider.value = group;
    slider.setAttribute("aria-valuetext", texts.group);
    label.lastChild.textContent = g.symbol;
    pick.forEach((b, k) => b.setAttribute("aria-pressed", String(k === kind)));
    jump.forEach((b, k) => b.setAttribute("aria-pressed", String(systems[k] === g.system)));
    view.textContent = whole ? `Table ${tensor.table.join(" × ")}` : `All ${tensor.names.length}`;
    view.disabled = !tensor.table[0];
    if (view.disabled) view.textContent = `All ${tensor.names.length}`;
    play.textContent = still.matches ? "Next class" : timer ? "Stop" : "Play";
    const at = [group, kind, whole, chosen];
    if (get("at").some((a, d) => a !== at[d])) {
      model.set("at", at);
      model.save_changes();
    }
    clearTimeout(talk);
    if (!first) {
      talk = setTimeout(() => {
        live.textContent = `${texts.group}: ${texts.free} free constants. ` +
          `${texts.component} is ${texts.value}. ${texts.said}.`;
      }, 700); // what is passed on the way is not said, nor anything when the page loads
    }
    first = false;
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
  }
  function go(to) {
    stop();
    if (to.group !== undefined) group = Math.max(0, Math.min(groups.length - 1, to.group));
    kind = to.kind ?? kind;
    whole = to.whole ?? whole;
    chosen = to.chosen ?? chosen;
    fit();
    draw();
  }
  const step = (down, across) => {
    const [r, c] = size();
    const row = Math.max(0, Math.min(r - 1, Math.floor(chosen / columns) + down));
    const column = Math.max(0, Math.min(c - 1, (chosen % columns) + across));
    go({ chosen: row * columns + column });
  };

  // ---- hands ------------------------------------------------------------------------------
  const point = (e) => {
    const node = document.elementFromPoint(e.clientX, e.clientY)?.closest("[data-at]");
    if (!node || !stage.contains(node)) return;
    const at = Number(node.dataset.at);
    if (at === chosen) return;
    chosen = at; // without stopping the demonstration
    draw();
  };
  on(stage, "pointerdown", point);
  on(stage, "pointermove", point);
  const keys = {
    ArrowLeft: () => step(0, -1), ArrowRight: () => step(0, 1),
    ArrowUp: () => step(-1, 0), ArrowDown: () => step(1, 0),
    PageUp: () => go({ group: group - 1 }), PageDown: () => go({ group: group + 1 }),
    Home: () => go({ group: 0 }), End: () => go({ group: groups.length - 1 }),
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    keys[e.key]();
  });
  on(slider, "input", () => go({ group: Number(slider.value) }));
  pick.forEach((b, k) => on(b, "click", () => go({ kind: k, whole: k === 2 ? 1 : 0 })));
  // The last class of a system has all of its symmetry.
  jump.forEach((b, k) => on(b, "click", () =>
    go({ group: groups.findLastIndex((g) => g.system === systems[k]) })));
  on(view, "click", () => go({ whole: 1 - whole }));
  on(reset, "click", () => go({ group: 0, kind: 0, whole: 0, chosen: 0 }));
  on(play, "click", () => {
    if (still.matches) return go({ group: (group + 1) % groups.length });
    if (timer) return go({});
    if (group === groups.length - 1) group = 0;
    timer = setInterval(() => {
      group += 1;
      if (group === groups.length - 1) stop();
      draw();
    }, PACE);
    draw();
  });
  on(still, "change", () => go({}));
  const follow = () => {
    const at = get("at");
    if (at.some((a, d) => a !== [group, kind, whole, chosen][d])) {
      go({ group: at[0], kind: at[1], whole: at[2], chosen: at[3] });
    }
  };
  model.on("change:at", follow);

  fit();
  draw();
  return () => {
    ends.abort();
    stop();
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

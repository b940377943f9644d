// PermutationMasks: shows what permutation_masks.py recorded for every order of a graph's nodes.
// Python computes, this draws: it moves what is stored to where the order puts it, and looks up
// answers and errors. It never adds two numbers of the experiment.

const STRIDE = 7; // "Another order" meets all n! of them, as 7 divides none of 2, 6, 24, 120

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [names, table, orders, layers] = ["names", "table", "orders", "layers"].map(get);
  const n = names.length;
  const size = n * n;
  const indexOf = new Map(orders.map((order, k) => [order.join(), k]));
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  let at = get("at");
  let [held, talk] = [null, 0];

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-masks", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right, below] = ["eq-left", "eq-right", "eq-below"].map((c) =>
    add(body, "div", { class: c }));
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));

  add(left, "p", { class: "eq-title" }, get("title"));
  const caption = add(left, "p", { class: "caption" }, "Order in memory: ");
  place(caption, "b", "order");
  const row = add(left, "div", { class: "chips", role: "group", "aria-label": "Order in memory" });
  const chips = names.map(() => add(row, "button", { type: "button", class: "chip" }));
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Order");
  const slider = add(label, "input", { type: "range", min: 1, max: orders.length, step: 1 });
  const number = add(label, "span", { class: "angle", "aria-hidden": "true" });
  const scene = add(left, "div", { class: "scene" });
  const spots = graph(add(scene, "div"), names, table);
  const entries = numbers(add(scene, "div"), names, table);
  const buttons = add(left, "div", { class: "buttons" });
  const [another, reverse, reset] = ["Another order", "Reverse", "Reset"].map((text) =>
    add(buttons, "button", { type: "button" }, text));

  const sheet = add(right, "table");
  add(sheet, "caption", { class: "eq-unseen" }, "What each layer makes of this order");
  const head = add(add(sheet, "thead"), "tr");
  ["layer", "error", `worst of ${orders.length}`, "changed weights"].forEach((t) =>
    add(head, "th", { scope: "col" }, t));
  const rows = add(sheet, "tbody");
  layers.forEach((layer, m) => {
    const line = add(rows, "tr", { class: `m${m}` });
    add(line, "th", { scope: "row" }, layer.name);
    place(line, "td", `error-${m}`, { class: "eq-error" });
    place(line, "td", `worst-${m}`);
    place(line, "td", `moved-${m}`);
  });
  const pair = add(right, "div", { class: "pair" });
  const answers = layers.map((layer, m) => {
    const box = add(pair, "div", { class: `m${m}` });
    add(box, "p", { class: "caption" }, `${layer.name}: answer`);
    return { cells: answer(box, names, m, place), value: unpack(layer.answers, layer.answer_step) };
  });
  const strongest = Math.max(...answers.flatMap(({ value }) =>
    orders.flatMap((_, k) => Array.from({ length: size }, (_, e) => Math.abs(value(size * k + e))))));
  add(right, "p", { class: "eq-note" },
    `Both answers are read back in the order ${names.join(" ")}, where nothing should change. ` +
    "Color shows size. error = |f(g x) − g f(x)| / |f(x)|");

  const masks = add(below, "div", { class: "masks m1" });
  add(masks, "p", { class: "caption" },
    `${get("letters").length} masks of weights, renumbered: each cell moves, no picture changes`);
  const tiles = add(masks, "div", { class: "tiles" });
  const grids = get("letters").map((letters) => {
    const tile = add(tiles, "div", { class: "tile" });
    const svg = add(tile, "svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" });
    add(svg, "rect", { class: "frame", width: size, height: size });
    add(tile, "span", {}, letters);
    return svg;
  });
  const dense = add(below, "div", { class: "m0 dense" });
  add(dense, "p", { class: "caption" }, `${layers[0].name}: its ${size * size} weights, renumbered`);
  const whole = add(dense, "svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" });
  add(whole, "rect", { class: "frame", width: size, height: size });
  const weight = unpack(layers[0].weights, layers[0].weight_step);
  const all = Array.from({ length: size * size }, (_, k) => Math.abs(weight(k)));
  const most = Math.max(...all);
  const square = { class: "cell", width: 1, height: 1 };
  const cells = get("patterns").map((mask, k) => [
    add(grids[mask], "rect", square),
    add(whole, "rect", { ...square, "fill-opacity": (all[k] / most).toFixed(3) }),
  ]);
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- one order ------------------------------------------------------------------------------
  function draw() {
    const order = orders[at];
    const spot = order.map((_, node) => order.indexOf(node)); // where each node is stored
    const put2 = (node, x, y) => { node.style.transform = `translate(${x}px, ${y}px)`; };
    const show = (name, text) => { places[name].textContent = text; };
    show("order", order.map((node) => names[node]).join(" "));
    order.forEach((node, k) => {
      if (chips[k].textContent !== names[node]) chips[k].textContent = names[node];
      chips[k].setAttribute("aria-label",
        `Node ${names[node]}, place ${k + 1} of ${n}. Left and right arrows move it.`);
    });
    spots(spot);
    entries(spot, put2);
    const pairs = order.flatMap((_, i) => order.map((_, j) => spot[i] * n + spot[j]));
    cells.forEach((both, k) => {
      const [x, y] = [pairs[k % size], pairs[Math.floor(k / size)]];
      both.forEach((cell) => put2(cell, x, y));
    });
    answers.forEach(({ cells: boxes, value }, m) => boxes.forEach(({ box, i, j }) => {
      const v = value(size * at + i * n + j);
      show(`answer-${m}-${i}-${j}`, fixed(v, 1));
      box.setAttribute("fill-opacity", ((0.75 * Math.abs(v)) / strongest).toFixed(3));
    }));
    layers.forEach((layer, m) => {
      show(`error-${m}`, relative(layer.errors[at]));
      show(`worst-${m}`, relative(Math.max(...layer.errors)));
      show(`moved-${m}`, `${layer.moved[at]} of ${size * size}`);
    });
    slider.value = at + 1;
    slider.setAttribute("aria-valuetext", `order ${at + 1} of ${orders.length}: ${places.order.textContent}`);
    number.textContent = `${at + 1}/${orders.length}`;
  }
  function go(next) {
    if (next === at) return;
    at = next;
    draw();
    if (get("at") !== at) {
      model.set("at", at);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      live.textContent = `Order ${places.order.textContent}. ` + layers.map((layer, m) =>
        `${layer.name}: error ${places[`error-${m}`].textContent}, weights changed ` +
        `${places[`moved-${m}`].textContent}.`).join(" ");
    }, 700);
  }
  function carry(from, to) {
    const order = [...orders[at]];
    order.splice(to, 0, ...order.splice(from, 1));
    go(indexOf.get(order.join()));
  }

  // ---- hands ------------------------------------------------------------------------------
  const drop = () => {
    if (held === null) return;
    chips[held].removeAttribute("data-held");
    held = null;
  };
  const under = (x) => {
    const box = row.getBoundingClientRect();
    return Math.min(n - 1, Math.max(0, Math.floor(((x - box.x) * n) / box.width)));
  };
  on(row, "pointerdown", (e) => {
    const k = chips.indexOf(e.target);
    if (k < 0 || e.button || held !== null) return;
    row.setPointerCapture(e.pointerId);
    held = k;
    chips[k].setAttribute("data-held", "");
  });
  on(row, "pointermove", (e) => {
    if (held === null) return;
    const to = under(e.clientX);
    if (to === held) return;
    const from = held;
    drop();
    carry(from, to);
    held = to;
    chips[to].setAttribute("data-held", "");
    chips[to].focus({ preventScroll: true });
  });
  on(row, "pointerup", drop);
  on(row, "pointercancel", drop);
  chips.forEach((chip, k) => on(chip, "keydown", (e) => {
    const to = k + ({ ArrowLeft: -1, ArrowRight: 1 }[e.key] ?? NaN);
    if (e.key === "Home") go(0);
    else if (!Number.isNaN(to) && !(e.ctrlKey || e.metaKey || e.altKey)) {
      if (to >= 0 && to < n) {
        carry(k, to);
        chips[to].focus({ preventScroll: true }); // the hand stays on the node that it moves
      }
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }));
  on(slider, "input", () => go(Number(slider.value) - 1));
  on(another, "click", () => go((at + STRIDE) % orders.length));
  on(reverse, "click", () => go(indexOf.get([...orders[at]].reverse().join())));
  on(reset, "click", () => go(0));
  const follow = () => go(get("at"));
  model.on("change:at", follow);

  draw();
  return () => {
    ends.abort();
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

// The graph, which never moves; beside each node the place where it is stored.
function graph(parent, names, table) {
  const svg = add(parent, "svg", { viewBox: "-70 -70 140 140", class: "graph", role: "img",
    "aria-label": "The graph. Its picture is the same in every order." });
  const at = names.map((_, k) => {
    const a = (2 * Math.PI * k) / names.length - Math.PI / 2 - Math.PI / 4;
    return [40 * Math.cos(a), 40 * Math.sin(a)];
  });
  table.forEach((line, i) => line.forEach((value, j) => {
    if (i >= j || !(value || table[j][i])) return;
    add(svg, "path", { class: "link", d: `M${at[i]}L${at[j]}` });
  }));
  const labels = names.map((name, k) => {
    add(svg, "circle", { class: "node", cx: at[k][0], cy: at[k][1], r: 12 });
    add(svg, "text", { class: "name", x: at[k][0], y: at[k][1] + 5 }, name);
    return add(svg, "text", { class: "spot", x: 1.5 * at[k][0], y: 1.5 * at[k][1] + 4 });
  });
  return (spot) => labels.forEach((label, k) => { label.textContent = String(spot[k] + 1); });
}

// The table as it is stored: rows and columns slide to where the order puts them.
function numbers(parent, names, table) {
  const n = names.length;
  const svg = add(parent, "svg", { viewBox: `-26 -26 ${26 * n + 28} ${26 * n + 28}`, class: "numbers",
    role: "img", "aria-label": "The table as it is stored" });
  const top = Math.max(...table.flat());
  const boxes = table.flatMap((line, i) => line.map((value, j) => {
    const g = add(svg, "g", { class: "slide" });
    add(g, "rect", { class: "entry", width: 24, height: 24, x: 1, y: 1, rx: 3,
      "fill-opacity": (0.55 * value) / top });
    add(g, "text", { x: 13, y: 18 }, fixed(value, 0));
    return { g, i, j };
  }));
  const heads = names.map((name) => [0, 1].map(() => {
    const g = add(svg, "g", { class: "slide" });
    add(g, "text", { class: "name", x: 13, y: 18 }, name);
    return g;
  }));
  return (spot, put2) => {
    boxes.forEach(({ g, i, j }) => put2(g, 26 * spot[j], 26 * spot[i]));
    heads.forEach(([column, line], k) => {
      put2(column, 26 * spot[k], -26);
      put2(line, -26, 26 * spot[k]);
    });
  };
}

// An answer, in the first order; only its numbers and shades change.
function answer(parent, names, m, place) {
  const n = names.length;
  const svg = add(parent, "svg", { viewBox: `-16 -16 ${34 * n + 18} ${28 * n + 18}`, role: "img",
    "aria-label": "Its answer, read back in the first order" });
  return names.flatMap((_, i) => {
    add(svg, "text", { class: "name", x: -8, y: 28 * i + 18 }, names[i]);
    add(svg, "text", { class: "name", x: 34 * i + 17, y: -4 }, names[i]);
    return names.map((_, j) => {
      const box = add(svg, "rect", { class: "shade", x: 34 * j + 1, y: 28 * i + 1, width: 32,
        height: 26, rx: 3 });
      place(svg, "text", `answer-${m}-${i}-${j}`, { x: 34 * j + 17, y: 28 * i + 18 });
      return { box, i, j };
    });
  });
}

export default { render };

// CayleyTable: shows what cayley_table.py recorded for each pair of elements. Python computes, this
// draws: it looks products and pictures up, and moves marks from one recorded place to another.

const EASE = 320; // ms that marks take to their new places
const RULES = [["right", "f(g⁻¹x)"], ["wrong", "f(gx)"]];

// Squares or discs at given places, with their numbers or without. Returns draw(points).
function marks(parent, mark, numbered) {
  const svg = add(parent, "svg", { viewBox: "-2.15 -2.15 4.3 4.3", "aria-hidden": "true" });
  let items = [];
  return (points) => {
    if (items.length !== points.length) {
      svg.replaceChildren();
      if (mark === "disc") add(svg, "circle", { class: "round", r: 1.2 });
      items = points.map((_, i) => {
        const node = add(svg, "g");
        add(node, mark === "square" ? "rect" : "circle", mark === "square"
          ? { class: "mark", x: -0.5, y: -0.5, width: 1, height: 1 } : { class: "mark", r: 0.36 });
        if (numbered) add(node, "text", { y: 0.2, "text-anchor": "middle" }, `${i + 1}`);
        return node;
      });
    }
    points.forEach(([x, y], i) => items[i].setAttribute("transform", `translate(${x} ${-y})`));
  };
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const scenes = get("scenes");
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-cayley", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  add(left, "p", { class: "eq-title" }, get("title"));
  const groups = add(left, "div", { class: "buttons pick", role: "group", "aria-label": "Group" });
  const pickGroup = scenes.map((s) => add(groups, "button", { type: "button" }, s.name));
  const pictures = add(left, "div", { class: "buttons pick", role: "group", "aria-label": "Picture" });
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "multiplication table",
    "aria-label": "Multiplication table. Left and right arrows choose the element that acts first, " +
      "up and down arrows the one that acts then, Home goes back to the identity.",
  });
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  const sliders = [["First h", "first"], ["Then g", "then"]].map(([text, name]) => {
    const label = add(left, "label", { class: "slider" });
    add(label, "span", {}, text);
    const input = add(label, "input", { type: "range", min: 0, step: 1 });
    place(label, "span", name, { class: "angle", "aria-hidden": "true" });
    return input;
  });
  const buttons = add(left, "div", { class: "buttons" });
  const [swap, reset] = ["Swap g and h", "Reset"].map((text) =>
    add(buttons, "button", { type: "button" }, text));

  const steps = add(right, "div", { class: "steps", role: "img" });
  const frames = ["x", "h · x", "g · (h · x)"].map((text) => {
    const figure = add(steps, "div", { class: "frame" });
    add(figure, "p", {}, text);
    return figure;
  });
  const product = add(right, "p", { class: "product" });
  add(product, "span", {}, "gh = ");
  place(product, "b", "product", { class: "m1" });
  add(product, "span", {}, ", but hg = ");
  const conjunction = product.lastChild;
  place(product, "b", "reverse");
  const strip = add(right, "div", { class: "orbit", role: "img" });
  const sum = add(right, "p", { class: "sum" });
  add(sum, "span", {}, "orbit ");
  place(sum, "b", "orbit", { class: "m1" });
  add(sum, "span", {}, " × stabilizer ");
  place(sum, "b", "fixing", { class: "eq-fix" });
  add(sum, "span", {}, " = ");
  place(sum, "b", "order");
  add(sum, "span", {}, " elements");
  const facts = add(right, "dl");
  [["leave x as it is", "stabilizer"], ["make the last picture", "coset"]].forEach(([text, name]) => {
    add(facts, "dt", {}, text);
    place(facts, "dd", name);
  });
  const table = add(right, "table", { class: "rules" });
  add(table, "caption", { class: "eq-unseen" }, "Two steps against one, with the inverse and without");
  const head = add(add(table, "thead"), "tr");
  ["rule", "h, then g", "gh at once", "error"].forEach((t) => add(head, "th", { scope: "col" }, t));
  const rows = add(table, "tbody");
  const rules = RULES.map(([name, formula], i) => {
    const row = add(rows, "tr", { class: `m${1 - i}` });
    add(row, "th", { scope: "row" }, formula);
    const cells = [add(row, "td", { class: "thumb" }), add(row, "td", { class: "thumb" })];
    place(row, "td", `error-${1 - i}`, { class: "eq-error" });
    return { name, cells };
  });
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- where we are -------------------------------------------------------------------------
  let at = [...get("at")];
  let [shape, cells, thumbs, drawn, ease, frame, talk] = ["", [], [], [], null, 0, 0];
  let pickPicture = [];
  const scene = () => scenes[at[0]];
  const picture = () => scene().pictures[at[1]];

  // What changes with the group or the picture alone is made anew: tables of other sizes.
  function build() {
    const { labels, table: products, mark, pictures: all } = scene();
    pickPicture = all.map((p, i) => {
      const button = add(pictures, "button", { type: "button" }, p.name);
      on(button, "click", () => go([at[0], i, at[2], at[3]]));
      return button;
    });
    const grid = add(stage, "table");
    add(grid, "caption", { class: "eq-unseen" }, "Row g, column h: the product gh");
    const top = add(add(grid, "thead"), "tr");
    add(top, "th", { scope: "col" }, "g ╲ h");
    const columns = labels.map((text) => add(top, "th", { scope: "col" }, text));
    const lines = add(grid, "tbody");
    cells = { columns, rows: [], body: products.map((row, g) => {
      const tr = add(lines, "tr");
      const header = add(tr, "th", { scope: "row" }, labels[g]);
      on(header, "click", () => go([at[0], at[1], at[2], g]));
      const made = row.map((k, h) => {
        const cell = add(tr, "td", {}, labels[k]);
        on(cell, "click", () => go([at[0], at[1], h, g]));
        return cell;
      });
      made.header = header;
      return made;
    }) };
    cells.rows = cells.body.map((made) => made.header);
    columns.forEach((node, h) => on(node, "click", () => go([at[0], at[1], h, at[3]])));
    frames.forEach((figure) => figure.querySelector("svg")?.remove());
    drawn = frames.map((figure) => ({ paint: marks(figure, mark, true), now: null }));
    rules.forEach((rule) => {
      rule.cells.forEach((cell) => cell.replaceChildren());
      rule.paint = rule.cells.map((cell) => marks(cell, mark, false));
    });
    sliders.forEach((input) => input.setAttribute("max", labels.length - 1));
  }
  function buildOrbit() {
    const { labels, mark } = scene();
    const { member, positions } = picture();
    strip.replaceChildren();
    thumbs = [...new Set(member)].map((which) => {
      const box = add(strip, "div", { class: "thumb" });
      marks(box, mark, false)(positions[member.indexOf(which)]);
      add(box, "p", {}, labels.filter((_, g) => member[g] === which).join(" "));
      return box;
    });
  }

  function go(to, quick) {
    const [groupBefore, h, g] = [at[0], to[2], to[3]];
    const last = scenes[to[0]].labels.length - 1;
    at = [to[0], to[0] === groupBefore ? to[1] : Math.min(to[1], scenes[to[0]].pictures.length - 1),
      Math.max(0, Math.min(last, h)), Math.max(0, Math.min(last, g))];
    update(quick);
  }

  function update(first) {
    const key = `${at[0]}`;
    if (key !== shape) {
      stage.replaceChildren();
      pictures.replaceChildren();
      build();
    }
    if (`${key},${at[1]}` !== strip.dataset.of) {
      strip.dataset.of = `${key},${at[1]}`;
      buildOrbit();
    }
    const { labels, table: products } = scene();
    const [h, g] = at.slice(2);
    const { member, positions, stabilizer } = picture();
    const [gh, hg] = [products[g][h], products[h][g]];
    const texts = {
      first: labels[h], then: labels[g], product: labels[gh], reverse: labels[hg],
      orbit: `${thumbs.length}`, fixing: `${stabilizer.length}`, order: `${labels.length}`,
      stabilizer: stabilizer.map((k) => labels[k]).join(" "),
      coset: labels.filter((_, k) => member[k] === member[gh]).join(" "),
      "error-1": picture().right.errors[g][h], "error-0": picture().wrong.errors[g][h],
    };
    for (const [name, text] of Object.entries(texts))
      if (places[name].textContent !== text) places[name].textContent = text;
    conjunction.textContent = gh === hg ? " and hg = " : ", but hg = ";
    places.reverse.className = gh === hg ? "" : "m0";
    pickGroup.forEach((b, i) => b.setAttribute("aria-pressed", String(i === at[0])));
    pickPicture.forEach((b, i) => b.setAttribute("aria-pressed", String(i === at[1])));
    sliders.forEach((input, d) => {
      input.value = at[2 + d];
      input.setAttribute("aria-valuetext", labels[at[2 + d]]);
    });
    cells.body.forEach((row, i) => row.forEach((cell, j) => {
      cell.classList.toggle("chosen", i === g && j === h);
      cell.classList.toggle("line", (i === g) !== (j === h));
      cell.classList.toggle("same", member[products[i][j]] === member[gh]);
    }));
    [[cells.columns, h], [cells.rows, g]].forEach(([nodes, chosen]) => nodes.forEach((node, k) => {
      node.classList.toggle("line", k === chosen);
      node.classList.toggle("fixes", stabilizer.includes(k));
    }));
    thumbs.forEach((box, k) => box.classList.toggle("chosen", k === member[gh]));
    rules.forEach(({ name, paint }) => ["two", "one"].forEach((way, d) =>
      paint[d](positions[member.indexOf(picture()[name][way][g][h])])));
    steps.setAttribute("aria-label", `The picture, then after ${labels[h]}, then after ${labels[g]}`);
    strip.setAttribute("aria-label", `The orbit: ${thumbs.length} different pictures`);
    // Marks move on from where they are: first x, then by h, then by g after h.
    const goals = [positions[0], positions[h], positions[gh]];
    const fresh = first || still.matches || key !== shape || drawn[0].now?.length !== goals[0].length;
    shape = key;
    ease = { from: drawn.map((d, i) => d.now ?? goals[i]), goals, start: performance.now(),
      lasts: fresh ? 0 : EASE };
    root.toggleAttribute("data-moving", true);
    if (ease.lasts) frame ||= requestAnimationFrame(draw);
    else draw(performance.now());
    if (!first) settle();
  }

  function draw(now) {
    frame = 0;
    const t = ease.lasts ? Math.min(1, Math.max(0, (now - ease.start) / ease.lasts)) : 1;
    const s = t * t * (3 - 2 * t);
    drawn.forEach((d, i) => {
      d.now = ease.goals[i].map((p, k) => (t === 1 ? p
        : p.map((c, e) => ease.from[i][k][e] + s * (c - ease.from[i][k][e]))));
      d.paint(d.now);
    });
    root.toggleAttribute("data-moving", t < 1);
    if (t < 1) frame = requestAnimationFrame(draw);
  }

  function settle() {
    if (get("at").some((a, d) => a !== at[d])) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      const said = (name) => places[name].textContent;
      live.textContent = `First ${said("first")}, then ${said("then")}: ${said("product")}. ` +
        `Orbit ${said("orbit")} times stabilizer ${said("fixing")} is ${said("order")}. ` +
        `Error with the inverse ${said("error-1")}, without it ${said("error-0")}.`;
    }, 700);
  }

  // ---- hands ------------------------------------------------------------------------------
  const nudge = (d, by) => go(at.map((a, i) => (i === d ? a + by : a)));
  const keys = {
    ArrowLeft: () => nudge(2, -1), ArrowRight: () => nudge(2, 1),
    ArrowUp: () => nudge(3, -1), ArrowDown: () => nudge(3, 1),
    Home: () => go([at[0], at[1], 0, 0]),
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    keys[e.key]();
  });
  sliders.forEach((input, d) => on(input, "input", () =>
    go(at.map((a, i) => (i === 2 + d ? Number(input.value) : a)))));
  pickGroup.forEach((b, i) => on(b, "click", () => go([i, at[1], at[2], at[3]])));
  on(swap, "click", () => go([at[0], at[1], at[3], at[2]]));
  on(reset, "click", () => go([at[0], at[1], 0, 0]));
  const follow = () => get("at").some((a, d) => a !== at[d]) && go([...get("at")]);
  model.on("change:at", follow);

  update(true);
  return () => {
    ends.abort();
    cancelAnimationFrame(frame);
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

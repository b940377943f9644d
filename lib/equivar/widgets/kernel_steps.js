// KernelSteps: shows what kernel_steps.py counted. Python recorded who reads and writes what, and
// counted sectors; this draws memory as it lies, and plays.

const [CELL, ROW, HEAD, GAP] = [14, 13, 20, 14]; // of a row of eight squares, and around arrays
const PACE = 700; // ms a step while it plays
const DOES = { load: "loads", store: "stores", atomic: "adds to" };
const SECTOR = 32; // bytes, as in kernel_steps.py

function render({ model, el }) {
  const get = (name) => model.get(name);
  const stories = get("stories");
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  let at = [...get("at")]; // kernel, way, step
  let [talk, clock] = [0, 0];

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-kernel", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const panel = add(root, "div", { class: "eq-panel" });
  const [left, right] = ["eq-left", "eq-right"].map((c) => add(panel, "div", { class: c }));
  const places = {};
  const place = (parent, tag, name, more = {}) =>
    (places[name] = add(parent, tag, { "data-shown": name, ...more }));
  add(left, "p", { class: "eq-title" }, get("title"));

  const choices = ["Kernel", "Way"].map((name) => {
    const box = add(left, "fieldset", { class: "choice" });
    add(box, "legend", {}, name);
    return { box, group: `k${Math.random().toString(36).slice(2)}`, radios: [], names: "" };
  });
  // The radios of a choice, made again only when their names change.
  function fill(choice, names, chosen, f) {
    if (choice.names !== names.join()) {
      choice.names = names.join();
      choice.box.querySelectorAll("label").forEach((label) => label.remove());
      choice.radios = names.map((name, i) => {
        const label = add(choice.box, "label");
        const radio = add(label, "input", { type: "radio", name: choice.group, value: i });
        add(label, "span", {}, name);
        on(radio, "change", () => f(i));
        return radio;
      });
    }
    choice.radios.forEach((radio, i) => { radio.checked = i === chosen; });
  }

  const buttons = add(left, "div", { class: "buttons" });
  const back = add(buttons, "button", { type: "button", "aria-label": "One step back" }, "‹");
  const play = add(buttons, "button", { type: "button", class: "play" }, "Play");
  const next = add(buttons, "button", { type: "button", "aria-label": "One step on" }, "›");
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Step");
  const slider = add(label, "input", { type: "range", min: 0, step: 1 });
  place(label, "span", "step", { "aria-hidden": "true" });

  place(left, "p", "does", { class: "does" });
  const pair = add(left, "dl");
  for (const [name, text] of [["now", "this step"], ["far", "so far"]]) {
    add(pair, "dt", {}, text);
    place(pair, "dd", name);
  }

  const table = add(left, "table");
  add(table, "caption", {}, "In the end");
  const head = add(add(table, "thead"), "tr");
  add(head, "td");
  const titles = [0, 1].map(() => add(head, "th", { scope: "col" }));
  const body = add(table, "tbody");
  for (const [name, text] of [["sectors", "sectors of 32 bytes"], ["bytes", "bytes in these"],
    ["asked", "bytes asked for"], ["least", "least sectors"], ["shared", "added to by several programs"]]) {
    const row = add(body, "tr");
    add(row, "th", { scope: "row" }, text);
    for (const side of ["way", "other"]) place(row, "td", `${side}-${name}`);
  }

  const chips = add(right, "p", { class: "chips" });
  const svg = add(right, "svg", { role: "img", "aria-label": "Memory: a square is a number, a row is a sector" });
  const key = add(right, "p", { class: "key" });
  for (const [name, text] of Object.entries({ load: "loaded", store: "stored", atomic: "added to" })) {
    add(key, "span", { class: `swatch ${name}` }, text);
  }
  const code = add(right, "pre", { tabindex: 0, "aria-label": "The kernel" });
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- memory, drawn once for each way ------------------------------------------------------
  let drawn = "";
  let cells = {}; // by array: squares, rows, and how many squares a row has
  let lines = [];
  function draw(way) {
    svg.replaceChildren();
    code.replaceChildren();
    chips.replaceChildren();
    cells = {};
    let height = 0;
    way.columns.forEach((column, c) => {
      let [x, y] = [c * (8 * CELL + GAP), HEAD];
      for (const { name, size, item } of column) {
        const each = SECTOR / item;
        add(svg, "text", { x, y: y - 6 }, name);
        const rows = Array.from({ length: Math.ceil(size / each) }, (_, r) =>
          add(svg, "rect", { class: "sector", x: x - 2, y: y + r * ROW - 1.5, width: 8 * CELL + 3,
            height: ROW, rx: 2 }));
        const squares = Array.from({ length: size }, (_, i) => add(svg, "rect", { class: "cell",
          x: x + (i % each) * ((8 * CELL) / each), y: y + Math.floor(i / each) * ROW,
          width: (8 * CELL) / each - 2, height: ROW - 3, rx: 1.5 }));
        cells[name] = { rows, squares, each };
        y += rows.length * ROW + HEAD + 6;
      }
      height = Math.max(height, y - HEAD);
    });
    svg.setAttribute("viewBox", `-3 0 ${way.columns.length * (8 * CELL + GAP) - GAP + 6} ${height}`);
    lines = way.source.map((text) => add(code, "span", {}, `${text}\n`));
    const programs = Math.max(...way.steps.map((s) => s.program)) + 1;
    add(chips, "span", { class: "muted" }, "programs");
    for (let p = 0; p < programs; p += 1) add(chips, "span", { class: "chip" }, String(p));
  }

  function show() {
    const [kernel, way, step] = at;
    const ways = stories[kernel].ways;
    const [one, other] = [ways[way], ways[1 - way]];
    const now = one.steps[step];
    const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
    const text = {
      step: `${step + 1} of ${one.steps.length}`,
      does: `Program ${now.program} ${DOES[now.kind]} ${count(now.at.length, "number")} of ${now.array}` +
        (now.single.length ? `, after ${count(now.single.length, "single load")}` : ""),
      now: `${count(now.sectors, "sector")}, ${now.fewest} would do`,
      far: `${count(now.total, "sector")}, ${now.moved.toLocaleString("en")} bytes`,
    };
    for (const [side, it] of [["way", one], ["other", other]]) {
      const end = it.steps[it.steps.length - 1];
      const numbers = { sectors: end.total, bytes: end.moved, asked: end.asked, least: it.least, shared: it.shared };
      for (const [name, n] of Object.entries(numbers)) text[`${side}-${name}`] = n.toLocaleString("en");
    }
    for (const [name, value] of Object.entries(text)) places[name].textContent = value;
    titles.forEach((node, i) => { node.textContent = [one, other][i].name; });
    fill(choices[0], stories.map((s) => s.name), kernel, (i) => mine([i, 0, 0]));
    fill(choices[1], ways.map((w) => w.name), way, (i) => mine([at[0], i, 0]));
    slider.max = one.steps.length - 1;
    slider.value = step;
    slider.setAttribute("aria-valuetext", `step ${text.step}: ${text.does}`);
    back.disabled = step === 0;
    next.disabled = step === one.steps.length - 1;

    if (drawn !== `${kernel} ${way}`) {
      drawn = `${kernel} ${way}`;
      draw(one);
    }
    for (const { squares, rows } of Object.values(cells)) {
      for (const node of squares) node.setAttribute("class", "cell");
      for (const node of rows) node.setAttribute("class", "sector");
    }
    const mark = (name, elements, kind, is) => elements.forEach((i) => {
      cells[name].squares[i].setAttribute("class", `cell ${kind} ${is}`);
      if (is === "is") cells[name].rows[Math.floor(i / cells[name].each)].setAttribute("class", "sector is");
    });
    one.steps.slice(0, step + 1).forEach((s, n) => {
      const is = n === step ? "is" : "was";
      for (const [name, element] of s.single) mark(name, [element], "load", is);
      mark(s.array, s.at, s.kind, is);
    });
    lines.forEach((node, n) => node.toggleAttribute("aria-current", n === now.line));
    const line = lines[now.line];
    if (line) code.scrollTop = line.offsetTop - code.offsetTop - code.clientHeight / 2;
    const seen = one.steps.slice(0, step).map((s) => s.program);
    chips.querySelectorAll(".chip").forEach((node, p) => {
      node.className = `chip${p === now.program ? " is" : seen.includes(p) ? " was" : ""}`;
    });
    return text;
  }

  function go(where, from_here = true) {
    at = where;
    const text = show();
    if (from_here) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    if (!clock) talk = setTimeout(() => { live.textContent = `${text.does}: ${text.now}.`; }, 300);
  }

  // ---- playing --------------------------------------------------------------------------------
  const last = () => stories[at[0]].ways[at[1]].steps.length - 1;
  function stop() {
    clearInterval(clock);
    clock = 0;
    play.textContent = "Play";
  }
  function mine(where) {
    stop();
    go(where);
  }
  const move = (by) => mine([at[0], at[1], Math.min(last(), Math.max(0, at[2] + by))]);
  on(back, "click", () => move(-1));
  on(next, "click", () => move(1));
  on(slider, "input", () => mine([at[0], at[1], Number(slider.value)]));
  on(play, "click", () => {
    if (clock) return stop();
    if (at[2] === last()) go([at[0], at[1], 0]);
    play.textContent = "Stop";
    clock = setInterval(() => {
      const ended = at[2] + 1 >= last();
      if (ended) stop();
      go([at[0], at[1], Math.min(at[2] + 1, last())]);
    }, PACE);
  });
  const follow = () => {
    if (get("at").every((a, d) => a === at[d])) return;
    stop();
    go([...get("at")], false);
  };
  model.on("change:at", follow);

  show();
  return () => {
    ends.abort();
    stop();
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

// ErrorLocalizer: shows what error_localizer.py traced. Python breaks, measures and words; this
// places two marks for each module, and owns nothing but which switches, element and module.

const FRAME = { width: 420, row: 26, top: 6, left: 92, right: 410 };

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [switches, elements, modules, kinds, records, said] =
    ["switches", "elements", "modules", "kinds", "records", "said"].map(get);
  const [low, high] = get("axis");
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-localizer", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  add(left, "p", { class: "eq-title" }, get("title"));
  const group = (parent, label, names) => {
    const box = add(parent, "div", { class: "eq-choice", role: "group", "aria-label": label });
    add(box, "span", { "aria-hidden": "true" }, label);
    return names.map((text) => add(box, "button", { type: "button" }, text));
  };
  const toggles = group(left, "Break", switches);
  const asks = group(left, "Ask with", elements.map((g) => g.name));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "list of modules",
    "aria-label": "Modules of the network, first to last. Up and down choose one, left and right " +
      "change the group element, 1 to 4 switch the faults, Home mends all.",
  });
  const height = FRAME.top + modules.length * FRAME.row + 24;
  const svg = add(stage, "svg", { viewBox: `0 0 ${FRAME.width} ${height}`, "aria-hidden": "true" });
  const across = (text) => {
    const power = Math.log10(Math.max(Number(text), 10 ** low));
    return FRAME.left + ((power - low) * (FRAME.right - FRAME.left)) / (high - low);
  };
  for (const [text, name] of [["1e-16", "1e-16"], ["1e-12", "1e-12"], ["1e-8", "1e-8"], ["1e-4", "1e-4"], ["1", "1"]]) {
    add(svg, "path", { class: "grid", d: `M${across(text)} ${FRAME.top}V${height - 22}` });
    add(svg, "text", { class: "tick", x: across(text), y: height - 6, "text-anchor": "middle" }, name);
  }
  const rows = modules.map((m, k) => {
    const node = add(svg, "g", { class: "row", "data-at": k });
    const y = FRAME.top + (k + 0.5) * FRAME.row;
    add(node, "rect", { class: "band", x: 0, y: y - FRAME.row / 2, width: FRAME.width, height: FRAME.row, rx: 4 });
    const name = add(node, "text", { class: "name", x: 6, y: y + 5 }, m.name);
    const line = add(node, "path", { class: "reach" });
    const control = add(node, "path", { class: "control" });
    const error = add(node, "circle", { class: "error", cy: y, r: 6 });
    const own = add(node, "circle", { class: "own", cy: y, r: 9 });
    return { node, y, name, line, control, error, own };
  });
  const keysLine = add(left, "p", { class: "eq-legend" });
  [["error", "error, wherever it was made"], ["own", "own error, all before made exact"],
    ["control", "nothing broken"]].forEach(([name, text]) => {
    const item = add(keysLine, "span");
    const mark = add(item, "svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
    if (name === "control") add(mark, "path", { class: "control", d: "M10 2V18" });
    else add(mark, "circle", { class: name, cx: 10, cy: 10, r: name === "own" ? 8 : 6 });
    add(item, "span", {}, text);
  });
  const buttons = add(left, "div", { class: "buttons" });
  const reset = add(buttons, "button", { type: "button" }, "Mend all");

  place(right, "p", "verdict", { class: "eq-verdict" });
  place(right, "p", "element", { class: "eq-note" });
  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "Error of the whole network and of the control");
  const head = add(add(table, "thead"), "tr");
  ["whole network", "error"].forEach((t) => add(head, "th", { scope: "col" }, t));
  const lines = add(table, "tbody");
  [["as switched", "whole"], ["nothing broken", "control"]].forEach(([text, key], m) => {
    const tr = add(lines, "tr", { class: `m${m}` });
    add(tr, "th", { scope: "row" }, text);
    place(tr, "td", key);
  });
  const detail = add(right, "div", { class: "eq-detail" });
  const first = add(detail, "p");
  place(first, "b", "module");
  add(first, "span", {}, " ");
  place(first, "span", "kind", { class: "eq-kind" });
  const does = add(detail, "p", { class: "eq-note" });
  const law = add(detail, "p", { class: "eq-note" });
  law.append("returns ");
  place(law, "span", "law");
  const numbers = add(detail, "p");
  numbers.append("error ");
  place(numbers, "b", "error");
  numbers.append(", own error ");
  place(numbers, "b", "own");
  place(detail, "p", "said");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- what is shown ----------------------------------------------------------------------
  let at = [...get("at")];
  let talk = 0;
  function draw() {
    const [mask, g, k] = at;
    const [record, control] = [records[mask][g], records[0][g]];
    const texts = {
      verdict: record.verdict, element: elements[g].said, whole: record.errors.at(-1),
      control: control.errors.at(-1), module: modules[k].name, kind: kinds[mask][k],
      law: modules[k].law, error: record.errors[k], own: record.owns[k], said: said[record.statuses[k]],
    };
    for (const [name, text] of Object.entries(texts)) {
      if (places[name].textContent !== text) places[name].textContent = text;
    }
    does.textContent = modules[k].does;
    rows.forEach((row, i) => {
      const [error, own, healthy] = [record.errors[i], record.owns[i], control.errors[i]];
      const status = record.statuses[i];
      row.node.dataset.status = status;
      row.node.toggleAttribute("data-chosen", i === k);
      row.name.textContent = (status === "breaks it" ? "✗ " : "") + modules[i].name;
      put(row.line, { d: `M${across(own)} ${row.y}H${across(error)}` });
      put(row.control, { d: `M${across(healthy)} ${row.y - 9}v18` });
      put(row.error, { cx: across(error), "data-value": error });
      put(row.own, { cx: across(own), "data-value": own });
    });
    root.toggleAttribute("data-fault", record.statuses.includes("breaks it"));
    toggles.forEach((b, i) => b.setAttribute("aria-pressed", String(Boolean(mask & (1 << i)))));
    asks.forEach((b, i) => b.setAttribute("aria-pressed", String(i === g)));
  }
  function go(to) {
    const next = [to.mask ?? at[0], to.element ?? at[1], to.module ?? at[2]];
    if (next.every((a, d) => a === at[d])) return;
    at = next;
    draw();
    if (get("at").some((a, d) => a !== at[d])) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      const text = (name) => places[name].textContent;
      live.textContent = `${elements[at[1]].name}: ${text("verdict")}. Whole network ${text("whole")}. ` +
        `${text("module")}: error ${text("error")}, own error ${text("own")}.`;
    }, 700); // what is passed on the way is not said
  }
  const flip = (i) => go({ mask: at[0] ^ (1 << i) });
  const within = (i, n) => Math.max(0, Math.min(n - 1, i));

  // ---- hands ------------------------------------------------------------------------------
  const point = (e) => {
    const node = document.elementFromPoint(e.clientX, e.clientY)?.closest("[data-at]");
    if (node && stage.contains(node)) go({ module: Number(node.dataset.at) });
  };
  on(stage, "pointerdown", point);
  on(stage, "pointermove", point);
  const keys = {
    ArrowUp: () => go({ module: within(at[2] - 1, modules.length) }),
    ArrowDown: () => go({ module: within(at[2] + 1, modules.length) }),
    ArrowLeft: () => go({ element: within(at[1] - 1, elements.length) }),
    ArrowRight: () => go({ element: within(at[1] + 1, elements.length) }),
    Home: () => go({ mask: 0 }),
  };
  switches.forEach((_, i) => { keys[String(i + 1)] = () => flip(i); });
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    keys[e.key]();
  });
  toggles.forEach((b, i) => on(b, "click", () => flip(i)));
  asks.forEach((b, i) => on(b, "click", () => go({ element: i })));
  on(reset, "click", () => go({ mask: 0 }));
  const follow = () => {
    const [mask, element, module] = get("at");
    go({ mask, element, module });
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

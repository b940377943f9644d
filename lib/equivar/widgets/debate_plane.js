// DebatePlane: shows what debate_plane.py recorded. Python computes, this draws. Every state that it
// can be in is a recorded one, and nothing moves by itself.

const [X0, X1, Y0, Y1] = [46, 346, 196, 10]; // of both planes

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [ways, budgets, axes, control] = ["ways", "budgets", "axes", "control"].map(get);
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  let at = [...get("at")]; // way, budget, worst
  let talk = 0;

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-debate", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const panel = add(root, "div", { class: "eq-panel" });
  const [left, right] = ["eq-left", "eq-right"].map((c) => add(panel, "div", { class: c }));
  const places = {};
  const place = (parent, tag, name) => (places[name] = add(parent, tag, { "data-shown": name }));
  add(left, "p", { class: "eq-title" }, get("title"));
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Budget");
  const slider = add(label, "input", { type: "range", min: 0, max: budgets.length - 1, step: 1 });
  place(label, "span", "budget").setAttribute("aria-hidden", "true");
  const choice = add(left, "fieldset", { class: "choice" });
  add(choice, "legend", {}, "Way");
  const group = `way${Math.random().toString(36).slice(2)}`;
  const radios = ways.map((way, i) => {
    const row = add(choice, "label", { class: "way" });
    row.style.setProperty("--way", `var(--eq-${way.color})`);
    const input = add(row, "input", { type: "radio", name: group, value: i });
    add(row, "span", {}, way.name);
    return input;
  });
  const worst = add(left, "button", { type: "button" }, "Worst rotation");
  worst.title = "Draw the error at the worst rotation that a search found, not the mean";

  const table = add(left, "table");
  add(table, "caption", { class: "eq-unseen" }, "The chosen way and the control, at this budget");
  const head = add(add(table, "thead"), "tr");
  add(head, "td");
  const titles = [add(head, "th", { scope: "col" }), add(head, "th", { scope: "col" }, ways[control].name)];
  const body = add(table, "tbody");
  for (const [name, text] of [["mean", "error, mean"], ["worst", "error, worst"], ["more", "worst over mean"],
    ["symmetry", "symmetry error"], ["answer", "1,000 answers (ms)"]]) {
    const row = add(body, "tr");
    add(row, "th", { scope: "row" }, text);
    for (const side of ["way", "control"]) place(row, "td", `${side}-${name}`);
  }

  // ---- two planes -------------------------------------------------------------------------
  const scale = ([low, high], from, to) => (power) =>
    from + ((Math.min(high, Math.max(low, power)) - low) * (to - from)) / (high - low);
  const up = scale(axes.error, Y0, Y1);
  const log = (v) => Math.log10(v || 1e-300);
  const planes = [
    ["answer", "milliseconds for 1,000 answers", "Error against the cost of an answer"],
    ["symmetry", "symmetry error", "Error against the symmetry error"],
  ].map(([name, below, said]) => {
    const box = add(right, "div", { class: "plane" });
    const svg = add(box, "svg", { viewBox: "0 0 360 236", role: "img", "aria-label": said });
    const across = scale(axes[name], X0 + (name === "symmetry" ? 22 : 0), X1);
    for (const [p, text] of axes.error_ticks) {
      add(svg, "path", { class: "grid", d: `M${X0} ${up(p)}H${X1}` });
      add(svg, "text", { x: X0 - 7, y: up(p) + 4, "text-anchor": "end" }, text);
    }
    for (const [p, text] of axes[`${name}_ticks`]) {
      add(svg, "text", { x: across(p), y: Y0 + 18, "text-anchor": "middle" }, text);
    }
    add(svg, "text", { x: (X0 + X1) / 2, y: Y0 + 36, "text-anchor": "middle" }, below);
    const marks = ways.map((way, i) => {
      const node = add(svg, "g", { class: "mark" });
      node.style.setProperty("--way", `var(--eq-${way.color})`);
      const path = add(node, "path", { class: "trail" });
      const dot = add(node, "circle", { class: "point", r: 5 });
      add(node, "title", {}, way.name);
      return { node, path, dot, i };
    });
    const caption = add(svg, "text", { class: "name" });
    on(svg, "click", (e) => { // dots can lie close together: the nearest one is meant
      const frame = svg.getBoundingClientRect();
      const [x, y] = [e.clientX - frame.left, e.clientY - frame.top].map((v) => (v * 360) / frame.width);
      const far = ways.map((_, i) => {
        const p = spot({ name, across }, i, at[1]);
        return p ? Math.hypot(p[0] - x, p[1] - y) : Infinity;
      });
      const nearest = far.indexOf(Math.min(...far));
      if (far[nearest] < 16) go([nearest, at[1], at[2]]);
    });
    return { name, across, marks, caption };
  });
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- looking up and drawing -------------------------------------------------------------
  function spot(plane, way, budget) {
    const point = ways[way].points[budget];
    return point && [plane.across(log(point[plane.name])), up(log(point[at[2] ? "worst" : "mean"]))];
  }

  function show() {
    const [way, budget, bad] = at;
    const text = { budget: `${budgets[budget]} s` };
    for (const [side, index] of [["way", way], ["control", control]]) {
      const point = ways[index].points[budget];
      for (const name of ["mean", "worst", "symmetry", "answer"]) {
        text[`${side}-${name}`] = point ? relative(point[name]) : "–";
      }
      const more = point ? 100 * (point.worst / point.mean - 1) : 0;
      text[`${side}-more`] = point ? `+${Math.floor(Math.abs(more) + 0.5)} %` : "–";
    }
    for (const [name, value] of Object.entries(text)) places[name].textContent = value;
    titles[0].textContent = ways[way].name;
    titles[0].style.setProperty("--way", `var(--eq-${ways[way].color})`);
    worst.setAttribute("aria-pressed", String(Boolean(bad)));
    slider.value = budget;
    slider.setAttribute("aria-valuetext", `${budgets[budget]} seconds of training`);
    radios.forEach((radio, i) => { radio.checked = i === way; });
    for (const plane of planes) {
      for (const { node, path, dot, i } of plane.marks) {
        const here = spot(plane, i, budget);
        dot.toggleAttribute("hidden", !here);
        if (here) put(dot, { cx: here[0].toFixed(2), cy: here[1].toFixed(2), r: i === way ? 7 : 5 });
        const past = budgets.map((_, b) => b <= budget && spot(plane, i, b)).filter(Boolean);
        path.setAttribute("d", past.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""));
        node.classList.toggle("chosen", i === way);
      }
      const here = spot(plane, way, budget);
      plane.caption.textContent = here ? ways[way].name : "";
      plane.caption.style.setProperty("--way", `var(--eq-${ways[way].color})`);
      if (here) {
        const end = here[0] > 250;
        put(plane.caption, { x: here[0] + (end ? -11 : 11), y: Math.max(18, here[1] - 9),
          "text-anchor": end ? "end" : "start" });
      }
    }
    return text;
  }

  function go(next, mine = true) {
    at = next;
    const text = show();
    if (mine) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      live.textContent = text["way-mean"] === "–"
        ? `${ways[at[0]].name} was not trained for ${text.budget}.`
        : `${ways[at[0]].name} after ${text.budget}: error ${text["way-mean"]}, at the worst rotation ${text["way-worst"]}.`;
    }, 300);
  }

  on(slider, "input", () => go([at[0], Number(slider.value), at[2]]));
  on(worst, "click", () => go([at[0], at[1], 1 - at[2]]));
  radios.forEach((radio, i) => on(radio, "change", () => go([i, at[1], at[2]])));
  const follow = () => get("at").some((a, d) => a !== at[d]) && go([...get("at")], false);
  model.on("change:at", follow);

  show();
  return () => {
    ends.abort();
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

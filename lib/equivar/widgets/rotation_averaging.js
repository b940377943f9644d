// RotationAveraging: shows what rotation_averaging.py recorded. Python computes, this draws. It owns
// the camera and nothing else: each number is looked up, and nothing moves by itself.

const TURN = 15; // degrees that an arrow key turns the sphere
const [LEFT, RIGHT, TOP, BOTTOM, ZERO] = [48, 342, 12, 168, 196]; // of the chart

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [counts, draws, solids] = ["counts", "draws", "solids"].map(get);
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  let at = [...get("at")]; // set, count, draw, degree
  let [pose, frame, talk] = [[20, 20, 0], 0, 0];

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-averaging", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const panel = add(root, "div", { class: "eq-panel" });
  const [left, right] = ["eq-left", "eq-right"].map((c) => add(panel, "div", { class: c }));
  add(left, "p", { class: "eq-title" }, get("title"));
  const places = {};
  const place = (parent, tag, name) => (places[name] = add(parent, tag, { "data-shown": name }));
  const sets = add(left, "div", { class: "sets", role: "group", "aria-label": "Rotations" });
  const names = ["random", ...solids.map((s) => `${s.points.length} ${s.name}`)];
  const buttons = names.map((name) => add(sets, "button", { type: "button" }, name));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "sphere",
    "aria-label": "Sphere with a point for each rotation: where it takes an arrow. Arrow keys turn it.",
  });
  const svg = add(stage, "svg", { viewBox: "-106 -106 212 212", "aria-hidden": "true" });
  add(svg, "circle", { class: "globe", r: 100 });
  const layers = ["back", "points", "front"].map((name) => add(svg, "g", { class: name }));
  const rings = [0, 1, 2].map(() => [0, 2].map((l) => add(layers[l], "path", { class: "ring" })));
  const most = Math.max(counts.at(-1), ...solids.map((s) => s.points.length));
  const dots = Array.from({ length: most }, () => add(layers[1], "circle", { class: "spot" }));
  const hint = add(stage, "p", { class: "hint", "aria-hidden": "true" }, "drag to turn");
  const slider = (name, min, max) => {
    const label = add(left, "label", { class: "slider" });
    add(label, "span", {}, name);
    const input = add(label, "input", { type: "range", min, max, step: 1 });
    return [label, input];
  };
  const [countLabel, countInput] = slider("How many", 0, counts.length - 1);
  place(countLabel, "span", "count").setAttribute("aria-hidden", "true");
  const [degreeLabel, degreeInput] = slider("Degree l", 1, solids[0].errors.length);
  place(degreeLabel, "span", "degree").setAttribute("aria-hidden", "true");
  const again = add(left, "button", { type: "button" }, "Draw again");

  const result = add(right, "p", { class: "result" });
  add(result, "span", {}, "left by the average ");
  place(result, "b", "error");
  add(result, "span", { class: "eq-by-chance" }, " by chance ");
  place(result, "span", "chance");
  const chart = add(right, "svg", {
    class: "chart", viewBox: "0 0 360 232", role: "img",
    "aria-label": "Error against the number of rotations, at the chosen degree, both logarithmic. " +
      "Exactly zero is a line of its own at the bottom.",
  });
  const x = (k) => LEFT + ((RIGHT - LEFT) * Math.log(k)) / Math.log(counts.at(-1));
  const y = (e) => (e > 0 ? TOP - ((BOTTOM - TOP) * Math.log10(Math.min(1, Math.max(0.01, e)))) / 2 : ZERO);
  for (const [e, text] of [[1, "1"], [0.1, "0.1"], [0.01, "0.01"], [0, "0"]]) {
    add(chart, "path", { class: "grid", d: `M${LEFT} ${y(e)}H${RIGHT}` });
    add(chart, "text", { x: LEFT - 8, y: y(e) + 4, "text-anchor": "end" }, text);
  }
  for (const k of [1, 4, 16, 64, 256]) {
    add(chart, "text", { x: x(k), y: 214, "text-anchor": "middle" }, String(k));
  }
  add(chart, "text", { x: (LEFT + RIGHT) / 2, y: 230, "text-anchor": "middle" }, "rotations in the average");
  const line = (k) => k.map((n, i) => `${i ? "L" : "M"}${x(n).toFixed(1)} ${y(get("chances")[i]).toFixed(1)}`).join("");
  add(chart, "path", { class: "law", d: line(counts) });
  const lines = draws.map(() => add(chart, "path", { class: "drawn" }));
  const marks = solids.map(() => add(chart, "rect", { class: "solid", width: 9, height: 9 }));
  const here = add(chart, "circle", { class: "here", r: 7 });
  const key = add(right, "p", { class: "key" });
  add(key, "span", { class: "m0" }, "— random, each draw");
  add(key, "span", { class: "eq-law" }, "- - 1/√K");
  add(key, "span", { class: "m1" }, "■ solids");

  const table = add(right, "table");
  add(table, "caption", {}, "what is left of each degree");
  const [head, body] = ["thead", "tbody"].map((t) => add(add(table, t), "tr"));
  const cells = solids[0].errors.map((_, i) => {
    add(head, "th", { scope: "col" }, String(i + 1));
    return place(body, "td", `error-${i + 1}`);
  });
  const exact = add(right, "p", { class: "eq-note" });
  add(exact, "span", {}, "exact up to degree ");
  place(exact, "b", "exact");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- looking up and drawing -------------------------------------------------------------
  const errors = () => (at[0] ? solids[at[0] - 1].errors : draws[at[2]].errors[at[1]]);
  const points = () => (at[0] ? solids[at[0] - 1].points : draws[at[2]].points.slice(0, counts[at[1]]));

  function sphere() {
    frame = 0;
    const R = turn(pose, 1);
    rings.forEach((halves, d) => arcs(R.map((row) => row[d]), halves));
    const moved = points().map((p) => apply(R, p)).sort((a, b) => a[2] - b[2]);
    dots.forEach((dot, i) => {
      dot.toggleAttribute("hidden", i >= moved.length);
      if (i >= moved.length) return;
      const [px, py, pz] = moved[i];
      put(dot, { cx: (100 * px).toFixed(2), cy: (-100 * py).toFixed(2), r: (3.6 + 1.4 * pz).toFixed(2),
        opacity: (0.62 + 0.38 * pz).toFixed(2) });
    });
  }
  const request = () => { frame ||= requestAnimationFrame(sphere); };

  function show() {
    const [set, count, draw, l] = at;
    const found = errors();
    const k = points().length;
    const text = {
      count: String(k), degree: String(l), error: relative(found[l - 1]),
      chance: relative(set ? get("chance")[set - 1] : get("chances")[count]),
      exact: String(found.findIndex((e) => e > 0) < 0 ? found.length : found.findIndex((e) => e > 0)),
    };
    found.forEach((e, i) => { text[`error-${i + 1}`] = relative(e); });
    for (const [name, value] of Object.entries(text)) places[name].textContent = value;
    buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(i === set)));
    root.dataset.set = set ? "solid" : "random";
    countInput.disabled = again.disabled = Boolean(set);
    [countInput.value, degreeInput.value] = [count, l];
    countInput.setAttribute("aria-valuetext", `${k} rotations`);
    degreeInput.setAttribute("aria-valuetext", `degree ${l}`);
    cells.forEach((cell, i) => cell.classList.toggle("chosen", i + 1 === l));
    lines.forEach((path, d) => {
      path.classList.toggle("now", d === draw);
      path.setAttribute("d", draws[d].errors.map((e, i) =>
        `${i ? "L" : "M"}${x(counts[i]).toFixed(1)} ${y(e[l - 1]).toFixed(1)}`).join(""));
    });
    solids.forEach((s, i) => put(marks[i],
      { x: x(s.points.length) - 4.5, y: y(s.errors[l - 1]) - 4.5 }));
    put(here, { cx: x(k), cy: y(found[l - 1]) });
  }
  function go(next) {
    at = next;
    show();
    request();
    if (get("at").some((a, d) => a !== at[d])) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      live.textContent = `${places.count.textContent} ${at[0] ? `rotations of the ${solids[at[0] - 1].name}`
        : "random rotations"} leave ${places.error.textContent} of degree ${at[3]}.`;
    }, 700);
  }
  const change = (d, value) => go(at.map((a, i) => (i === d ? value : a)));

  // ---- hands ------------------------------------------------------------------------------
  buttons.forEach((button, i) => on(button, "click", () => change(0, i)));
  on(countInput, "input", () => change(1, Number(countInput.value)));
  on(degreeInput, "input", () => change(3, Number(degreeInput.value)));
  on(again, "click", () => change(2, (at[2] + 1) % draws.length));
  const look = (dx, dy) => {
    hint.hidden = true;
    pose = [pose[0] + dx, Math.max(-90, Math.min(90, pose[1] + dy)), 0];
    request();
  };
  let hand = null;
  on(stage, "pointerdown", (e) => {
    if (e.button || hand) return;
    stage.setPointerCapture(e.pointerId);
    hand = { id: e.pointerId, x: e.clientX, y: e.clientY };
  });
  on(stage, "pointermove", (e) => {
    if (hand?.id !== e.pointerId) return;
    look(0.6 * (e.clientX - hand.x), 0.6 * (e.clientY - hand.y));
    [hand.x, hand.y] = [e.clientX, e.clientY];
  });
  for (const type of ["pointerup", "pointercancel"]) on(stage, type, () => { hand = null; });
  const keys = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, -TURN], ArrowDown: [0, TURN] };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    look(...keys[e.key]);
  });
  const follow = () => get("at").some((a, d) => a !== at[d]) && go([...get("at")]);
  model.on("change:at", follow);

  show();
  sphere();
  return () => {
    ends.abort();
    cancelAnimationFrame(frame);
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

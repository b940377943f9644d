// FourRoads: shows what four_roads.py recorded. Python computes, this draws. Every state that it
// can be in is a recorded one, so nothing is blended, and nothing moves by itself.

const CAMERA = turn([-28, 22, 0], 1); // from above and from the side, so that no ball hides another

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [roads, step, axes, control] = ["roads", "step", "axes", "control"].map(get);
  const last = roads[0].answers[0].length - 1;
  const home = last / 2;
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-roads", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  add(left, "p", { class: "eq-title" }, get("title"));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "turntable",
    "aria-label": "Cloud. Left and right arrows turn it, Home puts it back.",
  });
  const scene = molecule(stage, {
    positions: get("positions"), radii: get("radii"), symbols: get("symbols"),
    bonds: get("bonds"), marked: 0, partner: 0,
  });
  const hint = add(stage, "p", { class: "hint", "aria-hidden": "true" }, "drag to turn");
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Turn");
  const slider = add(label, "input", { type: "range", min: -180, max: 180, step });
  place(label, "span", "angle", { class: "angle", "aria-hidden": "true" });
  const buttons = add(left, "div", { class: "buttons" });
  const [mirror, reset] = ["Mirror", "Reset"].map((text) =>
    add(buttons, "button", { type: "button" }, text));
  mirror.title = "Inversion: every point goes through the center to the other side";
  const choice = add(left, "fieldset", { class: "choice" });
  add(choice, "legend", {}, "Road");
  const group = `road${Math.random().toString(36).slice(2)}`;
  const radios = roads.map((road, i) => {
    const row = add(choice, "label", { class: "road" });
    row.style.setProperty("--road", `var(--eq-${road.color})`);
    const input = add(row, "input", { type: "radio", name: group, value: i });
    add(row, "span", {}, road.name);
    return input;
  });

  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "What the chosen road and the control answer");
  const head = add(add(table, "thead"), "tr");
  ["", "answer", "moved", "nMSE"].forEach((t) => add(head, t ? "th" : "td", t ? { scope: "col" } : {}, t));
  const rows = add(table, "tbody");
  const line = (name, text) => {
    const row = add(rows, "tr", { class: name });
    const title = add(row, "th", { scope: "row" }, text);
    for (const what of ["answer", "error", "nmse"]) place(row, "td", `${name}-${what}`);
    return title;
  };
  const chosen = line("road", "");
  line("control", roads[control].name);
  const truth = add(rows, "tr", { class: "eq-true" });
  add(truth, "th", { scope: "row" }, "truth");
  [fixed(get("reference"), 2), "0", "0"].forEach((t) => add(truth, "td", {}, t));

  // ---- two pictures -----------------------------------------------------------------------
  const [x0, x1, y0, y1] = [50, 352, 138, 8];
  const answers = picture("Answer while the cloud turns", "Answers against the angle", 160);
  const across = (i) => x0 + ((x1 - x0) * i) / last;
  const up = (v) => y0 + ((v - axes.answer[0]) * (y1 - y0)) / (axes.answer[1] - axes.answer[0]);
  for (const [value, text] of axes.answer_ticks) rule(answers, up(value), text, x1);
  for (const i of [0, last / 4, home, (3 * last) / 4, last]) {
    add(answers, "text", { x: across(i), y: y0 + 17, "text-anchor": "middle" }, `${fixed(i * step - 180, 0)}°`);
  }
  add(answers, "path", { class: "truth", d: `M${x0} ${up(get("reference"))}H${x1}` });
  const lines = ["control", "road"].map((name) => add(answers, "path", { class: `line ${name}` }));
  const dots = ["control", "road"].map((name) => add(answers, "circle", { class: `dot ${name}`, r: 4.5 }));

  const map = picture("All roads: error against symmetry error", "Both errors of each road", 190);
  const spot = (road) => {
    const at = (v, [low, high], from, to) =>
      from + ((Math.max(low, Math.log10(v || 1e-300)) - low) * (to - from)) / (high - low);
    return [at(road.symmetry, axes.symmetry, x0 + 8, x1), at(road.nmse, axes.nmse, 158, 8)];
  };
  const power = (p, [low, high], from, to) => from + ((p - low) * (to - from)) / (high - low);
  for (const [p, text] of axes.nmse_ticks) rule(map, power(p, axes.nmse, 158, 8), text, x1);
  for (const [p, text] of axes.symmetry_ticks) {
    add(map, "text", { x: power(p, axes.symmetry, x0 + 8, x1), y: 176, "text-anchor": "middle" }, text);
  }
  const marks = roads.map((road) => {
    const [x, y] = spot(road);
    const mark = add(map, "g", { class: "mark" });
    mark.style.setProperty("--road", `var(--eq-${road.color})`);
    add(mark, "circle", { class: "reach", cx: x, cy: y, r: 12 });
    add(mark, "circle", { class: "point", cx: x, cy: y, r: 5 });
    add(mark, "title", {}, road.name);
    return mark;
  });
  on(map, "click", (e) => { // dots can lie close together: the nearest one is meant
    const box = map.getBoundingClientRect();
    const [x, y] = [e.clientX - box.left, e.clientY - box.top].map((v) => (v * 372) / box.width);
    const far = roads.map(spot).map(([cx, cy]) => Math.hypot(cx - x, cy - y));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] < 12) go([nearest, at[1], at[2]]);
  });
  const name = add(map, "text", { class: "name" });
  const note = add(right, "p", { class: "eq-note" });
  note.append("symmetry error of the chosen road over the test set: ");
  place(note, "b", "road-symmetry");
  note.append(", of the control: ");
  place(note, "b", "control-symmetry");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  function picture(title, text, height) {
    const figure = add(right, "div", { class: "trace" });
    add(figure, "p", {}, title);
    return add(figure, "svg", { viewBox: `0 0 372 ${height}`, role: "img", "aria-label": text });
  }
  function rule(svg, y, text, end) {
    add(svg, "path", { class: "grid", d: `M${x0} ${y}H${end}` });
    add(svg, "text", { x: x0 - 7, y: y + 4, "text-anchor": "end" }, text);
  }

  // ---- what is shown ----------------------------------------------------------------------
  let at = [...get("at")];
  let talk = 0;
  function draw() {
    const [road, angle, flip] = at;
    const both = [roads[control], roads[road]];
    const show = (place, text) => {
      if (places[place].textContent !== text) places[place].textContent = text;
    };
    const R = turn([angle * step - 180, 0, 0], 1 - 2 * flip);
    scene(CAMERA.map((row) => [0, 1, 2].map((c) => row.reduce((s, v, k) => s + v * R[k][c], 0))));
    show("angle", `${fixed(angle * step - 180, 0)}°`);
    ["control", "road"].forEach((which, k) => {
      show(`${which}-answer`, fixed(both[k].answers[flip][angle], 2));
      show(`${which}-error`, relative(both[k].errors[flip][angle]));
      show(`${which}-nmse`, relative(both[k].nmse));
      show(`${which}-symmetry`, relative(both[k].symmetry));
      lines[k].setAttribute("d", both[k].answers[flip].map((v, i) =>
        `${i ? "L" : "M"}${across(i).toFixed(1)} ${up(v).toFixed(1)}`).join(""));
      put(dots[k], { cx: across(angle), cy: up(both[k].answers[flip][angle]) });
    });
    chosen.textContent = both[1].name;
    root.style.setProperty("--road", `var(--eq-${both[1].color})`);
    marks.forEach((mark, i) => mark.toggleAttribute("data-chosen", i === road));
    radios.forEach((radio, i) => { radio.checked = i === road; });
    const [x, y] = spot(both[1]);
    const side = x > (x0 + x1) / 2;
    put(name, { x: x + (side ? -11 : 11), y: y - 8 < 14 ? y + 18 : y - 8, "text-anchor": side ? "end" : "start" });
    name.textContent = both[1].name;
    slider.value = angle * step - 180;
    slider.setAttribute("aria-valuetext", `${angle * step - 180} degrees`);
    mirror.setAttribute("aria-pressed", String(Boolean(flip)));
  }
  function go(to) {
    if (to.every((a, d) => a === at[d])) return;
    at = to;
    draw();
    if (get("at").some((a, d) => a !== at[d])) {
      model.set("at", [...at]);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      live.textContent = `${roads[at[0]].name}, ${at[1] * step - 180} degrees` +
        `${at[2] ? ", mirrored" : ""}: answer ${places["road-answer"].textContent}, ` +
        `moved by ${places["road-error"].textContent}.`;
    }, 700);
  }
  const wrap = (i) => ((i % last) + last) % last; // both ends are the same orientation
  const nudge = (by) => go([at[0], wrap(at[1] + by), at[2]]);

  // ---- hands ------------------------------------------------------------------------------
  let hand = null;
  on(stage, "pointerdown", (e) => {
    if (e.button || hand) return;
    stage.setPointerCapture(e.pointerId);
    hint.hidden = true;
    hand = { id: e.pointerId, x: e.clientX, from: at[1], rate: 200 / stage.getBoundingClientRect().width };
  });
  on(stage, "pointermove", (e) => {
    if (hand?.id !== e.pointerId) return;
    go([at[0], wrap(hand.from + Math.round(((e.clientX - hand.x) * hand.rate) / step)), at[2]]);
  });
  const release = (e) => { if (hand?.id === e.pointerId) hand = null; };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  const keys = { ArrowLeft: () => nudge(-1), ArrowRight: () => nudge(1), Home: () => go([at[0], home, 0]) };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    hint.hidden = true;
    keys[e.key]();
  });
  on(slider, "input", () => go([at[0], Math.round((Number(slider.value) + 180) / step), at[2]]));
  radios.forEach((radio, i) => on(radio, "change", () => go([i, at[1], at[2]])));
  on(mirror, "click", () => go([at[0], at[1], 1 - at[2]]));
  on(reset, "click", () => go([at[0], home, 0]));
  const follow = () => go([...get("at")]);
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

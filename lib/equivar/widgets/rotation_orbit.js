// RotationOrbit: shows what rotation_orbit.py recorded over O(3). Python computes, this draws.
// It owns the camera alone: it turns the picture, looks readings up, and blends between recorded
// rotations while a hand moves the molecule. At rest it shows a recorded rotation, exactly.

const EASE = 170; // ms from where a hand let go to the recorded rotation
const TRIES = 48; // rotations that a trace shows
const SPIN = 16; // s that the demonstration lasts
const NAMES = ["yaw", "tilt", "roll"];

const wrap = (degrees) => degrees - 360 * Math.ceil((degrees - 180) / 360); // to (-180, 180]

function render({ model, el }) {
  const get = (name) => model.get(name);
  const step = get("step_degrees");
  const [around, over] = [360 / step, 180 / step + 1];
  const [positions, radii, symbols, center] = ["positions", "radii", "symbols", "center"].map(get);
  const models = get("models").map((m) => ({ ...m, at: unpack(m.readings, m.step) }));
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-orbit", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  add(left, "p", { class: "eq-title" }, get("title"));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "turntable",
    "aria-label": "Molecule. Left and right arrows turn it, up and down arrows tilt it, " +
      "page up and page down roll it, Home puts it back.",
  });
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  const facts = add(left, "div", { class: "facts" });
  const [marked, partner] = get("mark");
  add(facts, "span", {}, `position of ${symbols[marked]}`);
  const xyz = add(facts, "div", { class: "m0" });
  for (const name of "xyz") place(add(xyz, "span", {}, `${name} `), "b", name);
  add(facts, "span", {}, `distance ${symbols[marked]}–${symbols[partner]}`);
  add(add(facts, "div", { class: "m1" }), "b", {}, `${get("distance")} Å`);
  const sliders = NAMES.map((name) => {
    const label = add(left, "label", { class: "slider" });
    add(label, "span", {}, name[0].toUpperCase() + name.slice(1));
    const range = name === "tilt" ? { min: -90, max: 90 } : { min: step - 180, max: 180 };
    const input = add(label, "input", { type: "range", step, ...range });
    place(label, "span", name, { class: "angle", "aria-hidden": "true" });
    return input;
  });
  const buttons = add(left, "div", { class: "buttons" });
  const [spin, mirror, reset] = ["", "Mirror", "Reset"].map((text) =>
    add(buttons, "button", { type: "button" }, text));
  mirror.title = "Inversion: every atom goes through the center to the other side";

  const table = add(right, "table");
  add(table, "caption", { class: "eq-unseen" }, "What each model answers at this rotation");
  const head = add(add(table, "thead"), "tr");
  ["energy from", get("unit"), "error"].forEach((t) => add(head, "th", { scope: "col" }, t));
  const rows = add(table, "tbody");
  models.forEach((m, i) => {
    const row = add(rows, "tr", { class: `m${i}` });
    add(row, "th", { scope: "row" }, m.name);
    place(row, "td", `energy-${i}`);
    place(row, "td", `error-${i}`, { class: "eq-error" });
  });
  const last = add(rows, "tr", { class: "eq-true" });
  add(last, "th", { scope: "row" }, get("reference_name"));
  add(last, "td", {}, fixed(get("reference"), get("decimals")));
  add(last, "td", {}, "");
  const axes = get("axes");
  const common = { names: models, tries: TRIES };
  const energies = trace(right, {
    ...common, title: `Energy (${get("unit")})`, label: "Energies at the rotations tried",
    range: axes.energy, ticks: axes.energy_ticks, line: get("reference"),
  });
  const errors = trace(right, {
    ...common, title: "Relative error (logarithmic)",
    label: "Relative errors at the rotations tried", range: axes.error, ticks: axes.error_ticks,
  });
  const count = add(right, "p", { class: "eq-count" });
  add(right, "p", { class: "eq-note" },
    `error = |f(R x) − f(x)| / σ, with σ = ${fixed(get("scale"), 3)} ${get("unit")}, ` +
    "the spread of the true energies");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });
  const scene = molecule(stage, { positions, radii, symbols, bonds: get("bonds"), marked, partner });
  const hint = add(stage, "p", { class: "hint", "aria-hidden": "true" }, "drag to turn");

  // ---- what was recorded ------------------------------------------------------------------
  const deviation = (m, [i, j, k, flip]) =>
    models[m].at(((flip * around + i) * over + j) * around + k);
  // Trilinear between the eight recorded rotations around the pose, twice where it is mirrored.
  function blended(m) {
    const u = [pose[0] / step, (pose[1] + 90) / step, pose[2] / step];
    const low = u.map(Math.floor);
    let sum = 0;
    for (let corner = 0; corner < 16; corner++) {
      const bit = [corner & 1, (corner >> 1) & 1, (corner >> 2) & 1, corner >> 3];
      const weight = bit.reduce((w, b, d) => {
        const t = d < 3 ? u[d] - low[d] : pose[3];
        return w * (b ? t : 1 - t);
      }, 1);
      if (weight > 0) sum += weight * deviation(m, grid(low.map((l, d) => l + bit[d]), bit[3]));
    }
    return sum;
  }
  const decade = (v) => Math.log10(Math.abs(v) / get("scale")); // -Infinity lies on the floor
  const modulo = (i) => ((i % around) + around) % around;
  const grid = ([i, j, k], flip) => [modulo(i), Math.min(over - 1, Math.max(0, j)), modulo(k), flip];
  const nearest = () =>
    grid([pose[0], pose[1] + 90, pose[2]].map((a) => Math.round(a / step)), Math.round(pose[3]));
  const degrees = ([i, j, k, flip]) => [wrap(i * step), j * step - 90, wrap(k * step), flip];

  // ---- where the molecule is, and where it goes -------------------------------------------
  const home = [0, (over - 1) / 2, 0, 0];
  let goal = [...get("at")]; // a recorded rotation, or null while a hand or the spin moves it
  let pose = degrees(goal); // yaw, tilt, roll in degrees, and 0..1 towards the mirrored molecule
  let [ease, spun, before, frame, talk, tried, path] = [null, 0, 0, 0, 0, 0, []];
  const request = () => {
    root.toggleAttribute("data-moving", true);
    frame ||= requestAnimationFrame(draw);
  };

  function visit(at) {
    if (path.length && path.at(-1).at.every((a, d) => a === at[d])) return;
    const off = models.map((_, m) => deviation(m, at));
    path.push({ at, energy: off.map((v, m) => models[m].identity + v), decade: off.map(decade) });
    if (path.length > TRIES) path.shift();
    tried += 1;
  }
  function go(at) {
    spun = 0;
    goal = at;
    visit(at);
    const to = degrees(at);
    const from = pose.map((a, d) => (d % 2 ? a : to[d] + wrap(a - to[d])));
    ease = { from, to, start: performance.now(), lasts: still.matches ? 0 : EASE };
    request();
  }
  const nudge = (d, by) => {
    const at = [...(goal ?? nearest())];
    at[d] += by;
    go(grid(at, at[3]));
  };
  function advance(now) {
    if (spun) {
      const [t, dt] = [(now - spun) / 1000, Math.min(0.05, (now - before) / 1000)];
      before = now;
      pose[0] = wrap(pose[0] + 74 * dt);
      pose[1] = Math.max(-90, Math.min(90, pose[1] + 55 * Math.cos(0.9 * t) * dt));
      pose[2] = wrap(pose[2] + 31 * dt);
      visit(nearest());
      if (t > SPIN) go(nearest());
    } else if (ease) {
      const t = ease.lasts ? Math.min(1, Math.max(0, (now - ease.start) / ease.lasts)) : 1;
      const s = t * t * (3 - 2 * t);
      pose = t < 1 ? ease.from.map((a, d) => a + s * (ease.to[d] - a)) : [...ease.to];
      if (t === 1) ease = null;
    }
  }

  function draw(now, first) {
    frame = 0;
    advance(now);
    const rest = Boolean(goal) && !ease;
    const at = goal ?? nearest();
    const R = turn(pose, 1 - 2 * pose[3]);
    scene(R);
    const show = (name, text) => {
      if (places[name].textContent !== text) places[name].textContent = text;
    };
    apply(R, positions[marked]).forEach((c, d) => show("xyz"[d], fixed(c + center[d], 2)));
    const off = models.map((_, m) => (rest ? deviation(m, at) : blended(m)));
    off.forEach((v, m) => {
      show(`energy-${m}`, fixed(models[m].identity + v, get("decimals")));
      show(`error-${m}`, relative(Math.abs(v) / get("scale")));
    });
    degrees(at).slice(0, 3).forEach((a, d) => {
      show(NAMES[d], `${fixed(a, 0)}°`);
      sliders[d].value = a;
      sliders[d].setAttribute("aria-valuetext", `${a} degrees`);
    });
    energies(tried, path.map((p) => p.energy), off.map((v, m) => models[m].identity + v));
    errors(tried, path.map((p) => p.decade), off.map(decade));
    count.textContent = tried > 1 ? `${tried} rotations tried`
      : "Each rotation that you try adds to the traces.";
    mirror.setAttribute("aria-pressed", String(Boolean(at[3])));
    spin.textContent = still.matches ? "Try 24" : spun ? "Stop" : "Spin";
    root.toggleAttribute("data-moving", !rest);
    if (spun || ease) request();
    else if (rest && !first) settle(); // nothing is said when the page loads
  }
  function settle() {
    if (get("at").some((a, d) => a !== goal[d])) {
      model.set("at", goal);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      if (!goal) return; // it moves again, and will speak when it rests
      const said = models.map((m, i) =>
        `${m.name}: ${places[`energy-${i}`].textContent} ${get("unit")}, ` +
        `error ${places[`error-${i}`].textContent}.`);
      const turned = NAMES.map((name, d) => `${name} ${degrees(goal)[d]}`).join(", ");
      live.textContent = `${turned} degrees${goal[3] ? ", mirrored" : ""}. ${said.join(" ")}`;
    }, 700);
  }

  // ---- hands ------------------------------------------------------------------------------
  const hands = new Map();
  let rate = 0.5; // degrees a pixel
  const bearing = (x, y) => (Math.atan2(y, x) * 180) / Math.PI;
  on(stage, "pointerdown", (e) => {
    if (e.button || hands.size > 1) return;
    stage.setPointerCapture(e.pointerId);
    const box = stage.getBoundingClientRect(); // once a drag: reading it each move costs layout
    rate = 200 / Math.min(box.width, box.height);
    hands.set(e.pointerId, { x: e.clientX, y: e.clientY });
    stage.middle = [box.x + box.width / 2, box.y + box.height / 2];
    hint.hidden = true;
    [goal, ease, spun] = [null, null, 0];
    pose[3] = Math.round(pose[3]);
    request();
  });
  on(stage, "pointermove", (e) => {
    const hand = hands.get(e.pointerId);
    if (!hand) return;
    const other = [...hands.values()].find((h) => h !== hand);
    const [cx, cy] = other ? [other.x, other.y] : stage.middle;
    if (other || e.shiftKey) {
      const twist = bearing(e.clientX - cx, e.clientY - cy) - bearing(hand.x - cx, hand.y - cy);
      pose[2] = wrap(pose[2] - wrap(twist));
    } else {
      // Along the molecule's own vertical and horizontal, so that what is touched follows the hand.
      const roll = (pose[2] * Math.PI) / 180;
      const [dx, dy] = [e.clientX - hand.x, e.clientY - hand.y];
      pose[0] = wrap(pose[0] + rate * (dx * Math.cos(roll) - dy * Math.sin(roll)));
      const tilt = pose[1] + rate * (dx * Math.sin(roll) + dy * Math.cos(roll));
      pose[1] = Math.max(-90, Math.min(90, tilt));
    }
    [hand.x, hand.y] = [e.clientX, e.clientY];
    visit(nearest());
    request();
  });
  const release = (e) => hands.delete(e.pointerId) && !hands.size && go(nearest());
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  const keys = {
    ArrowLeft: () => nudge(0, -1), ArrowRight: () => nudge(0, 1),
    ArrowUp: () => nudge(1, -1), ArrowDown: () => nudge(1, 1),
    PageUp: () => nudge(2, 1), PageDown: () => nudge(2, -1), Home: () => go(home),
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    hint.hidden = true;
    keys[e.key]();
  });
  sliders.forEach((input, d) => on(input, "input", () => {
    const at = [...(goal ?? nearest())];
    at[d] = Math.round((Number(input.value) + (d === 1 ? 90 : 0)) / step);
    go(grid(at, at[3]));
  }));
  on(mirror, "click", () => {
    const at = goal ?? nearest();
    go([...at.slice(0, 3), 1 - at[3]]);
  });
  on(reset, "click", () => {
    [path, tried] = [[], 0];
    go(home);
  });
  on(spin, "click", () => {
    hint.hidden = true;
    if (still.matches) {
      for (let n = 1; n < 24; n++) visit(grid([7 * n, (5 * n) % over, 11 * n], goal[3]));
      return go(grid([7 * 24, (5 * 24) % over, 11 * 24], goal[3]));
    }
    if (spun) return go(nearest());
    [goal, ease, spun] = [null, null, performance.now()];
    before = spun;
    request();
  });
  on(still, "change", request);
  const follow = () => get("at").some((a, d) => a !== goal?.[d]) && go([...get("at")]);
  model.on("change:at", follow);

  visit(goal);
  draw(performance.now(), true);
  return () => {
    ends.abort();
    cancelAnimationFrame(frame);
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

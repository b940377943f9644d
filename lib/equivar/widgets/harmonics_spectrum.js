// HarmonicsSpectrum: shows what harmonics_spectrum.py recorded at each angle of a turn. Python
// computes; this draws, adds recorded harmonics with recorded weights, and blends between angles
// while a hand moves the cloud. At rest it shows a recorded angle, exactly.

const EASE = 170; // ms from where a hand let go to the recorded angle
const SPEED = 24; // degrees a second of the demonstration

function render({ model, el }) {
  const get = (name) => model.get(name);
  const step = get("step_degrees");
  const frames = 360 / step;
  const clouds = get("clouds").map((c) => ({
    ...c, c: unpack(c.coefficients, c.step), off: unpack(c.changes, c.changes_step),
  }));
  const axes = get("axes");
  const mesh = get("mesh");
  const camera = turn([-28, 20, 0], 1);
  const { directions, faces } = sphere(mesh, camera);
  const Y = new Int8Array(bytes(mesh.harmonics));
  const N = directions.length;
  const rotation = unpack(get("rotations").text, get("rotations").step);
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const L = clouds[0].power.length - 1;
  const D = (L + 1) ** 2;

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-harmonics", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  add(left, "p", { class: "eq-title" }, get("title"));
  const choice = add(left, "div", { class: "buttons clouds", role: "group", "aria-label": "Cloud" });
  const pick = clouds.map((c) => add(choice, "button", { type: "button" }, c.name));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "turntable",
    "aria-label": "Cloud and its shape. Left and right arrows turn it, up and down arrows change " +
      "the largest degree, page up and page down the order, Home turns it back.",
  });
  const big = add(stage, "canvas", { width: 560, height: 560, "aria-hidden": "true" });
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  const ball = add(left, "p", { class: "eq-ball" });
  const upto = add(ball, "span");
  place(ball, "b", "rough");
  const sliders = ["Angle", "Up to l", "Order m"].map((name) => {
    const label = add(left, "label", { class: "slider" });
    add(label, "span", {}, name);
    const input = add(label, "input", { type: "range", min: 0, max: name === "Angle" ? 360 - step : L,
      step: name === "Angle" ? step : 1 });
    return [input, add(label, "span", { class: "angle", "aria-hidden": "true" })];
  });
  places.angle = sliders[0][1];
  places.angle.dataset.shown = "angle";
  const buttons = add(left, "div", { class: "buttons" });
  const [spin, slant, reset] = ["", "Slanted axis", "Reset"].map((text) =>
    add(buttons, "button", { type: "button" }, text));

  const bars = coefficientBars(right, { L, place, on, choose: (l, m) => choose({ l, m }) });
  const detail = add(right, "div", { class: "detail" });
  const small = add(detail, "canvas", { width: 220, height: 220, "aria-hidden": "true" });
  const names = twoNumbers(detail, place);
  const trace = turnTrace(right, frames);
  add(right, "p", { class: "eq-note" }, "Per point, so that the power of degree 0 is 1. " +
    "Change: against angle 0, in the same unit.");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });
  const hint = add(stage, "p", { class: "hint", "aria-hidden": "true" }, "drag sideways to turn");

  const palette = paletteOf(root, big);
  const drawBig = surface(big, { directions, faces, reach: 2.35, palette: palette.read });
  const drawSmall = surface(small, { directions, faces, reach: 1.1, palette: palette.read });

  // ---- what was recorded, and where we are --------------------------------------------------
  const home = get("at");
  let [cloud, axis, , l, m] = home;
  let goal = home[2]; // a recorded angle, or null while a hand or the spin moves it
  let pose = goal; // in steps, with a fraction while it moves
  let [ease, spun, before, frame, talk, drawn] = [null, 0, 0, 0, 0, ""];
  const modulo = (i) => ((i % frames) + frames) % frames;
  const nearest = () => modulo(Math.round(pose));
  const blend = (read) => {
    const low = Math.floor(pose);
    const [a, t] = [read(modulo(low)), pose - low];
    return t ? a + t * (read(modulo(low + 1)) - a) : a;
  };
  const coefficient = (i, f) => clouds[cloud].c((axis * frames + f) * D + i);
  const change = (d, f) => clouds[cloud].off((axis * frames + f) * (L + 1) + d);
  const request = () => {
    root.toggleAttribute("data-moving", true);
    frame ||= requestAnimationFrame(draw);
  };
  function go(to) {
    spun = 0;
    const way = modulo(to - pose + frames / 2) - frames / 2; // the short way round
    ease = { from: pose, way, start: performance.now(), lasts: still.matches ? 0 : EASE };
    goal = modulo(to);
    request();
  }
  function choose(change) { // another cloud, axis, degree or order
    ({ cloud, axis, l, m } = { cloud, axis, l, m, ...change });
    l = Math.max(0, Math.min(L, l));
    m = Math.max(-l, Math.min(l, m));
    if (goal === null) go(nearest());
    else request();
  }
  function advance(now) {
    if (spun) {
      pose = modulo(pose + (SPEED / step) * Math.min(0.05, (now - before) / 1000));
      before = now;
    } else if (ease) {
      const t = ease.lasts ? Math.min(1, Math.max(0, (now - ease.start) / ease.lasts)) : 1;
      pose = t < 1 ? modulo(ease.from + ease.way * t * t * (3 - 2 * t)) : goal;
      if (t === 1) ease = null;
    }
  }

  function scene(c) {
    const R = [0, 1, 2].map((i) => [0, 1, 2].map((j) =>
      blend((f) => rotation(((axis * frames + f) * 3 + i) * 3 + j))));
    const radii = new Float64Array(N);
    for (let v = 0; v < N; v++) {
      let sum = 0;
      for (let i = 1; i < (l + 1) ** 2; i++) sum += c[i] * Y[v * D + i];
      radii[v] = (sum * mesh.scale) / clouds[cloud].reach;
    }
    const things = clouds[cloud].points.map((p) => apply(camera, apply(R, p)));
    const out = (p, s) => p.map((x) => s * x);
    const length = Math.hypot(...axes[axis].along);
    const up = apply(camera, axes[axis].along.map((x) => x / length));
    const spokes = [
      ...things.map((p) => ({ from: out(p, 0.6), to: out(p, 2.05), width: 3, at: out(p, 1.5) })),
      ...things.map((p) => ({ ball: out(p, 2.05), width: 9, at: out(p, 2.05) })),
      ...[-1, 1].map((s) => ({
        from: out(up, 0), to: out(up, 2.3 * s), width: 2, dash: true, at: out(up, 1.5 * s),
      })),
      { text: axis ? "axis" : "y", to: [up[0] * 2.2 + 0.06, up[1] * 2.2, 0], at: out(up, 2.2) },
    ];
    drawBig(radii.map((x) => 1 + 0.85 * x), radii, spokes);
  }
  function harmonic() {
    const i = l * l + l + m;
    const values = Float64Array.from({ length: N }, (_, v) => Y[v * D + i]);
    const most = values.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    drawSmall(values.map((x) => 0.55 + (0.45 * x) / most), values.map((x) => x / most), []);
  }
  function curves() {
    const p = clouds[cloud].power[l];
    const read = [(f) => coefficient(l * l + l + m, f) ** 2, (f) => p + change(l, f)];
    const title = `Over a full turn: component (${l}, ${fixed(m, 0)}) squared, and the power of degree ${l}`;
    trace([cloud, axis, l, m].join(), title, read, p > 1e-12 ? 1.08 * p : 1, pose, read.map(blend));
  }

  function draw(now, first) {
    frame = 0;
    advance(now);
    const rest = goal !== null && !ease;
    const at = goal ?? nearest();
    const show = (name, text) => {
      if (places[name].textContent !== text) places[name].textContent = text;
    };
    const c = Array.from({ length: D }, (_, i) => blend((f) => coefficient(i, f)));
    scene(c);
    if (drawn !== `${l},${m}`) harmonic();
    drawn = `${l},${m}`;
    curves();
    const tallest = clouds[cloud].step * 32767 ** 2;
    bars(c, 15 / tallest, l, m);
    clouds[cloud].power.forEach((p, d) => {
      const off = change(d, at);
      show(`power-${d}`, fixed(p + off, 3));
      show(`change-${d}`, relative(Math.abs(off)));
    });
    const one = coefficient(l * l + l + m, at);
    const start = coefficient(l * l + l + m, 0);
    show("square", fixed(one * one, 3));
    show("square-change", relative(Math.abs(one * one - start * start)));
    show("sum", places[`power-${l}`].textContent);
    show("sum-change", places[`change-${l}`].textContent);
    show("rough", relative(clouds[cloud].rough[l]));
    show("angle", `${at * step}°`);
    upto.textContent = `Degrees up to ${l}: off a ball by `;
    names[0].textContent = `(${l}, ${fixed(m, 0)})²`;
    names[1].textContent = `power of ${l}`;
    put(sliders[2][0], { min: -l, max: l });
    [at * step, l, m].forEach((value, i) => {
      sliders[i][0].value = value;
      if (i) sliders[i][1].textContent = fixed(value, 0);
    });
    sliders[0][0].setAttribute("aria-valuetext", `${at * step} degrees`);
    pick.forEach((button, i) => button.setAttribute("aria-pressed", String(i === cloud)));
    slant.setAttribute("aria-pressed", String(axis === 1));
    spin.textContent = still.matches ? "Turn 30°" : spun ? "Stop" : "Spin";
    root.toggleAttribute("data-moving", !rest);
    if (spun || ease) request();
    else if (rest && !first) settle(); // nothing is said when the page loads
  }
  function settle() {
    const now = [cloud, axis, goal, l, m];
    if (get("at").some((a, d) => a !== now[d])) {
      model.set("at", now);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      live.textContent = `${clouds[cloud].name}, ${nearest() * step} degrees about the ` +
        `${axes[axis].name}. Component ${l}, ${m} squared: ${places.square.textContent}. Power of ` +
        `degree ${l}: ${places.sum.textContent}, changed by ${places["sum-change"].textContent}. ` +
        `Degrees up to ${l} are off a ball by ${places.rough.textContent}.`;
    }, 700);
  }

  // ---- hands ------------------------------------------------------------------------------
  let hand = null;
  on(stage, "pointerdown", (e) => {
    if (e.button || hand) return;
    stage.setPointerCapture(e.pointerId);
    hand = { id: e.pointerId, x: e.clientX, rate: 200 / step / stage.getBoundingClientRect().width };
    hint.hidden = true;
    [goal, ease, spun] = [null, null, 0];
    request();
  });
  on(stage, "pointermove", (e) => {
    if (hand?.id !== e.pointerId) return;
    pose = modulo(pose + hand.rate * (e.clientX - hand.x));
    hand.x = e.clientX;
    request();
  });
  const release = (e) => {
    if (hand?.id !== e.pointerId) return;
    hand = null;
    go(nearest());
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  const keys = {
    ArrowLeft: () => go((goal ?? nearest()) - 1), ArrowRight: () => go((goal ?? nearest()) + 1),
    ArrowUp: () => choose({ l: l + 1 }), ArrowDown: () => choose({ l: l - 1 }),
    PageUp: () => choose({ m: m + 1 }), PageDown: () => choose({ m: m - 1 }), Home: () => go(0),
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    hint.hidden = true;
    keys[e.key]();
  });
  on(sliders[0][0], "input", () => go(Math.round(sliders[0][0].value / step)));
  on(sliders[1][0], "input", () => choose({ l: Number(sliders[1][0].value) }));
  on(sliders[2][0], "input", () => choose({ m: Number(sliders[2][0].value) }));
  pick.forEach((button, i) => on(button, "click", () => choose({ cloud: i })));
  on(slant, "click", () => {
    pose = goal = 0; // the turns about both axes begin at the same place
    choose({ axis: 1 - axis });
  });
  on(reset, "click", () => {
    choose({ cloud: home[0], axis: home[1], l: home[3], m: home[4] });
    go(home[2]);
  });
  on(spin, "click", () => {
    hint.hidden = true;
    if (still.matches) return go((goal ?? nearest()) + Math.round(30 / step));
    if (spun) return go(nearest());
    [goal, ease, spun] = [null, null, 1];
    before = performance.now();
    request();
  });
  on(still, "change", request);
  const repaint = new MutationObserver(() => {
    palette.forget();
    drawn = "";
    request();
  });
  for (const node of [document.documentElement, document.body]) {
    repaint.observe(node, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
  }
  const follow = () => {
    const to = get("at");
    if (to.every((a, d) => a === [cloud, axis, goal, l, m][d])) return;
    choose({ cloud: to[0], axis: to[1], l: to[3], m: to[4] });
    go(to[2]);
  };
  model.on("change:at", follow);

  draw(performance.now(), true);
  return () => {
    ends.abort();
    repaint.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

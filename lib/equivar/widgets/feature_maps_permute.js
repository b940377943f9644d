// FeatureMapsPermute: shows what feature_maps_permute.py recorded. Python computes, this draws.
// There is nothing between the recorded angles: each one that is shown was computed.

const PACE = 70; // ms a step, while a quarter turn plays

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [step, n] = [get("step_degrees"), get("pixels")];
  const [frames, quarter] = [360 / step, 90 / step];
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const image = bytes(get("image"));
  const models = get("models").map((m) => ({ ...m, maps: bytes(m.maps) }));
  const ends = new AbortController();
  const on = (node, type, f) => node.addEventListener(type, f, { signal: ends.signal });
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- what stands on the page ------------------------------------------------------------
  const root = add(el, "div", { class: "eq-widget eq-maps", role: "group", "aria-label": get("title") });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  const body = add(root, "div", { class: "eq-panel" });
  const [left, right] = [add(body, "div", { class: "eq-left" }), add(body, "div", { class: "eq-right" })];
  const places = {};
  const place = (parent, tag, name, attributes = {}) =>
    (places[name] = add(parent, tag, { ...attributes, "data-shown": name }));
  add(left, "p", { class: "eq-title" }, get("title"));
  const stage = add(left, "div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "turntable",
    "aria-label": "Digit. Left and right arrows turn it, page up and page down by a quarter, " +
      "Home puts it back.",
  });

  // A square of pixels: returns the group that may turn, and a function that paints a frame.
  function picture(parent, kind) {
    const svg = add(parent, "svg", { viewBox: `${-n / 2} ${-n / 2} ${n} ${n}`, "aria-hidden": "true" });
    const group = add(svg, "g", { class: `pixels ${kind}` });
    const cells = Array.from({ length: n * n }, (_, i) => add(group, "rect", {
      x: (i % n) - n / 2, y: Math.floor(i / n) - n / 2, width: 1.02, height: 1.02,
    }));
    const paint = (values, start) =>
      cells.forEach((cell, i) => cell.setAttribute("fill-opacity", (values[start + i] / 255).toFixed(3)));
    return { group, paint };
  }
  const digit = picture(stage, "ink");
  const hint = add(stage, "p", { class: "hint", "aria-hidden": "true" }, "drag to turn");
  const label = add(left, "label", { class: "slider" });
  add(label, "span", {}, "Angle");
  const slider = add(label, "input", { type: "range", min: 0, max: 360 - step, step });
  place(label, "span", "angle", { class: "angle", "aria-hidden": "true" });
  const buttons = add(left, "div", { class: "buttons" });
  const [play, back, reset] = ["Quarter turn", "Turn maps back", "Reset"].map((text) =>
    add(buttons, "button", { type: "button" }, text));
  back.title = "Shows each map turned back by the angle, so that only their order is left to see";
  back.setAttribute("aria-pressed", "false");

  const maps = models.map((m, k) => {
    const row = add(right, "div", { class: `maps-row m${k}` });
    const head = add(row, "p", { class: "maps-head" });
    add(head, "b", {}, m.name);
    const error = add(head, "span", {}, "error ");
    place(error, "b", `error-${k}`);
    const grid = add(row, "div", { class: "maps" });
    grid.style.setProperty("--columns", Math.min(4, m.labels.length));
    return m.labels.map((name, i) => {
      const cell = add(grid, "div", { class: "map" });
      const drawn = picture(cell, "model");
      add(cell, "span", { class: "map-name" }, name);
      place(cell, "span", `from-${k}-${i}`, { class: "map-from" });
      return drawn;
    });
  });
  add(right, "p", { class: "eq-note" },
    "error: the maps of the upright digit are turned and put in the best order; what is left, " +
    "relative to their size. “was” names the partner that each map has in that order.");
  const live = add(root, "p", { class: "eq-unseen", "aria-live": "polite" });

  // ---- where it is --------------------------------------------------------------------------
  let [frame, tick, talk] = [get("at"), 0, 0];
  const modulo = (i) => ((i % frames) + frames) % frames;

  function draw() {
    const size = n * n;
    digit.paint(image, frame * size);
    const show = (name, text) => {
      if (places[name].textContent !== text) places[name].textContent = text;
    };
    show("angle", `${frame * step}°`);
    slider.value = frame * step;
    slider.setAttribute("aria-valuetext", `${frame * step} degrees`);
    const turned = back.getAttribute("aria-pressed") === "true" ? frame * step : 0;
    models.forEach((m, k) => {
      const count = m.labels.length;
      show(`error-${k}`, relative(m.errors[frame]));
      m.labels.forEach((_, i) => {
        maps[k][i].paint(m.maps, (frame * count + i) * size);
        maps[k][i].group.setAttribute("transform", `rotate(${turned})`); // clockwise in SVG
        show(`from-${k}-${i}`, `was ${m.labels[m.order[frame][i]]}`);
      });
    });
  }
  function settle() {
    root.toggleAttribute("data-moving", false);
    if (get("at") !== frame) {
      model.set("at", frame);
      model.save_changes();
    }
    clearTimeout(talk);
    talk = setTimeout(() => {
      const said = models.map((m, k) => `${m.name}: error ${places[`error-${k}`].textContent}.`);
      live.textContent = `Turned by ${frame * step} degrees. ${said.join(" ")}`;
    }, 700);
  }
  function go(to) {
    clearTimeout(tick);
    frame = modulo(to);
    draw();
    settle();
  }
  function move(to) { // by steps that can be followed
    clearTimeout(tick);
    if (still.matches || to === frame) return go(to);
    root.toggleAttribute("data-moving", true);
    const next = () => {
      frame = modulo(frame + 1);
      draw();
      if (frame === to) return settle();
      tick = setTimeout(next, PACE);
    };
    next();
  }

  // ---- hands --------------------------------------------------------------------------------
  let hand = null;
  const bearing = (e) => {
    const box = stage.getBoundingClientRect();
    const [x, y] = [e.clientX - box.x - box.width / 2, e.clientY - box.y - box.height / 2];
    return (Math.atan2(-y, x) * 180) / Math.PI; // counter-clockwise
  };
  on(stage, "pointerdown", (e) => {
    if (e.button || hand) return;
    stage.setPointerCapture(e.pointerId);
    hint.hidden = true;
    hand = { id: e.pointerId, from: bearing(e), frame };
  });
  on(stage, "pointermove", (e) => {
    if (hand?.id !== e.pointerId) return;
    const to = modulo(hand.frame + Math.round((bearing(e) - hand.from) / step));
    if (to !== frame) go(to);
  });
  const release = (e) => { if (hand?.id === e.pointerId) hand = null; };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  const keys = {
    ArrowLeft: () => go(frame + 1), ArrowRight: () => go(frame - 1),
    PageUp: () => go(frame + quarter), PageDown: () => go(frame - quarter), Home: () => go(0),
  };
  on(stage, "keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    hint.hidden = true;
    keys[e.key]();
  });
  on(slider, "input", () => go(Math.round(Number(slider.value) / step)));
  on(play, "click", () => move(modulo((Math.floor(frame / quarter) + 1) * quarter)));
  on(back, "click", () => {
    back.setAttribute("aria-pressed", String(back.getAttribute("aria-pressed") !== "true"));
    draw();
  });
  on(reset, "click", () => {
    back.setAttribute("aria-pressed", "false");
    go(0);
  });
  const follow = () => get("at") !== frame && go(get("at"));
  model.on("change:at", follow);

  draw();
  return () => {
    ends.abort();
    clearTimeout(tick);
    clearTimeout(talk);
    model.off("change:at", follow);
    root.remove();
  };
}

export default { render };

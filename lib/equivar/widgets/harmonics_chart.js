// The charts of HarmonicsSpectrum: coefficients as bars, and two numbers over a full turn.

// A row a degree, a bar an order. Returns draw(c, scale, l, m), which moves the bars.
function coefficientBars(parent, { L, place, on, choose }) {
  const chart = add(parent, "svg", { class: "chart", viewBox: "0 0 360 262", role: "img",
    "aria-label": "Coefficients of each degree as bars, with the power of the degree" });
  const [mid, gap, top, row] = [136, 16.4, 22, 34];
  const middle = (l) => top + row * (l + 0.5);
  const text = (x, y, anchor, words) => add(chart, "text", { x, y, "text-anchor": anchor }, words);
  [[4, "start", "l"], [mid, "middle", "coefficients, m = −l … l"], [302, "end", "power"],
    [358, "end", "change"]].forEach(([x, anchor, words]) => text(x, 12, anchor, words).classList.add("head"));
  const lit = add(chart, "rect", { class: "lit", x: 0, width: 360, height: row });
  const bars = Array.from({ length: L + 1 }, (_, l) => {
    text(4, middle(l) + 4, "start", `${l}`);
    add(chart, "path", { class: "grid", d: `M${mid - gap * (l + 0.5)} ${middle(l)}h${gap * (2 * l + 1)}` });
    for (const [name, x] of [["power", 302], ["change", 358]]) {
      place(chart, "text", `${name}-${l}`, { x, y: middle(l) + 4, "text-anchor": "end", class: "m1" });
    }
    return Array.from({ length: 2 * l + 1 }, (_, k) =>
      add(chart, "rect", { class: "bar", x: mid + gap * (k - l) - 6, width: 12 }));
  });
  on(chart, "pointerdown", (e) => { // a bar: its degree and order
    const box = chart.getBoundingClientRect();
    const l = Math.floor((((e.clientY - box.y) * 262) / box.height - top) / row);
    const m = Math.round((((e.clientX - box.x) * 360) / box.width - mid) / gap);
    if (l >= 0 && l <= L) choose(l, Math.abs(m) <= l ? m : 0);
  });
  return (c, scale, lmax, order) => {
    put(lit, { y: top + row * lmax });
    bars.forEach((row, l) => row.forEach((bar, k) => {
      const h = scale * c[l * l + k];
      put(bar, { y: middle(l) - Math.max(h, 0), height: Math.max(0.8, Math.abs(h)) });
      bar.classList.toggle("beyond", l > lmax);
      bar.classList.toggle("one", l === lmax && k - l === order);
    }));
  };
}

// Two curves over a full turn, and where we are on them. Returns draw(key, title, read, most, pose,
// now): read(f) is a value at frame f, most the largest that fits; drawn anew where the key changes.
function turnTrace(parent, frames) {
  const figure = add(parent, "div", { class: "trace" });
  const caption = add(figure, "p");
  const svg = add(figure, "svg", { viewBox: "0 0 360 96", role: "img",
    "aria-label": "Square of one component, and the power of its degree, over a full turn" });
  const [x0, x1, y0, y1] = [8, 352, 88, 8];
  add(svg, "path", { class: "grid", d: `M${x0} ${y0}H${x1}` });
  const curves = [0, 1].map((i) => add(svg, "path", { class: `line m${i}` }));
  const dots = [0, 1].map((i) => add(svg, "circle", { class: `dot m${i}`, r: 4.5 }));
  let drawn = "";
  return (key, title, read, most, pose, now) => {
    const x = (f) => x0 + ((x1 - x0) * f) / frames;
    const y = (v) => y0 + ((y1 - y0) * v) / most;
    if (key !== drawn) {
      drawn = key;
      caption.textContent = title;
      curves.forEach((path, i) => path.setAttribute("d", Array.from({ length: frames + 1 }, (_, f) =>
        `${f ? "L" : "M"}${x(f).toFixed(1)} ${y(read[i](f % frames)).toFixed(1)}`).join("")));
    }
    dots.forEach((dot, i) => put(dot, { cx: x(pose), cy: y(now[i]) }));
  };
}

// One component squared and the power of its degree, each now and how far from the start.
// Returns the cells that name them.
function twoNumbers(parent, place) {
  const table = add(parent, "table");
  add(table, "caption", { class: "eq-unseen" }, "One component and the whole degree at this angle");
  const head = add(add(table, "thead"), "tr");
  ["", "now", "change"].forEach((t) => add(head, t ? "th" : "td", t ? { scope: "col" } : {}, t));
  const lines = add(table, "tbody");
  return ["square", "sum"].map((name, i) => {
    const tr = add(lines, "tr", { class: `m${i}` });
    const th = add(tr, "th", { scope: "row" });
    place(tr, "td", name);
    place(tr, "td", `${name}-change`);
    return th;
  });
}

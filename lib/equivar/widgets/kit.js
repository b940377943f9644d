// What all widgets draw with. recorded.py puts these functions in front of a widget's own module,
// so that what arrives in a page is one file with no imports.

const SVG = "http://www.w3.org/2000/svg";

function add(parent, tag, attributes = {}, text = "") {
  const svg = parent.namespaceURI === SVG || tag === "svg";
  const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return parent.appendChild(node);
}

function put(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

// The same rules as format_fixed and format_error in recorded.py; a test holds them equal.
function fixed(value, decimals) {
  const digits = Math.abs(value).toFixed(decimals);
  return (value < 0 && /[1-9]/.test(digits) ? "−" : "") + digits;
}

function relative(value) {
  if (value === 0) return "0";
  if (value < 1e-8) return "< 1e-8";
  if (value >= 1e-3) return fixed(value, value >= 0.1 ? 2 : value >= 0.01 ? 3 : 4);
  return value.toExponential(0);
}

// unpack_signed_squares in recorded.py: sign(q) q^2 step, to the last bit.
function unpack(text, step) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const q = new Int16Array(bytes.buffer); // little-endian, as is every machine with a browser
  return (i) => Math.sign(q[i]) * (q[i] * q[i] * step);
}

// Rz(roll) Rx(tilt) Ry(yaw), as grid_rotations in rotation_orbit.py, times a sign.
function turn([yaw, tilt, roll], sign) {
  const [a, b, c] = [yaw, tilt, roll].map((x) => (x * Math.PI) / 180);
  const [ca, sa, cb, sb, cc, sc] = [a, b, c].flatMap((x) => [Math.cos(x), Math.sin(x)]);
  return [
    [cc * ca - sc * sb * sa, -sc * cb, cc * sa + sc * sb * ca],
    [sc * ca + cc * sb * sa, cc * cb, sc * sa - cc * sb * ca],
    [-cb * sa, sb, cb * ca],
  ].map((row) => row.map((x) => sign * x));
}

const apply = (R, p) => R.map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]);

// Balls and sticks within the fixed axes of the laboratory, and a globe that turns with the atoms.
// Seen along z without perspective: what you see of an atom is its x and its y.
// Returns draw(R), which moves what is there and makes nothing new.
function molecule(parent, { positions, radii, symbols, bonds, marked, partner }) {
  const reach = Math.max(...positions.map((p, i) => Math.hypot(...p) + radii[i]));
  const size = 97 / reach;
  const unit = positions.map((p) => p.map((x) => (x * size) / 97));
  const svg = add(parent, "svg", { viewBox: "-118 -116 236 226", "aria-hidden": "true" });
  const shine = `shine${Math.random().toString(36).slice(2)}`;
  const glow = add(add(svg, "defs"), "radialGradient", { id: shine, cx: 0.36, cy: 0.32, r: 0.78 });
  add(glow, "stop", { offset: 0, "stop-color": "white", "stop-opacity": 0.75 });
  add(glow, "stop", { offset: 0.75, "stop-color": "white", "stop-opacity": 0 });
  add(glow, "stop", { offset: 1, "stop-color": "black", "stop-opacity": 0.22 });

  add(svg, "circle", { class: "globe", r: 100 });
  const lab = add(svg, "g", { class: "lab" });
  add(lab, "path", { d: "M-110 0H108M0 106V-101" });
  add(lab, "text", { x: 110, y: 4 }, "x");
  add(lab, "text", { x: 0, y: -106, "text-anchor": "middle" }, "y");
  add(lab, "circle", { cx: -106, cy: 99, r: 4 }); // the tip of an arrow towards the reader
  add(lab, "circle", { cx: -106, cy: 99, r: 0.8 });
  add(lab, "text", { x: -98, y: 103 }, "z");
  const layers = ["back", "atoms", "front"].map((name) => add(svg, "g", { class: name }));
  const rings = [0, 1, 2].map(() => [0, 2].map((l) => add(layers[l], "path", { class: "ring" })));
  const paint = (node, i, z) => {
    node.style.setProperty("--fog", `${(20 * (1 - z)).toFixed(1)}%`);
  };
  const colored = (node, i) => {
    node.style.setProperty("--c", `var(--atom-${symbols[i]}, var(--atom-X))`);
    return node;
  };
  const balls = positions.map((_, i) => {
    const node = add(layers[1], "g");
    const ball = colored(add(node, "circle", { class: "ball", r: 1 }), i);
    add(node, "circle", { r: 1, fill: `url(#${shine})` });
    return { node, z: 0, draw(at) {
      const [x, y, z] = at[i];
      this.z = z;
      const r = radii[i] * size * (1 + 0.12 * z);
      node.setAttribute("transform", `translate(${97 * x} ${-97 * y}) scale(${r})`);
      paint(ball, i, z);
    } };
  });
  const sticks = bonds.flatMap(([a, b]) => [[a, b], [b, a]]).map(([here, there]) => {
    const node = add(layers[1], "g");
    const edge = add(node, "line", { class: "edge" });
    const stick = colored(add(node, "line", { class: "stick" }), here);
    const apart = Math.hypot(...positions[here].map((x, d) => x - positions[there][d]));
    // From the ball's surface, so that a stick that comes towards us does not cover it.
    const from = Math.min(0.5, (0.8 * radii[here]) / apart);
    return { node, z: 0, draw(at) {
      const [start, end] = [from, 0.5].map((t) => at[here].map((x, d) => x + t * (at[there][d] - x)));
      this.z = (start[2] + end[2]) / 2;
      const line = { x1: 97 * start[0], y1: -97 * start[1], x2: 97 * end[0], y2: -97 * end[1] };
      put(edge, line);
      put(stick, line);
      paint(stick, here, this.z);
    } };
  });
  const guides = add(svg, "g", { class: "guides" });
  const drop = add(guides, "path", { class: "drop" });
  const feet = [0, 1].map(() => add(guides, "circle", { class: "foot", r: 3 }));
  const span = add(guides, "path", { class: "span" });
  const items = [...balls, ...sticks];
  let order = "";

  return (R) => {
    const at = unit.map((p) => apply(R, p));
    for (const item of items) item.draw(at);
    const sorted = items.map((_, i) => i).sort((a, b) => items[a].z - items[b].z);
    if (sorted.join() !== order) {
      order = sorted.join();
      layers[1].append(...sorted.map((i) => items[i].node));
    }
    rings.forEach((halves, d) => arcs(R.map((row) => row[d]), halves));
    const [x, y] = [97 * at[marked][0], -97 * at[marked][1]];
    drop.setAttribute("d", `M${x} 0V${y}H0`);
    put(feet[0], { cx: x, cy: 0 });
    put(feet[1], { cx: 0, cy: y });
    span.setAttribute("d", `M${x} ${y}L${97 * at[partner][0]} ${-97 * at[partner][1]}`);
  };
}

// A great circle seen from afar is an ellipse: the half behind, and the half in front.
function arcs(n, halves) {
  const length = Math.hypot(...n) || 1;
  const [nx, ny, nz] = n.map((x) => x / length);
  const flat = Math.hypot(nx, ny);
  const [ux, uy] = flat > 1e-9 ? [ny / flat, -nx / flat] : [1, 0];
  const tilt = (-Math.atan2(uy, ux) * 180) / Math.PI;
  const [x, y] = [100 * ux, -100 * uy];
  halves.forEach((path, front) => {
    // The middle of the front half is -n x u, which lies clockwise of u on the page if n_z > 0.
    const sweep = nz > 0 === Boolean(front) ? 1 : 0;
    path.setAttribute("d", `M${x} ${y}A100 ${100 * Math.abs(nz)} ${tilt} 0 ${sweep} ${-x} ${-y}`);
  });
}

// One trace: a line a model over the rotations tried, and a dot where it is now.
// range: [low, high] and ticks: [[value, text], ...] come from Python, so no axis ever jumps.
function trace(parent, { title, label, range, ticks, names, tries, line }) {
  const figure = add(parent, "div", { class: "trace" });
  add(figure, "p", {}, title);
  const svg = add(figure, "svg", { viewBox: "0 0 360 132", role: "img", "aria-label": label });
  const [x0, x1, y0, y1] = [50, 352, 122, 10];
  const y = (v) => y0 + ((Math.min(range[1], Math.max(range[0], v)) - range[0]) * (y1 - y0)) /
    (range[1] - range[0]);
  const x = (i) => x0 + ((x1 - x0) * i) / (tries - 1);
  for (const [value, text] of ticks) {
    add(svg, "path", { class: "grid", d: `M${x0} ${y(value)}H${x1}` });
    add(svg, "text", { x: x0 - 7, y: y(value) + 4, "text-anchor": "end" }, text);
  }
  if (line !== undefined) add(svg, "path", { class: "truth", d: `M${x0} ${y(line)}H${x1}` });
  const lines = names.map((_, m) => add(svg, "path", { class: `line m${m}` }));
  const dots = names.map((_, m) => add(svg, "circle", { class: `dot m${m}`, r: 4.5 }));
  let drawn = null;
  return (version, past, now) => {
    if (version !== drawn) {
      drawn = version;
      lines.forEach((path, m) => path.setAttribute("d",
        past.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(v[m]).toFixed(1)}`).join("")));
    }
    dots.forEach((dot, m) => put(dot, { cx: x(Math.max(0, past.length - 1)), cy: y(now[m]) }));
  };
}

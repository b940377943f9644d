// A surface around a center, in three dimensions, with sticks and balls among its triangles.

function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
}

// What sphere_mesh.py packed: points as a camera sees them, and triangles of their indices.
function sphere({ points, faces }, camera) {
  const q = new Int8Array(bytes(points));
  const corners = new Uint16Array(bytes(faces));
  return {
    directions: Array.from({ length: q.length / 3 }, (_, v) => {
      const p = q.subarray(3 * v, 3 * v + 3);
      return apply(camera, [...p].map((x) => x / Math.hypot(...p)));
    }),
    faces: Array.from({ length: corners.length / 3 }, (_, f) => corners.subarray(3 * f, 3 * f + 3)),
  };
}

// The palette as numbers for a canvas, read anew after forget(), as when the theme changes.
function paletteOf(root, canvas) {
  const probe = canvas.getContext("2d");
  let colors = null;
  const one = (name) => {
    probe.fillStyle = getComputedStyle(root).getPropertyValue(`--eq-${name}`).trim();
    const digits = parseInt(probe.fillStyle.slice(1), 16);
    return [name, [16, 8, 0].map((shift) => ((digits >> shift) & 255) / 255)];
  };
  return {
    read: () => (colors ??= Object.fromEntries(["paper", "muted", "blue", "orange", "ink"].map(one))),
    forget: () => { colors = null; },
  };
}

// A surface around the center: painter's algorithm on a canvas, lit from the upper left.
// Returns draw(radii, tints, things): tints from -1 to 1, things are sticks and balls among it.
function surface(canvas, { directions, faces, reach, palette }) {
  const size = canvas.width;
  const ctx = canvas.getContext("2d");
  const scale = size / 2 / reach;
  const place = (p) => [size / 2 + scale * p[0], size / 2 - scale * p[1]];
  const css = (c) => `color(srgb ${c.map((x) => x.toFixed(3)).join(" ")})`;
  const mix = (a, b, t) => a.map((x, d) => x + t * (b[d] - x));
  return (radii, tints, things) => {
    const { paper, muted, blue, orange, ink } = palette();
    const neutral = mix(paper, muted, 0.45);
    const at = directions.map((p, v) => p.map((x) => x * radii[v]));
    const items = things.map((thing) => ({ ...thing, depth: thing.at[2] }));
    for (const [i, j, k] of faces) {
      const [a, b, c] = [at[i], at[j], at[k]];
      const [u, w] = [b.map((x, d) => x - a[d]), c.map((x, d) => x - a[d])];
      const n = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]];
      if (n[2] <= 0) continue; // it faces away
      const light = (-0.4 * n[0] + 0.55 * n[1] + 0.73 * n[2]) / (Math.hypot(...n) || 1);
      const tint = Math.max(-1, Math.min(1, (tints[i] + tints[j] + tints[k]) / 3));
      const base = mix(neutral, tint > 0 ? orange : blue, Math.abs(tint) ** 0.7);
      const color = css(base.map((x) => x * (0.62 + 0.38 * Math.max(0, light))));
      items.push({ face: [a, b, c], color, depth: (a[2] + b[2] + c[2]) / 3 });
    }
    items.sort((a, b) => a.depth - b.depth);
    ctx.clearRect(0, 0, size, size);
    ctx.lineJoin = "round";
    for (const { face, color, from, to, width, ball, dash, text } of items) {
      ctx.beginPath();
      ctx.setLineDash(dash ? [7, 6] : []);
      if (face) {
        face.map(place).forEach(([x, y], v) => (v ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
        ctx.closePath();
        ctx.fillStyle = ctx.strokeStyle = color;
        ctx.lineWidth = 0.8; // so that no seams show between triangles
        ctx.fill();
        ctx.stroke();
      } else if (ball) {
        ctx.arc(...place(ball), width, 0, 7);
        [ctx.fillStyle, ctx.strokeStyle, ctx.lineWidth] = [css(ink), css(paper), 2];
        ctx.fill();
        ctx.stroke();
      } else if (text) {
        [ctx.fillStyle, ctx.font] = [css(muted), "italic 22px system-ui, sans-serif"];
        ctx.fillText(text, ...place(to));
      } else {
        [from, to].map(place).forEach(([x, y], v) => (v ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
        [ctx.strokeStyle, ctx.lineWidth] = [css(muted), width];
        ctx.stroke();
      }
    }
  };
}

// Draws each Plotly figure when it comes near the screen, in the colors of the reader's theme.
(() => {
  "use strict";
  const figures = [...document.querySelectorAll(".plotly-figure")];
  if (!figures.length) return;

  const library = new URL("vendor/plotly.min.js", document.currentScript.src);
  let loading;
  const load = () => (loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = library;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("Plotly did not load"));
    document.head.append(script);
  }));

  const isDark = () => document.documentElement.dataset.theme === "dark";
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The palette's colors have partners on dark paper; all else that plotly draws by default is
  // given in its template, so that whatever the figure itself says goes first.
  function themed(text) {
    const spec = JSON.parse(text);
    const colors = isDark() ? spec.palette : {};
    const { data, layout } = JSON.parse(
      JSON.stringify({ data: spec.data, layout: spec.layout })
        .replace(/#[0-9a-f]{6}\b/gi, (color) => colors[color.toLowerCase()] ?? color));
    const line = css("--course-grid");
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: css("--course-muted") };
    const solid = { ...axis, backgroundcolor: "rgba(0,0,0,0)", showbackground: false };
    const base = layout.template?.layout ?? {};
    layout.template = {
      ...layout.template,
      layout: {
        ...base,
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        margin: { l: 55, r: 15, t: 35, b: 50 },
        font: { ...base.font, color: css("--pst-color-text-base") },
        xaxis: { ...base.xaxis, ...axis },
        yaxis: { ...base.yaxis, ...axis },
        scene: { xaxis: solid, yaxis: solid, zaxis: solid },
      },
    };
    delete layout.width; // the column's width is the width
    return [data, { ...layout, autosize: true }];
  }

  async function draw(figure) {
    const canvas = figure.querySelector(".plotly-canvas");
    const text = figure.querySelector("script").textContent;
    const config = { displayModeBar: false, responsive: true, scrollZoom: false };
    try {
      const plotly = await load();
      figure.dataset.drawing = ""; // gives the canvas its size, which plotly measures
      await plotly.react(canvas, ...themed(text), config);
      figure.dataset.drawn = isDark() ? "dark" : "light";
    } catch (error) {
      console.error(error); // the fallback picture stays
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "400px" });
  figures.forEach((figure) => seen.observe(figure));

  new MutationObserver(() => figures.filter((f) => f.dataset.drawn).forEach(draw))
    .observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();

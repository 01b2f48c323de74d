"use strict";

// The charts. Each function returns a figure of Observable Plot for what it is
// given; none keeps state.

const ink = () => getComputedStyle(document.documentElement);
const dark = () => ink().getPropertyValue("--scheme").trim() === "dark";

// Ten colours that people with colour blindness tell apart.
const palette = () => [dark() ? "#7c9cf5" : "#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0"];

// colourOf gives each name a colour; beyond the palette they repeat.
const colourOf = (names) => {
  const at = new Map(names.map((name, i) => [name, i]));
  return (name) => palette()[at.get(name) % palette().length];
};

function figure(options) {
  return Plot.plot({ style: { background: "transparent", fontSize: "12px" }, ...options });
}

// hover shows a tip at the nearest mark.
const hover = (options) => Plot.pointer({ ...options, maxRadius: 30, lineHeight: 1.25 });

// diverging is a colour for 0..1 whose middle is the paper of the scheme.
function diverging(t) {
  const paper = dark() ? "#1b212b" : "#f7f8fa";
  const [low, high] = dark() ? ["#e0664f", "#4f8fe8"] : ["#c8442f", "#2a66c8"];
  return t < 0.5 ? d3.interpolateLab(low, paper)(t * 2) : d3.interpolateLab(paper, high)(t * 2 - 1);
}

const sequential = (t) => (dark() ? d3.interpolateViridis(0.1 + 0.85 * t) : d3.interpolateYlGnBu(0.05 + 0.85 * t));

// absent is the colour of a cell without a value.
const absent = () => (dark() ? "#2a3240" : "#e6e8ee");

// readable is black or white, whichever stands out from a colour.
const readable = (colour) => (d3.lab(colour).l > 60 ? "#10131a" : "#ffffff");

// scatterFigure shows points {x, y, colour, title, hollow}, and behind them
// the published ones.
function scatterFigure(points, background, x, y, width) {
  const name = (axis) => `${heading(axis.name)}${axis.lower ? " (lower is better)" : ""}`;
  return figure({
    width, height: Math.max(300, Math.min(520, width * 0.62)), grid: true, marginLeft: 56, marginRight: 24, marginBottom: 44, inset: 16,
    x: { label: name(x), nice: true },
    y: { label: name(y), nice: true },
    marks: [
      Plot.dot(background, { x: "x", y: "y", r: 2.5, fill: "currentColor", fillOpacity: 0.22, className: "published" }),
      Plot.dot(points, { x: "x", y: "y", r: 6, fill: (p) => (p.hollow ? "var(--card)" : p.colour), stroke: "colour", strokeWidth: 2, className: "model" }),
      nameMarks(points, background),
      Plot.tip(background.concat(points), hover({ x: "x", y: "y", title: "title" })),
    ],
  });
}

// nameMarks writes the names of a few points beside them, to the side that has
// room, unless another name is there.
function nameMarks(points, background) {
  if (points.length > 12) return null;
  const [[left, right], [low, high]] = ["x", "y"].map((axis) => d3.extent(points.concat(background), (p) => p[axis]));
  const named = [];
  for (const p of points) {
    const close = (o) => Math.abs(o.x - p.x) < 0.15 * (right - left) && Math.abs(o.y - p.y) < 0.04 * (high - low);
    if (!named.some(close)) named.push(p);
  }
  const options = { x: "x", y: "y", text: "name", fill: "currentColor", stroke: "var(--card)", strokeWidth: 4 };
  const middle = (left + right) / 2;
  return [
    Plot.text(named, { ...options, filter: (p) => p.x <= middle, dx: 10, textAnchor: "start" }),
    Plot.text(named, { ...options, filter: (p) => p.x > middle, dx: -10, textAnchor: "end" }),
  ];
}

// profileFigure draws one line for each model over the dimensions: a parallel
// plot of z.
function profileFigure(lines, dimensions, width) {
  const flat = lines.flatMap((l) => l.points.map((p) => ({ ...p, model: l.name, key: l.key, colour: l.colour })));
  const narrow = width < 640;
  const position = narrow ? { y: "dimension", x: "z" } : { x: "dimension", y: "z" };
  const band = { domain: dimensions.map((d) => d.name), label: null, tickFormat: (d) => words(d).replace(" ", "\n") };
  const scale = { label: "standardised value (better →)", grid: true, nice: true };
  return figure({
    width, height: narrow ? 420 : 380, marginLeft: narrow ? 96 : 52, marginBottom: 48, inset: 6,
    ...(narrow ? { y: band, x: scale } : { x: band, y: { ...scale, label: "standardised value (↑ better)" } }),
    marks: [
      narrow ? Plot.ruleX([0], { strokeOpacity: 0.5, strokeDasharray: "4,3" }) : Plot.ruleY([0], { strokeOpacity: 0.5, strokeDasharray: "4,3" }),
      Plot.line(flat, { ...position, z: "key", stroke: "colour", strokeWidth: 2, strokeOpacity: 0.85 }),
      Plot.dot(flat, { ...position, fill: "colour", r: 4 }),
      Plot.tip(flat, hover({ ...position, title: (p) => `${p.model}\n${words(p.dimension)} ${brief(p.value)} (z ${signed(p.z)})` })),
    ],
  });
}

// contributionFigure stacks what each dimension adds to a score.
function contributionFigure(bars, dimensions, width) {
  const colour = colourOf(dimensions.map((d) => d.name));
  const rows = new Map(bars.map((b) => [b.key, b]));
  return figure({
    width, height: 34 * bars.length + 60, marginLeft: Math.min(190, width * 0.34), marginRight: 20, marginBottom: 36,
    x: { label: "contribution to QUBA", grid: true, nice: true },
    y: { domain: [...rows.keys()], label: null, tickFormat: (key) => clipped(rows.get(key).name, width < 640 ? 16 : 26) },
    marks: [
      Plot.barX(bars.flatMap((b) => b.parts), { x: "share", y: "key", fill: (p) => colour(p.dimension), fillOpacity: 0.9, inset: 1,
        title: (p) => `${p.model}\n${words(p.dimension)} ${brief(p.value)}\nz ${signed(p.z)}, adds ${signed(p.share)}`, tip: true }),
      Plot.ruleX([0]),
      Plot.tickX(bars, { x: "quba", y: "key", stroke: "currentColor", strokeWidth: 3 }),
    ],
  });
}

const clipped = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);

// gridFigure is a heat map of cells {x, y, value, title}; scale says how a
// value becomes a colour and text.
function gridFigure(cells, { columns, rows, colour, text, width, marginLeft, marginTop = 30, cellHeight = 26, xTicks, yTicks, xRotate = 0, fontSize = 12 }) {
  return figure({
    style: { background: "transparent", fontSize: `${fontSize}px` }, width, height: rows.length * cellHeight + marginTop + 10, marginLeft, marginTop, marginRight: 6, marginBottom: 6,
    x: { domain: columns, axis: "top", label: null, tickSize: 0, tickFormat: xTicks, tickRotate: xRotate },
    y: { domain: rows, label: null, tickSize: 0, tickFormat: yTicks },
    marks: [
      Plot.cell(cells, { x: "x", y: "y", fill: (c) => colour(c.value), inset: 1, rx: 3, title: "title", tip: true }),
      Plot.text(cells, { x: "x", y: "y", text: (c) => text(c.value), fill: (c) => readable(colour(c.value)), fontSize: fontSize - 1, pointerEvents: "none" }),
    ],
  });
}

// reliabilityFigure shows the accuracy of each bin of confidence; the area of
// a dot grows with its count. A calibrated model lies on the diagonal.
function reliabilityFigure(series, width) {
  const side = Math.min(width, 560);
  return figure({
    width: side, height: side * 0.86, grid: true, marginLeft: 48, marginBottom: 42, inset: 8,
    x: { domain: [0, 1], label: "mean confidence of the bin" },
    y: { domain: [0, 1], label: "accuracy of the bin" },
    r: { range: [2, 14] },
    marks: [
      Plot.line([[0, 0], [1, 1]], { strokeDasharray: "4,4", strokeOpacity: 0.6 }),
      series.map((s) => [
        Plot.line(s.bins, { x: "confidence", y: "accuracy", stroke: s.colour, strokeWidth: 2, strokeOpacity: 0.7 }),
        Plot.dot(s.bins, { x: "confidence", y: "accuracy", r: "count", fill: s.colour, fillOpacity: 0.55, stroke: s.colour }),
      ]),
      Plot.tip(series.flatMap((s) => s.bins), hover({ x: "confidence", y: "accuracy", title: "title" })),
    ],
  });
}

// shapeFigure puts the shape bias of models by category beside that of people.
function shapeFigure(points, humans, categories, width) {
  return figure({
    width, height: 24 * categories.length + 60, marginLeft: 92, marginBottom: 40,
    x: { domain: [0, 1], label: "shape bias (0 texture, 1 shape)", grid: true },
    y: { domain: categories, label: null, tickFormat: words },
    marks: [
      Plot.tickX(humans, { x: "value", y: "category", stroke: "currentColor", strokeWidth: 2.5, insetTop: 3, insetBottom: 3 }),
      Plot.ruleY(categories, { strokeOpacity: 0.1 }),
      Plot.dot(points, { x: "value", y: "category", fill: "colour", r: 5, fillOpacity: 0.85 }),
      Plot.tip(points.concat(humans), hover({ x: "value", y: "category", title: "title" })),
    ],
  });
}

// attackFigure draws accuracy under attack, relative to before, against eps.
function attackFigure(points, width) {
  return figure({
    width, height: 340, grid: true, marginLeft: 48, marginBottom: 42, inset: 6,
    x: { type: "sqrt", label: "eps / 255" },
    y: { domain: [0, 1], label: "accuracy after / before" },
    marks: [
      Plot.line(points, { x: "eps", y: "ratio", z: "key", stroke: "colour", strokeDasharray: "dash", strokeWidth: 2 }),
      Plot.dot(points, { x: "eps", y: "ratio", fill: "colour", r: 4 }),
      Plot.tip(points, hover({ x: "eps", y: "ratio", title: "title" })),
    ],
  });
}

"use strict";

// The page: its state, the ranking table with its controls, and the sections.

function startPage(data) {
  const names = modelNames(data.models);
  const colour = colourOf(data.models.map((_, i) => i));
  const quantities = [...data.dimensions, ...data.extras.map((name) => ({ name, lower: false }))]
    .filter((d) => data.models.some((m) => d.name in m.values));
  const state = {
    weights: Object.fromEntries(data.dimensions.map((d) => [d.name, d.weight])),
    allowPartial: data.allow_partial,
    query: "",
    group: "", // the label that colours and filters
    hidden: new Set(), // values of that label
    sort: { by: "rank", down: false },
    x: quantities[0]?.name,
    y: (quantities[1] ?? quantities[0])?.name,
    excludeDamaged: data.published?.excluded ?? false,
    chosen: new Set(), // indexes of the models in profiles and other figures
  };
  // The z of any value, among all models that have one.
  const inCohort = data.normalization === "cohort";
  const scales = new Map(data.dimensions.map((d) => [d.name, scaleOf(d, data.models.flatMap((m) => m.values[d.name]?.value ?? []), data.normalization)]));
  const z = (d, value) => standardised(d, value, scales.get(d.name));
  let ranking = rankModels(data.models, data.dimensions, state.weights, state.allowPartial, data.normalization);
  for (const entry of ranking.entries.slice(0, 6)) state.chosen.add(entry.index);

  const page = {
    data, names, colour, chosen: state.chosen,
    allowPartial: () => state.allowPartial,
    width: (section) => Math.max(280, section.querySelector(".figure").clientWidth),
    legend: (section, indexes, extra) => replaceChildren(section.querySelector(".legend"),
      indexes.map((i) => swatch(colour(i), names[i])), extra ? element("span", { textContent: extra }) : null),
  };

  // Groups are labels that split the models into a few parts.
  const groups = labelsThatGroup(data.models);
  const groupOf = (model) => model.labels?.[state.group] ?? "not given";
  const groupValues = () => [...new Set(data.models.map(groupOf))].sort();
  const visible = (model) => model.name.toLowerCase().includes(state.query) && !(state.group && state.hidden.has(groupOf(model)));
  const groupColour = () => colourOf(groupValues());
  const pointColour = (index) => (state.group ? groupColour()(groupOf(data.models[index])) : data.models.length <= 10 ? colour(index) : palette()[0]);

  // Ranking

  const sliders = new Map();

  const most = Math.max(2, ...data.dimensions.map((d) => d.weight), ...data.presets.flatMap((p) => Object.values(p.weights)));

  function weightControls() {
    const rows = data.dimensions.map((d) => {
      const number = element("output", { textContent: d.weight.toFixed(2) });
      const slider = element("input", { type: "range", min: "0", max: String(most), step: "any", id: `weight-${d.name}`, oninput: () => setWeight(d.name, Number(slider.value)) });
      slider.value = String(d.weight);
      sliders.set(d.name, { slider, number });
      const absent = data.models.every((m) => !(d.name in m.values));
      return element("label", { className: absent ? "absent" : "", title: d.doc + (absent ? "; no model has it" : "") }, element("span", { textContent: heading(d.name) }), slider, number);
    });
    const buttons = data.presets.map((p) => element("button", { type: "button", textContent: heading(p.name).replaceAll("-", " "), title: p.doc, onclick: () => setWeights(p.weights) }));
    const partial = element("input", { type: "checkbox", id: "allow-partial", checked: state.allowPartial, onchange: () => { state.allowPartial = partial.checked; rerank(); drawSection("scenarios"); } });
    replaceChildren(byId("weights"), element("div", { className: "sliders" }, rows),
      element("p", { className: "buttons" }, element("span", { textContent: "Weights for" }), buttons, element("label", {}, partial, element("span", { textContent: "rank incomplete models by what all have" }))));
  }

  function setWeight(name, weight) {
    state.weights[name] = weight;
    sliders.get(name).number.textContent = weight.toFixed(2);
    rerank();
  }

  function setWeights(weights) {
    for (const [name, { slider, number }] of sliders) {
      state.weights[name] = weights[name] ?? 0;
      slider.value = String(state.weights[name]);
      number.textContent = state.weights[name].toFixed(2);
    }
    rerank();
  }

  function rerank() {
    ranking = rankModels(data.models, data.dimensions, state.weights, state.allowPartial, data.normalization);
    soon(() => {
      drawOrder();
      drawContributions();
    });
  }

  // soon draws once before the next frame, however often weights move until then.
  let waiting = false;
  function soon(draw) {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  function filterControls() {
    const search = element("input", { type: "search", id: "search", placeholder: "part of a name", oninput: () => { state.query = search.value.trim().toLowerCase(); drawFiltered(); } });
    const values = element("div", { className: "groups" });
    const showValues = () => replaceChildren(values, state.group === "" ? null : groupValues().map((value) => {
      const box = element("input", { type: "checkbox", checked: !state.hidden.has(value), onchange: () => { state.hidden[box.checked ? "delete" : "add"](value); drawFiltered(); } });
      return element("label", { className: "group" }, box, swatch(groupColour()(value), value));
    }));
    const options = [["", "nothing"], ...groups.map((g) => [g, words(g)])];
    const group = groups.length ? select("Group by", options, state.group, (value) => { state.group = value; state.hidden.clear(); showValues(); drawFiltered(); }) : null;
    replaceChildren(byId("filters"), element("label", {}, element("span", { textContent: "Find" }), search), group, values);
  }

  function drawFiltered() {
    drawOrder();
    drawContributions();
    drawScatter();
  }

  function shownEntries() {
    const shown = ranking.entries.filter((e) => visible(e.model));
    const { by, down } = state.sort;
    if (by === "rank") return down ? shown.reverse() : shown;
    const key = (e) => (by === "model" ? e.model.name : e.model.values[by]?.value);
    return d3.sort(shown, (a, b) => (down ? d3.descending : d3.ascending)(key(a), key(b)));
  }

  function drawOrder() {
    const shown = shownEntries();
    const scores = ranking.entries.filter((e) => e.quba !== null).map((e) => e.quba);
    const [low, high] = [Math.min(0, ...scores), Math.max(0, ...scores)];
    const columns = [sortButton("rank", "Rank"), sortButton("model", "Model"), "QUBA", ...quantities.map((d) => sortButton(d.name, heading(d.name)))];
    const rows = shown.map((e) => [rankCell(e), nameCell(e), scoreCell(e, low, high), ...valueCells(e)]);
    fillTable(byId("order"), columns, rows);
    byId("order-note").textContent = orderNote(shown.length);
  }

  function orderNote(shown) {
    const parts = [];
    if (!ranking.used.length) parts.push("No dimension has a weight, so there is no score.");
    else if (ranking.entries.every((e) => e.quba === null)) parts.push("No model has every weighted dimension in full, so none is ranked.");
    else if (state.allowPartial && ranking.used.length < data.dimensions.filter((d) => state.weights[d.name] > 0).length) parts.push(`Ranked only by ${ranking.used.map((d) => words(d.name)).join(", ")}: not every model has the others.`);
    if (uncertain.size && !asStarted()) parts.push("Rank sets and intervals of the score are of other weights and left out.");
    if (shown < data.models.length) parts.push(`${shown} of ${data.models.length} models are shown; ranks are among all.`);
    return parts.join(" ");
  }

  function sortButton(by, text) {
    const mark = state.sort.by === by ? (state.sort.down ? " ↓" : " ↑") : "";
    return element("button", { type: "button", className: "sort", textContent: text + mark, onclick: () => {
      state.sort = { by, down: state.sort.by === by ? !state.sort.down : by !== "rank" && by !== "model" };
      drawOrder();
    } });
  }

  // The rank sets and the interval of the score hold for the weights that the
  // page starts with.
  const uncertain = new Map((data.uncertainty?.models ?? []).map((m) => [m.model, m]));
  const asStarted = () => state.allowPartial === data.allow_partial && data.dimensions.every((d) => state.weights[d.name] === d.weight);
  const range = (bounds, text, separator = ", ") => (bounds ? element("span", { className: "interval", textContent: `[${bounds.map(text).join(separator)}]` }) : null);

  function rankCell(e) {
    const set = asStarted() ? range(uncertain.get(e.index)?.ranks, String, "–") : null;
    return element("td", { className: "number rank" }, e.rank === null ? "–" : `${e.rank}${e.tied ? "=" : ""}`, set);
  }

  function nameCell(e) {
    const box = element("input", { type: "checkbox", className: "screen", checked: state.chosen.has(e.index), title: "show in profiles, shape bias and attacks", onchange: () => choose(e.index, box.checked) });
    box.setAttribute("aria-label", `choose ${names[e.index]}`);
    const lacking = [e.missing.length ? `without ${e.missing.map(words).join(", ")}` : "", e.incomplete.length ? `incomplete: ${e.incomplete.map(words).join(", ")}` : ""].filter(Boolean).join("; ");
    return element("th", { scope: "row", className: "name" }, element("label", {}, box, element("span", {}, breakable(names[e.index]))),
      lacking ? element("span", { className: "lacking", textContent: lacking }) : null);
  }

  function scoreCell(e, low, high) {
    if (e.quba === null) return element("td", { className: "number", textContent: "–" });
    const bar = element("span", { className: "bar" });
    const span = high - low || 1;
    bar.style.left = `${(100 * (Math.min(0, e.quba) - low)) / span}%`;
    bar.style.width = `${(100 * Math.abs(e.quba)) / span}%`;
    bar.classList.toggle("below", e.quba < 0);
    const td = element("td", { className: "number score", title: String(e.quba) }, element("span", { className: "track" }, bar), element("span", { textContent: minus(e.quba.toFixed(4)) }),
      asStarted() ? range(uncertain.get(e.index)?.quba, (v) => minus(v.toFixed(2))) : null);
    td.dataset.quba = String(e.quba);
    td.dataset.model = String(e.index);
    return td;
  }

  // The cells of values stay the same whatever the weights.
  const cellsOf = new Map();
  function valueCells(e) {
    if (!cellsOf.has(e.index)) cellsOf.set(e.index, quantities.map((d) => valueCell(e, d)));
    return cellsOf.get(e.index);
  }

  function valueCell(e, d) {
    const v = e.model.values[d.name];
    if (!v) return element("td", { className: "number", textContent: "–" });
    const about = [String(v.value), v.n ? `${v.n} samples` : "", d.std ? `z ${signed(z(d, v.value))}` : "", ...(v.notes ?? [])].filter(Boolean);
    return element("td", { className: "number", title: about.join("\n") }, brief(v.value) + (v.partial ? "*" : ""), range(uncertain.get(e.index)?.intervals[d.name], brief));
  }

  function choose(index, chosen) {
    state.chosen[chosen ? "add" : "delete"](index);
    drawChosen();
  }

  // Contributions, scatter, profiles

  function drawContributions() {
    const section = byId("contributions");
    const entries = ranking.entries.filter((e) => e.quba !== null && visible(e.model)).slice(0, 20);
    section.hidden = entries.length === 0;
    if (section.hidden) return;
    const bars = entries.map((e) => ({
      key: String(e.index), name: names[e.index], quba: e.quba,
      parts: ranking.used.map((d) => ({ key: String(e.index), model: names[e.index], dimension: d.name, value: e.model.values[d.name].value, z: e.z[d.name], share: (state.weights[d.name] * e.z[d.name]) / ranking.total })),
    }));
    const colours = colourOf(data.dimensions.map((d) => d.name));
    replaceChildren(section.querySelector(".figure"), contributionFigure(bars, data.dimensions, page.width(section)),
      element("p", { className: "legend" }, ranking.used.map((d) => swatch(colours(d.name), heading(d.name))), element("span", { textContent: "┃ the score" })));
  }

  function scatterControls() {
    const options = quantities.map((d) => [d.name, heading(d.name)]);
    const damaged = element("input", { type: "checkbox", id: "exclude-damaged", checked: state.excludeDamaged, onchange: () => { state.excludeDamaged = damaged.checked; drawScatter(); } });
    replaceChildren(byId("scatter").querySelector(".controls"),
      select("Across", options, state.x, (v) => { state.x = v; drawScatter(); }),
      select("Up", options, state.y, (v) => { state.y = v; drawScatter(); }),
      data.published ? element("label", {}, damaged, element("span", { textContent: "leave out published rows that look damaged" })) : null);
  }

  function drawScatter() {
    const section = byId("scatter");
    const [x, y] = [state.x, state.y].map((name) => quantities.find((d) => d.name === name));
    section.hidden = !x;
    if (section.hidden) return;
    const points = data.models.flatMap((m, i) => (visible(m) && x.name in m.values && y.name in m.values ? [{
      x: m.values[x.name].value, y: m.values[y.name].value, name: clipped(names[i], 22), colour: pointColour(i), hollow: Boolean(m.values[x.name].partial || m.values[y.name].partial),
      title: [names[i], ...[x, y].map((d) => `${words(d.name)} ${brief(m.values[d.name].value)}${m.values[d.name].partial ? " (incomplete)" : ""}`), state.group ? `${words(state.group)} ${groupOf(m)}` : ""].filter(Boolean).join("\n"),
    }] : []));
    replaceChildren(section.querySelector(".figure"), scatterFigure(points, publishedPoints(x, y), x, y, page.width(section)));
    replaceChildren(section.querySelector(".legend"), state.group ? groupValues().filter((v) => !state.hidden.has(v)).map((v) => swatch(groupColour()(v), v)) : null,
      points.some((p) => p.hollow) ? element("span", { textContent: "○ incomplete" }) : null, data.published ? element("span", { textContent: "• grey: published models" }) : null);
  }

  function publishedPoints(x, y) {
    const [i, j] = [x, y].map((d) => data.dimensions.findIndex((other) => other.name === d.name));
    if (!data.published || i < 0 || j < 0) return [];
    const { names: rows, values, damaged } = data.published;
    return d3.range(rows.length).filter((r) => !(state.excludeDamaged && damaged[r])).map((r) => ({
      x: values[r][i], y: values[r][j], title: `${rows[r]} (published${damaged[r] ? ", looks damaged" : ""})\n${words(x.name)} ${brief(values[r][i])}\n${words(y.name)} ${brief(values[r][j])}`,
    }));
  }

  function drawProfile() {
    const section = byId("profile");
    const dimensions = data.dimensions.filter((d) => quantities.includes(d));
    const lines = [...state.chosen].map((i) => ({
      name: names[i], key: String(i), colour: colour(i),
      points: dimensions.flatMap((d) => (d.name in data.models[i].values ? [{ dimension: d.name, value: data.models[i].values[d.name].value, z: z(d, data.models[i].values[d.name].value) }] : [])),
    }));
    section.hidden = dimensions.length < 2;
    if (section.hidden) return;
    const others = data.models.map((_, i) => i).filter((i) => !state.chosen.has(i));
    replaceChildren(section.querySelector(".controls"), others.length ? select("Add", [["", "a model"], ...others.map((i) => [String(i), names[i]])], "", (i) => { if (i !== "") { choose(Number(i), true); drawOrder(); } }) : null);
    replaceChildren(section.querySelector(".figure"), profileFigure(lines, dimensions, page.width(section)));
    replaceChildren(section.querySelector(".legend"), lines.map((l) => element("button", { type: "button", className: "chip", title: "take it out", onclick: () => { choose(Number(l.key), false); drawOrder(); } }, swatch(l.colour, l.name), element("span", { textContent: "×", className: "screen" }))));
  }

  // The rest

  const sections = Object.entries({
    scenarios: scenariosSection, acceptability: acceptabilitySection, correlation: correlationSection, corruptions: corruptionsSection, reliability: reliabilitySection,
    shape: shapeSection, attacks: attacksSection, classes: classesSection, parts: partsSection,
  }).map(([id, make]) => {
    const draw = make(page, byId(id));
    byId(id).hidden = draw === null;
    return { id, draw };
  }).filter((s) => s.draw);

  const drawSection = (id) => sections.find((s) => s.id === id)?.draw();

  function drawChosen() {
    drawProfile();
    drawSection("shape");
    drawSection("attacks");
  }

  function drawAll() {
    drawOrder();
    drawContributions();
    drawScatter();
    drawProfile();
    for (const s of sections) s.draw();
  }

  function methods() {
    const list = [["QUBA", `weighted mean of z = (value − mean) / standard deviation, with ${inCohort ? "mean and sample standard deviation of the ranked models" : "the frozen constants of the published score"}; the sign of dimensions where lower is better is changed. A model without every weighted dimension has no score unless incomplete models are allowed.`]];
    if (data.uncertainty) list.push(["Brackets", `${100 * data.uncertainty.level} % intervals of values and scores, and sets of ranks that hold for all models together (Mogstad, Romano, Shaikh and Wilhelm 2023), from ${brief(data.uncertainty.draws)} bootstrap draws of the images, the same for all models.`]);
    return list.concat(data.dimensions.map((d) => [heading(d.name), `${d.doc}; ${d.lower ? "lower" : "higher"} is better${inCohort ? "" : `; mean ${d.mean}, standard deviation ${d.std}`}`]));
  }

  function aboutModels() {
    fillTable(byId("model-facts"), ["Model", "sha256", "From", "Facts"], data.models.map((m, i) => [names[i], element("td", { className: "code", textContent: m.sha256 ?? "" }), m.source,
      Object.entries(m.labels ?? {}).map(([k, v]) => `${words(k)}: ${v}`).join("; ")]));
    replaceChildren(byId("methods"),
      methods().map(([term, text]) => element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: text }))));
  }

  function outline() {
    replaceChildren(document.querySelector("nav"), [...document.querySelectorAll("main section")].filter((s) => !s.hidden)
      .map((s) => element("a", { href: `#${s.id}`, textContent: heading(s.id), title: s.querySelector("h2").textContent })));
  }

  // pairHalves makes the last of an odd run of narrow sections wide.
  function pairHalves() {
    let run = [];
    const end = () => {
      run.forEach((s, i) => s.classList.toggle("alone", i === run.length - 1 && run.length % 2 === 1));
      run = [];
    };
    for (const section of document.querySelectorAll("main section")) {
      if (section.hidden) continue;
      if (section.classList.contains("half")) run.push(section);
      else end();
    }
    end();
  }

  byId("summary").textContent = [`${data.models.length} model${data.models.length === 1 ? "" : "s"}`, `${quantities.length} measured quantities`, data.protocol ? `protocol ${data.protocol}` : ""].filter(Boolean).join(" · ");
  const caveats = [...new Set([...data.notes, ...(data.uncertainty?.notes ?? [])])];
  replaceChildren(byId("caveats").querySelector("ul"), caveats.map((n) => element("li", { textContent: n })));
  byId("caveats").hidden = caveats.length === 0;
  if (caveats.length) byId("summary").append(" · ", element("a", { href: "#caveats", className: "caveat", textContent: `${caveats.length} caveat${caveats.length === 1 ? "" : "s"}` }));
  byId("zero").textContent = `0 is the mean of the ${inCohort ? "ranked" : "published"} models.`;
  weightControls();
  filterControls();
  scatterControls();
  aboutModels();
  drawAll();
  pairHalves();
  outline();
  drawAll();
  followScheme(drawAll);
  followWidth(drawAll);
}

const minus = (text) => text.replace("-", "−");

const swatch = (colour, text) => {
  const mark = element("span", { className: "swatch" });
  mark.style.background = colour;
  return element("span", { className: "key" }, mark, text);
};

// labelsThatGroup lists the labels that split the models into 2 to 12 parts,
// fewer than there are models.
function labelsThatGroup(models) {
  const keys = new Set(models.flatMap((m) => Object.keys(m.labels ?? {})));
  return [...keys].filter((key) => {
    const parts = new Set(models.map((m) => m.labels?.[key] ?? ""));
    return parts.size >= 2 && parts.size <= 12 && parts.size < models.length;
  }).sort();
}

// followScheme draws again when the colours change, and lets the reader choose
// them.
function followScheme(draw) {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const label = () => (button.textContent = dark() ? "Light" : "Dark");
  const changed = () => { label(); draw(); };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    changed();
  });
  system.addEventListener("change", changed);
  const screen = { theme: undefined };
  addEventListener("beforeprint", () => { screen.theme = document.documentElement.dataset.theme; document.documentElement.dataset.theme = "light"; draw(); });
  addEventListener("afterprint", () => {
    if (screen.theme === undefined) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = screen.theme;
    draw();
  });
  label();
}

// followWidth draws again when the page gets wider or narrower.
function followWidth(draw) {
  let width = document.body.clientWidth;
  new ResizeObserver(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    requestAnimationFrame(draw);
  }).observe(document.body);
}

startPage(JSON.parse(byId("data").textContent));

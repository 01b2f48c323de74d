"use strict";

// The sections that show what the dimensions are made of. Each takes the page:
// { data, colour, chosen, width }.

// columnOf reads a column of a table of details by its name.
const columnOf = (detail, row, name) => row[detail.columns.indexOf(name)] ?? null;

const madeBy = (page, metric) => page.data.details.filter((d) => d.metric === metric);

// modelNames tells models of the same name apart.
function modelNames(models) {
  const counts = d3.rollup(models, (v) => v.length, (m) => m.name);
  return models.map((m, i) => (counts.get(m.name) > 1 ? `${m.name} (${i + 1})` : m.name));
}

const notesOf = (page, details) => [
  ...d3.group(details.flatMap((d) => (d.notes ?? []).map((note) => ({ note, model: page.names[d.model] }))), (n) => n.note),
].map(([note, by]) => (by.length === details.length ? note : `${by.map((n) => n.model).join(", ")}: ${note}`));

// chooser makes a section with a choice of one of the details.
function chooser(page, section, details, draw) {
  const show = (at) => {
    draw(details[at]);
    fillNotes(section.querySelector(".notes"), details[at].notes ?? []);
  };
  const options = details.map((d, i) => [String(i), page.names[d.model] + (d.dimension === d.metric ? "" : `, ${words(d.dimension)}`)]);
  let current = 0;
  replaceChildren(section.querySelector(".controls"), select("Model", options, "0", (at) => show((current = Number(at)))));
  return () => show(current);
}

function corruptionsSection(page, section) {
  const details = madeBy(page, "corruption_robustness").filter((d) => d.columns.includes("severity_1"));
  if (!details.length) return null;
  const severities = ["severity_1", "severity_2", "severity_3", "severity_4", "severity_5"];
  return chooser(page, section, details, (d) => {
    const shown = d.rows.filter((row) => row.slice(1).some((v) => v !== null));
    const cells = shown.flatMap((row) => [...severities, "relative"].map((name) => ({
      x: name, y: row[0], value: columnOf(d, row, name),
      title: `${words(row[0])}, ${words(name)}\n${name === "relative" ? "accuracy relative to clean, mean of the severities" : "accuracy"} ${brief(columnOf(d, row, name)) || "not measured"}`,
    })));
    const width = Math.min(page.width(section), 760);
    replaceChildren(section.querySelector(".figure"), gridFigure(cells, {
      columns: [...severities, "relative"], rows: shown.map((row) => row[0]), width, marginLeft: 128,
      colour: (v) => (v === null ? absent() : sequential(Math.min(1, v))),
      text: (v) => (v === null ? "–" : v.toFixed(2)),
      xTicks: (name) => (name === "relative" ? "relative" : name.replace("severity_", width < 480 ? "" : width < 640 ? "sev. " : "severity ")), yTicks: words,
    }));
  });
}

function reliabilitySection(page, section) {
  const details = madeBy(page, "calibration_error").filter((d) => d.columns.includes("confidence"));
  if (!details.length) return null;
  return chooser(page, section, details, (d) => {
    const name = page.names[d.model];
    const bins = d.rows.filter((row) => columnOf(d, row, "count") > 0).map((row) => {
      const [lower, upper, count, confidence, accuracy] = ["lower", "upper", "count", "confidence", "accuracy"].map((c) => columnOf(d, row, c));
      return { confidence, accuracy, count, title: `${name}\nconfidence ${brief(lower)}–${brief(upper)}: ${count} images\nmean confidence ${brief(confidence)}, accuracy ${brief(accuracy)}` };
    });
    replaceChildren(section.querySelector(".figure"), reliabilityFigure([{ colour: page.colour(d.model), bins }], page.width(section)));
  });
}

function shapeSection(page, section) {
  const details = madeBy(page, "shape_bias").filter((d) => d.columns.includes("human"));
  if (!details.length) return null;
  // label is the category of a part, or null for a part that is of no category.
  const label = (name) => (name === "shape_bias" ? "all categories" : name.startsWith("category/") ? name.slice("category/".length) : null);
  return () => {
    const shown = details.filter((d) => page.chosen.has(d.model));
    const human = new Map(details.flatMap((d) => d.rows.map((row) => [label(row[0]), columnOf(d, row, "human")])));
    const categories = [...human.keys()].filter((category) => category !== null && human.get(category) !== null);
    const points = shown.flatMap((d) => d.rows.filter((row) => categories.includes(label(row[0]))).map((row) => ({
      category: label(row[0]), value: columnOf(d, row, "value"), colour: page.colour(d.model),
      title: `${page.names[d.model]}\n${words(label(row[0]))}: ${brief(columnOf(d, row, "value"))}\npeople: ${brief(columnOf(d, row, "human"))}`,
    })));
    const humans = categories.map((category) => ({ category, value: human.get(category), title: `people\n${words(category)}: ${brief(human.get(category))}` }));
    replaceChildren(section.querySelector(".figure"), shapeFigure(points, humans, categories, Math.min(page.width(section), 820)));
    page.legend(section, shown.map((d) => d.model), "│ people");
    fillNotes(section.querySelector(".notes"), notesOf(page, details));
  };
}

function attacksSection(page, section) {
  const details = madeBy(page, "adversarial_robustness").filter((d) => d.columns.includes("eps"));
  if (!details.length) return null;
  const dashes = new Map();
  const dash = (attack) => dashes.get(attack) ?? dashes.set(attack, ["none", "6,4", "2,3", "8,3,2,3"][dashes.size % 4]).get(attack);
  return () => {
    const shown = details.filter((d) => page.chosen.has(d.model));
    const points = shown.flatMap((d) => d.rows.filter((row) => columnOf(d, row, "attack") !== "pgd_l2").map((row) => {
      const attack = columnOf(d, row, "attack");
      return {
        eps: columnOf(d, row, "eps"), ratio: columnOf(d, row, "ratio"), colour: page.colour(d.model), key: `${d.model} ${attack}`, dash: dash(attack),
        title: `${page.names[d.model]}\n${words(attack)}, eps ${columnOf(d, row, "eps")}/255\n${brief(columnOf(d, row, "before"))} before, ${brief(columnOf(d, row, "after"))} after`,
      };
    }));
    replaceChildren(section.querySelector(".figure"), attackFigure(points, page.width(section)));
    page.legend(section, shown.map((d) => d.model));
    fillNotes(section.querySelector(".notes"), notesOf(page, details));
  };
}

function classesSection(page, section) {
  const details = page.data.details.filter((d) => d.dimension === "accuracy" && d.columns.includes("class"));
  if (!details.length) return null;
  return chooser(page, section, details, (d) => fillTable(section.querySelector("table"), d.columns.map(words), d.rows));
}

function partsSection(page, section) {
  const details = page.data.details;
  if (!details.length) return null;
  const table = section.querySelector("table");
  let chosen = { model: details[0].model, dimension: details[0].dimension };
  const draw = () => {
    const own = details.filter((d) => d.model === chosen.model);
    const d = own.find((o) => o.dimension === chosen.dimension) ?? own[0];
    replaceChildren(section.querySelector(".controls"),
      select("Model", [...new Set(details.map((o) => o.model))].map((m) => [String(m), page.names[m]]), String(chosen.model), (m) => { chosen = { ...chosen, model: Number(m) }; draw(); }),
      select("Dimension", own.map((o) => [o.dimension, heading(o.dimension)]), d.dimension, (dimension) => { chosen = { ...chosen, dimension }; draw(); }));
    const value = page.data.models[d.model].values[d.dimension];
    section.querySelector(".lead").textContent = [`${heading(d.dimension)} ${brief(value.value)}`, ...(d.rest ?? []).map((p) => `${words(p.name)} ${brief(p.value)}`)].join(", ");
    fillTable(table, d.columns.map(words), d.rows);
    fillNotes(section.querySelector(".notes"), d.notes ?? []);
  };
  return draw;
}

function correlationSection(page, section) {
  const matrix = page.data.correlation;
  if (!matrix || matrix.dimensions.length < 2) return null;
  const names = matrix.dimensions;
  const pairs = new Map(matrix.pairs.flatMap((p) => [[`${p.a} ${p.b}`, p], [`${p.b} ${p.a}`, p]]));
  return () => {
    const cells = names.flatMap((y) => names.map((x) => {
      const pair = pairs.get(`${x} ${y}`);
      const rho = x === y ? 1 : (pair?.rho ?? null);
      const detail = x === y ? "the same" : pair?.rho === undefined || pair.rho === null ? "not defined" : `ρ ${signed(rho)} over ${pair.n} models\np ${brief(pair.p)}, ${brief(pair.adjusted)} corrected`;
      return { x, y, value: rho, title: `${heading(x)} and ${words(y)}\n${detail}` };
    }));
    const width = Math.min(page.width(section), 820);
    const narrow = width < 560;
    const short = (d) => clipped(words(d), 15);
    replaceChildren(section.querySelector(".figure"), gridFigure(cells, {
      columns: names, rows: names, width, marginLeft: narrow ? 98 : 160, marginTop: narrow ? 112 : 46, fontSize: narrow ? 10 : 12, cellHeight: narrow ? 30 : 36,
      colour: (v) => (v === null ? absent() : diverging((v + 1) / 2)), text: (v) => (v === null ? "–" : v.toFixed(narrow ? 1 : 2).replace("-", "−")),
      xTicks: narrow ? short : (d) => words(d).replace(" ", "\n"), yTicks: narrow ? short : words, xRotate: narrow ? -90 : 0,
    }));
    section.querySelector(".explanation").textContent = `Spearman's rank correlation over ${matrix.models} models, of the values as they are: of calibration error and parameters lower is better. ${matrix.notes.join(". ")}`;
  };
}

// rankFigure is a heat map of shares {model, shares} over ranks.
function rankFigure(page, section, rows, columns, tickOf, titleOf, textOf, colour) {
  const width = page.width(section);
  const narrow = width / columns.length < 95; // no room for ticks side by side
  const longest = d3.max(columns, (c) => tickOf(c).length);
  const cells = rows.flatMap((row) => row.shares.map((share, i) => ({ x: columns[i], y: String(row.model), value: share, title: titleOf(row, i) })));
  return gridFigure(cells, {
    columns, rows: rows.map((row) => String(row.model)), width, marginLeft: Math.min(170, width * 0.36), cellHeight: 30, marginTop: narrow ? 20 + 7 * longest : 44,
    colour, text: textOf, xTicks: narrow ? (c) => tickOf(c).replaceAll("\n", " ") : tickOf, xRotate: narrow && longest > 3 ? -90 : 0, yTicks: (i) => clipped(page.names[Number(i)], width < 480 ? 16 : 24),
  });
}

// acceptabilitySection shows how often each model has each rank, when the
// weights are drawn at random or the images are drawn again.
function acceptabilitySection(page, section) {
  const choices = page.data.acceptability.map((a) => ({ name: `${a.law} weights`.replace("weights) weights", "weights)"), models: a.models,
    doc: `Share of ${brief(a.draws)} random weights, ${a.law}${a.images ? ", each with the images drawn again," : ","} that give the rank (SMAA-2).` }));
  const sampled = (page.data.uncertainty?.models ?? []).filter((m) => m.probabilities?.length);
  if (sampled.length > 1) {
    choices.unshift({ name: "images drawn again", models: sampled.map((m) => ({ model: m.model, shares: m.probabilities })),
      doc: `Share of ${brief(page.data.uncertainty.draws)} bootstrap draws of the images that give the rank, with the weights that the page starts with.` });
  }
  if (!choices.length) return null;
  let current = 0;
  const draw = () => {
    const { models, doc } = choices[current];
    replaceChildren(section.querySelector(".controls"), select("What varies", choices.map((c, i) => [String(i), c.name]), String(current), (at) => { current = Number(at); draw(); }));
    const ranks = d3.range(1, models[0].shares.length + 1).map(String);
    replaceChildren(section.querySelector(".figure"), rankFigure(page, section, models, ranks, (r) => (ranks.length > 8 ? r : "rank " + r),
      (row, i) => `${page.names[row.model]}\nrank ${i + 1} in ${(100 * row.shares[i]).toFixed(1)} % of the draws`,
      (v) => (v >= 0.005 && ranks.length <= 12 ? Math.round(100 * v) + " %" : ""), sequential));
    section.querySelector(".explanation").textContent = doc;
  };
  return draw;
}

// scenariosSection ranks the first models of the page under every preset.
function scenariosSection(page, section) {
  if (page.data.models.length < 2) return null;
  return () => {
    const { models, dimensions, presets } = page.data;
    const rankings = presets.map((p) => rankModels(models, dimensions, p.weights, page.allowPartial(), page.data.normalization));
    const rankOf = rankings.map((r) => new Map(r.entries.map((e) => [e.index, e.rank])));
    const rows = rankings[0].entries.filter((e) => e.rank !== null).slice(0, 30).map((e) => ({ model: e.index, shares: rankOf.map((ranks) => ranks.get(e.index)) }));
    section.hidden = rows.length < 2;
    if (section.hidden) return;
    const last = d3.max(rows, (row) => d3.max(row.shares));
    replaceChildren(section.querySelector(".figure"), rankFigure(page, section, rows, presets.map((p) => p.name), (name) => name.replaceAll("-", "\n"),
      (row, i) => `${page.names[row.model]}\n${presets[i].name}: rank ${row.shares[i] ?? "none"}\n${presets[i].doc}`,
      (v) => (v === null ? "–" : String(v)), (v) => (v === null ? absent() : sequential(1 - (v - 1) / Math.max(1, last - 1)))));
    const fewer = presets.filter((_, i) => rankings[i].used.length < dimensions.filter((d) => presets[i].weights[d.name] > 0).length);
    section.querySelector(".caveat").textContent = fewer.length ? `Without dimensions that not every model has: ${fewer.map((p) => p.name).join(", ")}.` : "";
  };
}

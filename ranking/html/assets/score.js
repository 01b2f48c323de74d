"use strict";

// The arithmetic of ranking.QUBA, in the same order of operations, so that the
// page and the program give the same scores.

const TIE_TOLERANCE = 1e-12;

// standardised is the z of a value, higher is better.
function standardised(dimension, value) {
  const z = (value - dimension.mean) / dimension.std;
  return dimension.lower ? -z : z;
}

// lacks says whether a model cannot have a full score of the dimensions.
function lacks(model, dimensions) {
  return {
    missing: dimensions.filter((d) => !(d.name in model.values)).map((d) => d.name),
    incomplete: dimensions.filter((d) => model.values[d.name]?.partial).map((d) => d.name),
  };
}

// rankModels orders models by QUBA with weights by the name of the dimension.
// It returns the dimensions that were used and one entry for each model, the
// best first, with its index among models; entries without a score have the
// rank null and come last.
function rankModels(models, dimensions, weights, allowPartial) {
  let used = dimensions.filter((d) => weights[d.name] > 0);
  const entries = models.map((model, index) => ({ index, model, rank: null, quba: null, tied: false, z: {}, ...lacks(model, used) }));
  if (allowPartial) {
    used = used.filter((d) => models.every((m) => d.name in m.values));
  }
  const total = used.reduce((sum, d) => sum + weights[d.name], 0);
  for (const entry of entries) {
    const partial = entry.missing.length + entry.incomplete.length > 0;
    if (used.length === 0 || (partial && !allowPartial)) continue;
    let sum = 0;
    for (const d of used) {
      entry.z[d.name] = standardised(d, entry.model.values[d.name].value);
      sum += weights[d.name] * entry.z[d.name];
    }
    entry.quba = sum / total;
  }
  return { used, total, entries: ordered(entries) };
}

// ordered sorts entries and gives ranks. Scores within the tolerance of the
// best of their group are ties, which keep the order of the models.
function ordered(entries) {
  const scored = entries.filter((e) => e.quba !== null).sort((a, b) => b.quba - a.quba);
  const sorted = [];
  for (let start = 0; start < scored.length; ) {
    let end = start + 1;
    while (end < scored.length && scored[start].quba - scored[end].quba <= TIE_TOLERANCE) end++;
    const group = scored.slice(start, end).sort((a, b) => a.index - b.index);
    for (const entry of group) entry.tied = group.length > 1;
    sorted.push(...group);
    start = end;
  }
  sorted.forEach((entry, i) => (entry.rank = i + 1));
  return sorted.concat(entries.filter((e) => e.quba === null));
}

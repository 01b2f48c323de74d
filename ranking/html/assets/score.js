"use strict";

// The arithmetic of ranking.QUBA, in the same order of operations, so that the
// page and the program give the same scores.

const TIE_TOLERANCE = 1e-12;

// scaleOf is what values of a dimension are standardised with: the constants of
// the published score, or mean and sample standard deviation of the values,
// which is 0 where all are equal.
function scaleOf(dimension, values, normalization) {
  if (normalization !== "cohort") return dimension;
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  if (values.every((v) => v === values[0])) return { mean, std: 0 };
  return { mean, std: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1)) };
}

// standardised is the z of a value, higher is better.
function standardised(dimension, value, scale) {
  if (!(scale.std > 0)) return 0;
  const z = (value - scale.mean) / scale.std;
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
// Normalization by the cohort needs two models.
// It returns the dimensions that were used and one entry for each model, the
// best first, with its index among models; entries without a score have the
// rank null and come last.
function rankModels(models, dimensions, weights, allowPartial, normalization) {
  let used = dimensions.filter((d) => weights[d.name] > 0);
  const entries = models.map((model, index) => ({ index, model, rank: null, quba: null, tied: false, z: {}, ...lacks(model, used) }));
  if (allowPartial) {
    used = used.filter((d) => models.every((m) => d.name in m.values));
  }
  const total = used.reduce((sum, d) => sum + weights[d.name], 0);
  let scored = entries.filter((e) => used.length > 0 && (allowPartial || e.missing.length + e.incomplete.length === 0));
  if (normalization === "cohort" && scored.length < 2) scored = [];
  const scales = used.map((d) => scaleOf(d, scored.map((e) => e.model.values[d.name].value), normalization));
  for (const entry of scored) {
    let sum = 0;
    used.forEach((d, i) => {
      entry.z[d.name] = standardised(d, entry.model.values[d.name].value, scales[i]);
      sum += weights[d.name] * entry.z[d.name];
    });
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

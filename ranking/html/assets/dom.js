"use strict";

// Elements are made with text nodes and properties only: nothing from the data
// is ever read as markup.

const byId = (id) => document.getElementById(id);

// element makes an element with properties, attributes (names with a dash),
// listeners (on...) and children: elements, text or null.
function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.includes("-")) node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return node;
}

function replaceChildren(node, ...children) {
  node.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined));
}

// words is a name in snake case as people write it.
const words = (name) => name.replaceAll("_", " ").replace(/\bood\b/, "OOD");

// heading begins with a capital letter.
const heading = (name) => words(name).replace(/^./, (c) => c.toUpperCase());

// brief writes a number for people, a whole one without decimals.
function brief(v) {
  if (v === null || v === undefined) return "";
  if (typeof v !== "number") return String(v);
  const size = Math.abs(v);
  if (Number.isInteger(v) && size >= 10) return v.toLocaleString("en");
  if (v === 0) return "0";
  return size >= 0.001 && size < 1e6 ? v.toPrecision(size < 0.01 ? 2 : 3) : v.toExponential(2);
}

const signed = (v) => (v < 0 ? "−" : "+") + Math.abs(v).toFixed(2);

// select is a labelled choice; options are pairs of value and text.
function select(label, options, chosen, changed) {
  const list = element("select", { onchange: () => changed(list.value) });
  for (const [value, text] of options) list.append(element("option", { value, textContent: text, selected: value === chosen }));
  return element("label", {}, element("span", { textContent: label }), list);
}

// fillTable puts rows of cells into a table. A cell is text, a number, an
// element, or null. Numbers of a column that are all whole are written so.
function fillTable(table, columns, rows) {
  const whole = columns.map((_, i) => rows.every((row) => typeof row[i] !== "number" || Number.isInteger(row[i])));
  const head = element("thead", {}, element("tr", {}, columns.map((c) => element("th", { scope: "col" }, c))));
  const body = element("tbody", {}, rows.map((row) => element("tr", {}, row.map((content, i) => cell(content, whole[i])))));
  replaceChildren(table, head, body);
  [...head.querySelectorAll("th")].forEach((th, i) => th.classList.toggle("number", rows.some((row) => typeof row[i] === "number" || row[i]?.className === "number")));
}

function cell(content, whole) {
  if (content instanceof HTMLElement) return content.tagName === "TD" || content.tagName === "TH" ? content : element("td", {}, content);
  if (typeof content !== "number") return element("td", { textContent: content ?? "" });
  return element("td", { className: "number", textContent: whole ? content.toLocaleString("en") : brief(content), title: String(content) });
}

// breakable is a name that may be broken where its parts end.
const breakable = (name) => name.split(/(?<=[_./-])/).flatMap((part) => [part, element("wbr")]);

function fillNotes(node, notes) {
  replaceChildren(node, notes.length ? element("ul", { className: "caveat" }, notes.map((n) => element("li", { textContent: n }))) : null);
}

// The page: networks loaded from files beside it, controls, and what G makes of them.
import * as ort from "./ort.js";
import { choicesOf, decode, shown, widthOf } from "./codec.js";
import { Paper } from "./paper.js";
import { WORDS, language } from "./words.js";

const OTHERS = 23, LATER = 150;
const by = id => document.getElementById(id);
const page = { lang: language(), facts: null, paper: null, generator: null, judge: null, given: [], last: null };
const words = () => WORDS[page.lang];

// Numbers in [0, 1), always the same for a seed (mulberry32).
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// n numbers from N(0, 1), by Box and Muller.
function normals(n, random) {
  return Float32Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

// Latents z, or zeros where steps are taken by what is added to w, moved as the sliders say.
function moved(start) {
  page.facts.directions.forEach(({ step, vector }, place) => {
    const length = by(`slider-${place}`).valueAsNumber * step;
    for (let i = 0; i < start.length; i++) start[i] += length * vector[i];
  });
  return start;
}

// The latent of a seed: for the first ones the run's own, so that fake 0 is the same picture as in the studio.
function latent(seed) {
  const width = page.facts.latent;
  const z = seed < page.facts.packed ? page.packed.slice(seed * width, (seed + 1) * width) : normals(width, uniform(seed));
  return page.facts.generator.inputs.some(({ name }) => name === "shift") ? z : moved(z);
}

function condition() {
  if (page.paper) return page.paper.tensor();
  return Float32Array.from(page.given.flatMap(one => one.places()));
}

// One sample for each seed: { data, size } of the samples, one after another.
async function generate(seeds) {
  const feeds = {}, count = seeds.length;
  for (const { name, shape } of page.facts.generator.inputs) {
    const size = shape.reduce((a, b) => a * b, 1), block = new Float32Array(count * size);
    const shared = name === "c" ? condition() : name === "shift" ? moved(new Float32Array(size)) : null;
    seeds.forEach((seed, place) => {
      const random = uniform(seed + 0x5eed);
      const one = shared ?? (name === "z" ? latent(seed) : Float32Array.from({ length: size }, () => 1e-6 + (1 - 2e-6) * random()));
      block.set(one, place * size);
    });
    feeds[name] = new ort.Tensor("float32", block, [count, ...shape]);
  }
  const { sample } = await page.generator.run(feeds);
  return { data: sample.data, size: sample.data.length / count, tensor: sample };
}

function paint(canvas, data) {
  const { channels, width, height } = page.facts.sample, size = width * height;
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let place = 0; place < size; place++) {
    // Of four channels the last is alpha, and the colors before it are premultiplied around mid-gray, which is 0.
    const alpha = channels === 4 ? Math.round((data[3 * size + place] + 1) * 127.5) : 255, share = Math.min(Math.max(alpha, 1), 255) / 255;
    for (let c = 0; c < 3; c++) {
      const level = data[(channels === 1 ? 0 : c) * size + place];
      image.data[4 * place + c] = Math.round((level / share + 1) * 127.5);
    }
    image.data[4 * place + 3] = alpha;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function table(data, size, seeds) {
  const columns = page.facts.codec.columns, made = document.createElement("table"), head = made.createTHead().insertRow();
  for (const column of columns) head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: column.name }));
  const body = made.createTBody();
  page.last = seeds.map((seed, place) => {
    const row = body.insertRow(), random = uniform(seed + 1);
    let start = place * size;
    return columns.map(column => {
      const value = decode(column, Array.from(data.slice(start, start += widthOf(column))), random);
      row.insertCell().textContent = shown(column, value, words().missing);
      return value === null ? "" : shown(column, value, "");
    });
  });
  by("rows").replaceChildren(made);
}

const pictures = () => page.facts.sample.kind === "picture";
const seed = () => Math.max(0, by("seed").valueAsNumber || 0);
const following = () => Array.from({ length: OTHERS }, (_, place) => seed() + 1 + place);

let busy = false, again = false, later = 0;

// Shows what the controls say; while one showing is under way, the next waits, and of many the last counts.
async function show() {
  if (!page.generator) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    do {
      again = false;
      const seeds = pictures() ? [seed()] : [seed(), ...following()];
      const made = await generate(seeds);
      if (pictures()) paint(by("stage"), made.data);
      else table(made.data, made.size, seeds);
      await judge(made);
    } while (again);
    by("main").dataset.shown = String(Number(by("main").dataset.shown || 0) + 1);
  } catch (problem) {
    fail(problem);
  } finally {
    busy = false;
  }
  clearTimeout(later);
  if (pictures() && !page.paper) later = setTimeout(thumbs, LATER);
}

async function judge({ data, size }) {
  if (!page.judge) return;
  const x = new ort.Tensor("float32", data.slice(0, size), [1, ...page.facts.judge.inputs[0].shape]);
  const { percent_real } = await page.judge.run({ x });
  by("real").value = percent_real.data[0];
  opinion();
}

function opinion() {
  by("real-text").textContent = words().real(by("real").value.toFixed(by("real").value < 1 ? 1 : 0)) + (pictures() ? "" : words().first);
}

async function thumbs() {
  if (busy) { later = setTimeout(thumbs, LATER); return; }
  busy = true;
  try {
    const seeds = following(), { data, size } = await generate(seeds);
    seeds.forEach((one, place) => paint(by("thumbs").children[place].firstChild, data.subarray(place * size, (place + 1) * size)));
    by("thumbs").dataset.seed = seeds[0];
    name();
  } catch (problem) {
    fail(problem);
  } finally {
    busy = false;
  }
  if (again) show();
}

function name() {
  following().forEach((one, place) => by("thumbs").children[place]?.setAttribute("aria-label", words().seedOf(one)));
}

// Controls

function slider(id, label, min, max, value, told) {
  const box = Object.assign(document.createElement("label"), { className: "slider" });
  const text = Object.assign(document.createElement("span"), { textContent: label });
  const input = Object.assign(document.createElement("input"), { type: "range", id, min, max, step: "any", value });
  const output = document.createElement("output");
  const tell = () => { output.textContent = told(input.valueAsNumber); };
  input.addEventListener("input", () => { tell(); show(); });
  tell();
  box.append(text, input, output);
  return { box, input, tell, text };
}

// A control for one column of values given; `places` are its numbers of the condition, `start` those at first.
function asked(column, place, start) {
  const inner = column.inner ?? column, id = `given-${place}`;
  if (inner.kind === "category") {
    const box = document.createElement("label"), select = Object.assign(document.createElement("select"), { id });
    const width = widthOf(column), first = start.indexOf(Math.max(...start));
    for (let one = 0; one < width; one++) {
      const hot = Array.from({ length: width }, (_, i) => Number(i === one));
      select.add(new Option(shown(column, decode(column, hot, () => 0), "–"), one));
    }
    select.selectedIndex = Math.max(0, first);
    select.addEventListener("change", show);
    box.append(column.name, select);
    return { box, places: () => Array.from({ length: width }, (_, i) => Number(i === select.selectedIndex)) };
  }
  const choices = choicesOf(inner), count = inner.stretches;
  const places = at => {
    const stretch = Math.min(count - 1, Math.floor(at * count)), share = Math.min(1, at * count - stretch);
    const hot = Array.from({ length: choices }, (_, i) => Number(i === stretch));
    return [...hot, (2 * share - 1) * 3.4];
  };
  const from = start.indexOf(Math.max(...start.slice(0, count)));
  const at = start.length ? (from + (start.at(-1) / 3.4 + 1) / 2) / count : 0.5;
  const made = slider(id, column.name, 0, 1, Math.min(1, Math.max(0, at)), at => shown(column, decode(column, places(at), () => 0), "–"));
  return { box: made.box, places: () => places(made.input.valueAsNumber) };
}

function controls() {
  const { facts } = page;
  page.sliders = facts.directions.map(({ name: known }, place) => {
    const made = slider(`slider-${place}`, known ?? "", -2, 2, 0, value => value.toFixed(1));
    made.known = known;
    by("sliders").append(made.box);
    return made;
  });
  by("rest").hidden = !page.sliders.length;
  let taken = 0;
  page.given = (facts.given?.columns ?? []).map((column, place) => {
    const start = (facts.start ?? []).slice(taken, taken += widthOf(column));
    return asked(column, place, start);
  });
  by("given").append(...page.given.map(one => one.box));
  by("opinion").hidden = !facts.judge;
  by("stage").hidden = !pictures();
  by("rows").hidden = pictures();
  const canvas = facts.condition && facts.condition.spec.kind === "picture";
  by("drawing").hidden = !canvas;
  by("others").hidden = !pictures() || canvas;
  if (canvas) desk();
  if (pictures() && !canvas) {
    by("thumbs").append(...Array.from({ length: OTHERS }, (_, place) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.append(document.createElement("canvas"));
      button.addEventListener("click", () => { by("seed").value = seed() + 1 + place; show(); });
      return button;
    }));
  }
  by("seed").addEventListener("input", show);
  by("another").addEventListener("click", () => { by("seed").value = Math.floor(Math.random() * 1e6); show(); });
  by("rest").addEventListener("click", () => {
    for (const one of page.sliders) { one.input.value = 0; one.tell(); }
    show();
  });
  by("save").addEventListener("click", save);
}

function desk() {
  page.paper = new Paper(by("paper"), page.facts, show);
  const { kind, spec } = page.facts.condition;
  by("ink-label").hidden = kind === "outlines" || kind === "masked";
  by("pen").value = page.paper.pen = kind === "outlines" ? 1 : 3;
  if (spec.channels === 1) by("ink").value = "#000000";
  by("pen").addEventListener("input", event => { page.paper.pen = event.target.valueAsNumber; });
  by("ink").addEventListener("input", event => { page.paper.ink = event.target.value; });
  by("erase").addEventListener("change", event => { page.paper.erase = event.target.checked; });
  by("clear").addEventListener("click", () => page.paper.clear());
  by("file").addEventListener("change", event => {
    const file = event.target.files[0];
    if (file) page.paper.load(file).catch(fail);
  });
}

function save() {
  const link = document.createElement("a");
  if (pictures()) {
    link.href = by("stage").toDataURL("image/png");
    link.download = `${seed()}.png`;
  } else {
    const cell = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const lines = [page.facts.codec.columns.map(column => column.name), ...page.last].map(row => row.map(cell).join(","));
    link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(lines.join("\n") + "\n")}`;
    link.download = "rows.csv";
  }
  link.click();
}

// Words

function say() {
  const { facts, lang } = page;
  document.documentElement.lang = lang;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words()[node.dataset.word];
  by("language").textContent = words().other;
  by("language").lang = words().otherLang;
  by("stage").setAttribute("aria-label", words().stage);
  if (!facts) return;
  const what = pictures() ? words().pictures(facts.sample.width, facts.sample.height) : words().table;
  by("title").textContent = document.title = facts.source;
  by("what").textContent = words().what(what, facts.network);
  page.sliders?.forEach((one, place) => { one.text.textContent = one.known ?? words().direction(place + 1); });
  if (page.paper) by("paper").setAttribute("aria-label", words().paper[facts.condition.kind]);
  if (page.paper) by("drawing-title").textContent = `${words().draw}: ${words().paper[facts.condition.kind]}`;
  if (facts.judge) opinion();
  name();
}

function fail(problem) {
  console.error(problem);
  by("status").textContent = words().broken(problem.message ?? problem);
}

async function bytes(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function start() {
  by("language").addEventListener("click", () => { page.lang = words().otherLang; say(); show(); });
  say();
  by("status").textContent = words().loading;
  page.facts = JSON.parse(new TextDecoder().decode(await bytes("model.json")));
  page.packed = new Float32Array((await bytes("latents.bin")).buffer);
  ort.env.wasm.numThreads = 1; // more need headers that not every server sends
  ort.env.wasm.wasmBinary = await bytes("ort.wasm"); // so that no server's type for .wasm matters
  const open = async name => ort.InferenceSession.create(await bytes(name), { executionProviders: ["wasm"] });
  const generator = await open(page.facts.generator.file);
  if (page.facts.judge) page.judge = await open(page.facts.judge.file);
  controls();
  page.generator = generator;
  say();
  by("status").textContent = "";
  by("main").hidden = false;
  await show();
}

start().catch(fail);

// A game as it is played: frames are fetched as they come and drawn here; nothing of the page is loaded anew.
const WAIT = 350, IDLE = 1500, GLIDE = 320, MOST = 240;
const [LEFT, RIGHT, TOP, BOTTOM] = [48, 12, 14, 36];
// As runs/heat.py has them.
const FAKE = [238, 138, 98], REAL = [84, 144, 205], REACH = 0.035, BELLS = 3;
const still = matchMedia("(prefers-reduced-motion: reduce)");
let run = "", scene = null, frames = [], seen = 0, live = true, shown = null, pinned = 0, most = 0;
let from = null, began = 0, came = 0, sheet = null, phase = "none", picture = 0;
// A game that is played by hand: whose it is, whether it is open, which beat of a slow step is shown.
const visitor = Math.random().toString(36).slice(2);
let held = false, asked = "", beat = 0, busy = false, playing = false;
const BEAT = 2200;

const one = (selector) => element.querySelector(selector);
const root = () => one(".eo-live");
const words = () => JSON.parse(root().dataset.words);
const put = (text, facts) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? facts[name] : whole));
const clock = (seconds) => {
  const whole = Math.max(0, Math.round(seconds)), hours = Math.floor(whole / 3600);
  const rest = String(Math.floor(whole / 60) % 60).padStart(hours ? 2 : 1, "0") + ":" + String(whole % 60).padStart(2, "0");
  return hours ? hours + ":" + rest : rest;
};
const percent = (share) => Math.round(100 * share);

function forget(name) {
  [run, scene, frames, seen, live, shown, pinned, most, from, sheet] = [name, null, [], 0, true, null, 0, 0, null, null];
  root().hidden = true;
  delete one(".eo-live .eo-chapters").dataset.marks;
  [held, asked, beat, playing] = [false, "", 0, false];
  bar();
}

function bar(can = false) {
  one(".eo-held").hidden = !can && !held;
  one(".eo-held > button").hidden = held;
  one(".eo-tools").hidden = !held;
  one("[data-held=play]").setAttribute("aria-pressed", playing);
  if (!held) one(".eo-beat").textContent = "";
}

async function hold(action) {
  if (busy && action !== "open") return;
  while (busy) await new Promise((done) => setTimeout(done, 50));
  busy = true;
  one(".eo-held").setAttribute("aria-busy", "true");
  const own = run;
  try {
    const answer = await server.hold(run, visitor, action, +one(".eo-held select").value);
    if (own === run) await played(action, answer);
  } catch (problem) {
    one(".eo-wrong").textContent = String(problem);
  }
  busy = false;
  one(".eo-held").removeAttribute("aria-busy");
}

async function played(action, answer) {
  one(".eo-wrong").textContent = answer.error || "";
  if (answer.error) return;
  if (action === "can") { bar(answer.can); return; }
  if (answer.scene) {
    [scene, frames, most, held, from, shown] = [answer.scene, [], 0, true, null, null];
    one(":scope .eo-live > canvas").hidden = false;
    one(".eo-live-pair").hidden = true;
    one(".eo-live-film").hidden = root().hidden = false;
    bar();
  }
  most = Math.max(most, ...answer.frames.map((frame) => frame.signal));
  one(".eo-beat").textContent = "";
  keep(action === "slow" ? answer.frames.slice(1) : answer.frames);
  if (action === "slow") await slowly(answer.frames); else show(answer.frames[0]);
}

// The film of a game that is played by hand: every step so far.
function keep(added) {
  frames.push(...added);
  if (frames.length > MOST) frames = frames.filter((frame, place) => place % 2 || place > MOST / 2);
  const film = one(".eo-live-film input");
  film.max = film.value = frames.length - 1;
  live = true;
}

// Round after round, until it is pressed again.
async function playOn() {
  playing = !playing;
  bar();
  const own = run;
  while (playing && held && own === run) {
    await hold("round");
    if (one(".eo-wrong").textContent) playing = false;
    await new Promise((done) => setTimeout(done, 60));
  }
  if (own === run) bar();
}

const pause = () => new Promise((done) => setTimeout(done, BEAT));

// Six beats of one step: noise, fakes, D's answer, D moves, the arrows to G, G moves.
async function slowly([before, between, after]) {
  const own = run, fake = (frame) => percent(1 - frame.real[pinned]), say = words().beats;
  const facts = { number: pinned + 1, before: fake(before), between: fake(between), after: fake(after) };
  const noise = scene.noise.map(([a, b]) => [middle(scene.axes[0], a), middle(scene.axes[1], b)]);
  const steps = [{ ...before, points: noise, heat: null, pushed: noise }, { ...before, heat: null }, before, between, between, after];
  for (beat = 1; beat <= 6 && held && own === run; beat++) {
    one(".eo-beat").textContent = put(say[beat - 1], facts);
    show(steps[beat - 1]);
    await pause();
  }
  beat = 0;
  if (held && own === run) show(after);
}

// Standard normal numbers over an axis, three deviations to each side of its middle.
const middle = ({ low, high }, noise) => (low + high) / 2 + (noise * (high - low)) / 6;

async function look() {
  const name = props.value || "";
  if (name !== run) forget(name);
  const here = element.closest('[role="tabpanel"]');
  if (run && !document.hidden && (!here || here.offsetParent !== null)) {
    try {
      const answer = await fetch("../runs/" + encodeURIComponent(run) + "/live?after=" + seen, { cache: "no-store" });
      if (answer.ok && run === (props.value || "")) take(await answer.json());
    } catch (problem) { /* the studio is busy or gone: asked again */ }
  }
  setTimeout(look, phase === "playing" || phase === "preparing" ? WAIT : IDLE);
}

function take(answer) {
  phase = answer.phase;
  if (answer.scene) scene = answer.scene;
  const runs = phase === "playing" || phase === "preparing";
  if (!runs && frames.length && !held) forget(run);  // from now on the page shows what the game came to
  if (runs && held) forget(run);
  if (!runs && phase !== "none" && asked !== run + phase && !busy) { asked = run + phase; hold("can"); }
  if (runs && !one(".eo-held").hidden) bar();
  if (!runs || !scene || !answer.frames.length) return;
  if (answer.frames[0].number < seen) frames = [];
  for (const frame of answer.frames) {
    seen = frame.number;
    frames.push(frame);
    most = Math.max(most, frame.signal);
  }
  if (frames.length > MOST) frames = frames.filter((frame, place) => place % 2 || place > MOST / 2);
  came = performance.now();
  one(".eo-live-film").hidden = root().hidden = false;
  one(":scope .eo-live > canvas").hidden = scene.kind !== "table" || scene.axes.length < 2;
  one(".eo-live-pair").hidden = scene.kind === "table";
  if (scene.kind === "pictures" && one(".eo-live-reals").src !== scene.reals) one(".eo-live-reals").src = scene.reals;
  const film = one(".eo-live-film input");
  film.max = frames.length - 1;
  chapters();
  if (live) { film.value = film.max; show(frames[frames.length - 1]); }
}

// Chapters of the film so far, as runs/chapters.py has them: D alone, G enters, the first even odds.
function chapters() {
  const enters = frames.findIndex((frame) => !frame.alone);
  const even = frames.findIndex((frame) => !frame.alone && frame.round > 0 && frame.wins <= 0.5);
  const marks = [["head", frames[0].alone ? 0 : -1], ["enters", enters], ["even", even]].filter(([, place]) => place >= 0);
  const box = one(".eo-live .eo-chapters"), state = marks.join();
  if (box.dataset.marks === state) return;
  box.dataset.marks = state;
  box.replaceChildren(...marks.map(([name, place]) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.textContent = frames[place].round.toLocaleString("en") + " " + words().chapters[name];
    button.addEventListener("click", () => {
      const film = one(".eo-live-film input");
      film.value = place;
      film.dispatchEvent(new Event("input", { bubbles: true }));
    });
    return button;
  }));
}

function show(frame) {
  from = shown && shown.points && frame.points ? at(performance.now()) : null;
  began = performance.now();
  shown = frame;
  const say = words(), fake = percent(1 - frame.real[pinned]), told = one(".eo-live-told");
  one(".eo-live-answer").innerHTML = "";
  one(".eo-live-answer").append(put(say.answer, { number: pinned + 1, fake, real: 100 - fake }));
  one(".eo-live-signal").style.width = (most ? 100 * frame.signal / most : 0).toFixed(1) + "%";
  one(".eo-live-called").textContent = put(say.called, { called: frame.real.filter((real) => real < 0.5).length, count: frame.real.length });
  told.textContent = put(say.facts, { signal: frame.signal.toPrecision(2) });
  one(".eo-live-wins").style.width = (100 * frame.wins).toFixed(1) + "%";
  one(".eo-live-pairs").textContent = put(say.pairs, { wins: percent(frame.wins) });
  root().dataset.round = frame.round;
  root().dataset.frames = seen;
  if (frame.points) root().dataset.middle = [0, 1].map((axis) => frame.points.reduce((sum, point) => sum + point[axis], 0) / frame.points.length);
  if (scene.kind === "pictures") sheetOf(frame); else requestAnimationFrame(draw);
  tick();
}

function tick() {
  if (!shown || root().hidden) return;
  const say = words(), left = shown.left === null ? null : shown.left - (live ? (performance.now() - came) / 1000 : 0);
  const what = shown.alone ? put(say.alone, { steps: shown.alone }) : put(say.round, { round: shown.round.toLocaleString("en") });
  one(".eo-live-clock").textContent = left === null ? what : what + " · " + put(say.left, { time: clock(left) });
}

function at(now) {
  const share = still.matches || !from ? 1 : Math.min(1, (now - began) / GLIDE), eased = share * (2 - share);
  return shown.points.map((point, place) => {
    const before = from && from[place];
    return before && before[0] !== null && point[0] !== null
      ? [before[0] + eased * (point[0] - before[0]), before[1] + eased * (point[1] - before[1])] : point;
  });
}

// Places of the canvas, by the ranges of both axes.
const across = (x) => LEFT + (640 - LEFT - RIGHT) * (x - scene.axes[0].low) / (scene.axes[0].high - scene.axes[0].low);
const up = (y) => TOP + (460 - TOP - BOTTOM) * (1 - (y - scene.axes[1].low) / (scene.axes[1].high - scene.axes[1].low));
const whole = (point) => point[0] !== null && point[1] !== null;

function heat(pen) {
  const [tall, wide] = scene.grid, image = new ImageData(wide, tall);
  const samples = [...scene.reals, ...shown.points].filter(whole).map(([x, y]) => [
    (x - scene.axes[0].low) / (scene.axes[0].high - scene.axes[0].low),
    (y - scene.axes[1].low) / (scene.axes[1].high - scene.axes[1].low)]);
  // Faded where no sample lies: what D says there it never learnt.
  const near = new Float32Array(wide * tall);
  for (const [x, y] of samples) {
    const [left, right] = [x - BELLS * REACH, x + BELLS * REACH].map((a) => Math.min(wide - 1, Math.max(0, Math.round(a * (wide - 1)))));
    const [low, high] = [y - BELLS * REACH, y + BELLS * REACH].map((a) => Math.min(tall - 1, Math.max(0, Math.round(a * (tall - 1)))));
    for (let row = low; row <= high; row++) for (let column = left; column <= right; column++) {
      const distance = ((column / (wide - 1) - x) ** 2 + (row / (tall - 1) - y) ** 2) / REACH ** 2;
      near[row * wide + column] += Math.exp(-distance / 2);
    }
  }
  for (let row = 0; row < tall; row++) for (let column = 0; column < wide; column++) {
    const place = row * wide + column, real = shown.heat[place] / 255, sure = Math.abs(2 * real - 1);
    const color = real < 0.5 ? FAKE : REAL, to = 4 * ((tall - 1 - row) * wide + column);
    for (const part of [0, 1, 2]) image.data[to + part] = 255 + sure * (color[part] - 255);
    image.data[to + 3] = 255 * (1 - Math.exp(-near[place]));
  }
  const small = new OffscreenCanvas(wide, tall);
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(small, LEFT, TOP, 640 - LEFT - RIGHT, 460 - TOP - BOTTOM);
}

function draw(now) {
  const paper = one(":scope .eo-live > canvas");
  if (!shown || !shown.points || !paper || root().hidden) return;
  const pen = paper.getContext("2d"), style = getComputedStyle(root()), ink = style.getPropertyValue("--eo-soft");
  pen.clearRect(0, 0, 640, 460);
  pen.fillStyle = "#fff";
  pen.fillRect(LEFT, TOP, 640 - LEFT - RIGHT, 460 - TOP - BOTTOM);
  if (shown.heat) heat(pen);
  axes(pen, ink);
  pen.strokeStyle = style.getPropertyValue("--eo-line");
  pen.lineWidth = 1;
  pen.strokeRect(LEFT + 0.5, TOP + 0.5, 639 - LEFT - RIGHT, 459 - TOP - BOTTOM);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, TOP, 640 - LEFT - RIGHT, 460 - TOP - BOTTOM);
  pen.clip();
  pen.fillStyle = "rgba(32, 38, 46, .35)";
  for (const point of scene.reals) if (whole(point)) dot(pen, point, 2.4);
  standard(pen);
  const points = at(now);
  if (!beat || beat > 4) wedges(pen, points);
  pen.fillStyle = beat === 1 ? "#566270" : "rgba(228, 87, 46, .85)";  // noise is no fake yet
  for (const point of points) if (whole(point)) dot(pen, point, 3);
  if (whole(points[pinned])) {
    pen.strokeStyle = "#20262e";
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(across(points[pinned][0]), up(points[pinned][1]), 8, 0, 7);
    pen.stroke();
  }
  pen.restore();
  if (from && now - began < GLIDE && !still.matches) requestAnimationFrame(draw); else from = null;
}

function dot(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(across(x), up(y), radius, 0, 7);
  pen.fill();
}

// A wedge points to where G's gradient moves a fake: the longer, the more of D's answer reaches G.
function wedges(pen, points) {
  pen.fillStyle = "rgba(179, 57, 15, .4)";
  points.forEach((point, place) => {
    const to = shown.pushed[place], then = shown.points[place];
    if (!whole(point) || !whole(to)) return;
    const [dx, dy] = [across(to[0]) - across(then[0]), up(to[1]) - up(then[1])], long = Math.hypot(dx, dy);
    if (long < 1) return;
    const [x, y] = [across(point[0]), up(point[1])], [sx, sy] = [(-3 * dy) / long, (3 * dx) / long];
    pen.beginPath();
    pen.moveTo(x + sx, y + sy);
    pen.lineTo(x + dx, y + dy);
    pen.lineTo(x - sx, y - sy);
    pen.fill();
  });
}

function axes(pen, ink) {
  pen.fillStyle = ink;
  pen.font = "12px system-ui, sans-serif";
  const [x, y] = scene.axes;
  pen.textAlign = "center";
  for (const value of ticks(x)) pen.fillText(value, across(value), 460 - BOTTOM + 16);
  pen.textAlign = "right";
  for (const value of ticks(y)) pen.fillText(value, LEFT - 6, up(value) + 4);
  const named = names();
  pen.fillText(named[x.name] || x.name, 640 - RIGHT, 456);
  pen.textAlign = "left";
  pen.fillText(named[y.name] || y.name, 4, TOP - 3);
}

// The built-in people have units and a standard weight, 0.9 kg for each cm above 100; another table's are not known.
const names = () => (scene.source === "people" ? words().axes : {});

function standard(pen) {
  if (scene.source !== "people" || scene.axes[0].name !== "height") return;
  pen.strokeStyle = "#20262e";
  pen.setLineDash([6, 5]);
  pen.beginPath();
  for (const height of [scene.axes[0].low, scene.axes[0].high]) pen.lineTo(across(height), up(0.9 * (height - 100)));
  pen.stroke();
  pen.setLineDash([]);
}

function ticks({ low, high }) {
  const raw = (high - low) / 5, size = 10 ** Math.floor(Math.log10(raw));
  const step = size * [1, 2, 5, 10].find((times) => size * times >= raw), values = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) values.push(+value.toPrecision(6));
  return values;
}

// Pictures: the new sheet fades in over the old one, and a frame stands around the pinned fake.
function sheetOf(frame) {
  const image = new Image(), own = ++picture;
  image.onload = () => {
    if (own !== picture) return;
    const before = sheet, started = performance.now();
    sheet = image;
    const fade = (now) => {
      if (own !== picture || sheet !== image) return;
      const paper = one(".eo-live-sheet"), pen = paper.getContext("2d"), share = still.matches ? 1 : Math.min(1, (now - started) / GLIDE);
      if (paper.width !== image.width) [paper.width, paper.height] = [image.width, image.height];
      pen.imageSmoothingEnabled = false;
      pen.globalAlpha = 1;
      if (before) pen.drawImage(before, 0, 0);
      pen.globalAlpha = before ? share : 1;
      pen.drawImage(image, 0, 0);
      pen.globalAlpha = 1;
      const columns = Math.ceil(Math.sqrt(scene.count)), side = (paper.width + 2) / columns, rows = Math.ceil(scene.count / columns);
      const tall = (paper.height + 2) / rows;
      pen.strokeStyle = "#20262e";
      pen.lineWidth = 3;
      pen.strokeRect((pinned % columns) * side, Math.floor(pinned / columns) * tall, side - 2, tall - 2);
      if (share < 1) requestAnimationFrame(fade);
    };
    requestAnimationFrame(fade);
  };
  image.src = frame.sheet;
}

function pin(place) {
  pinned = Math.min(Math.max(0, place), scene.count - 1);
  if (shown) show(shown);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-held]");
  if (button && button.dataset.held !== "play") playing = false;
  if (button && button.dataset.held === "close") forget(run);
  else if (button && button.dataset.held === "play") playOn();
  else if (button) hold(button.dataset.held);
  const paper = event.target.closest("canvas");
  if (!paper || !shown) return;
  const box = paper.getBoundingClientRect(), x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  if (scene.kind === "pictures") {
    const columns = Math.ceil(Math.sqrt(scene.count)), rows = Math.ceil(scene.count / columns);
    pin(Math.floor(y * rows) * columns + Math.floor(x * columns));
    return;
  }
  let nearest = pinned, least = Infinity;
  shown.points.forEach((point, place) => {
    if (!whole(point)) return;
    const distance = Math.hypot(across(point[0]) - 640 * x, up(point[1]) - 460 * y);
    if (distance < least) [nearest, least] = [place, distance];
  });
  pin(nearest);
});
element.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !event.target.closest("canvas") || !shown) return;
  event.preventDefault();
  pin(pinned + step);
});
// What D says of any place, under the pointer.
element.addEventListener("pointermove", (event) => {
  const paper = event.target.closest(".eo-live > canvas");
  if (!paper || !shown || !shown.heat) return;
  const box = paper.getBoundingClientRect(), [tall, wide] = scene.grid, [x, y] = scene.axes;
  const a = ((event.clientX - box.left) / box.width * 640 - LEFT) / (640 - LEFT - RIGHT);
  const b = 1 - ((event.clientY - box.top) / box.height * 460 - TOP) / (460 - TOP - BOTTOM);
  if (a < 0 || a > 1 || b < 0 || b > 1) { paper.title = ""; return; }
  const real = shown.heat[Math.round(b * (tall - 1)) * wide + Math.round(a * (wide - 1))] / 255, say = words();
  const value = (axis, share) => (names()[axis.name] || axis.name) + " " + (axis.low + share * (axis.high - axis.low)).toPrecision(3);
  paper.title = put(say.there, { x: value(x, a), y: value(y, b), fake: percent(1 - real) });
});
element.addEventListener("input", (event) => {
  if (!event.target.closest(".eo-live-film")) return;
  live = +event.target.value === frames.length - 1;
  show(frames[+event.target.value]);
});
setInterval(tick, 500);
look();

// One fake on a stage: chips choose a direction, the strip and the slider move along it, thumbnails are added up.
const SLOTS = ["A", "B", "C"], MOST = 3, FRAME = 70;
let run = "", facts = null, fake = 0, amounts = {}, active = "", slots = {}, busy = false, next = null, turning = 0;

const one = (selector) => element.querySelector(selector);
const words = () => JSON.parse(one(".eo-stage").dataset.words);
const put = (text, given) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in given ? given[name] : whole));
const make = (tag, given) => Object.assign(document.createElement(tag), given);

// One question at a time; of those that come meanwhile the newest is asked next.
async function ask(action, given, then) {
  if (busy) { next = [action, given, then]; return; }
  busy = true;
  one(".eo-stage").setAttribute("aria-busy", "true");
  const own = run;
  try {
    const answer = await server.stage(action, run, given);
    if (own === run) {
      one(".eo-wrong").textContent = answer.error || "";
      if (!answer.error) then(answer);
    }
  } catch (problem) {
    one(".eo-wrong").textContent = String(problem);
  }
  busy = false;
  one(".eo-stage").removeAttribute("aria-busy");
  if (next) { const waiting = next; next = null; ask(...waiting); }
}

function open() {
  const [name] = JSON.parse(props.value || '[""]');
  if (name !== run) [fake, amounts, active, slots] = [0, {}, "", { A: [], B: [], C: [] }];
  run = name;
  next = null;
  if (!run) { one(".eo-stage").hidden = true; return; }
  ask("open", {}, (answer) => {
    facts = answer;
    one(".eo-stage").hidden = !facts.pictures;
    if (!facts.pictures) return;
    const named = facts.directions.map((direction) => direction.name);
    amounts = Object.fromEntries(Object.entries(amounts).filter(([name]) => named.includes(name)));
    if (!named.includes(active)) active = named[0] || "";
    one('[data-act="turn"]').hidden = !facts.turn;
    chips();
    thumbs();
    sum();
    strip();
  });
}

function chips() {
  one(".eo-chips").replaceChildren(...facts.directions.map(({ name }) => {
    const chip = make("button", { type: "button", textContent: name });
    chip.setAttribute("aria-pressed", name === active);
    chip.addEventListener("click", () => {
      active = name;
      for (const other of one(".eo-chips").children) other.setAttribute("aria-pressed", other === chip);
      strip();
    });
    return chip;
  }));
  const some = facts.directions.length > 0;
  one(".eo-strip").hidden = one(".eo-amount").hidden = one('[data-act="rest"]').hidden = !some;
  if (!some) one(".eo-reach").textContent = words().none;
}

function thumbs() {
  one(".eo-thumbs").replaceChildren(...facts.thumbs.map((source, number) => {
    const thumb = make("button", { type: "button", draggable: true });
    thumb.dataset.fake = number;
    thumb.setAttribute("aria-label", put(words().fake, { number }));
    thumb.append(make("img", { src: source, alt: "" }), make("span", { textContent: number }));
    thumb.addEventListener("click", () => { fake = number; strip(); });
    thumb.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", String(number)));
    thumb.addEventListener("keydown", (event) => {
      const slot = event.key.toUpperCase();
      if (SLOTS.includes(slot)) into(slot, number);
    });
    return thumb;
  }));
}

// The face as it is now, and for the direction that is chosen the strip of its strengths.
function strip() {
  mark();
  ask("strip", { fake, amounts, active }, (answer) => {
    show(answer);
    one(".eo-strip").replaceChildren(...answer.strip.map(({ image, amount }) => {
      const step = make("button", { type: "button" }), text = amount.toFixed(1).replace("-", "−");
      step.dataset.amount = amount;
      step.className = Math.abs(amount) > 1 ? "eo-beyond" : "";
      step.setAttribute("aria-label", put(words().step, { name: active, amount: text }));
      step.append(make("img", { src: image, alt: "" }), make("span", { textContent: text }));
      step.addEventListener("click", () => move(amount));
      return step;
    }));
    mark();
  });
}

function show(answer) {
  const face = one(".eo-face");
  face.src = answer.face;
  face.alt = one(".eo-stage figcaption").textContent = put(words().fake, { number: fake });
  one(".eo-stage").dataset.shown = 1 + Number(one(".eo-stage").dataset.shown || 0);
  if (facts.directions.length) one(".eo-reach").textContent = answer.note;
}

function move(amount) {
  amounts = { ...amounts, [active]: amount };
  mark();
  ask("face", { fake, amounts, active }, show);
}

// Where the controls stand.
function mark() {
  const amount = amounts[active] || 0;
  one(".eo-amount input").value = amount;
  one(".eo-amount span").textContent = `${active} ${amount.toFixed(2).replace("-", "−")}`;
  for (const step of one(".eo-strip").children) step.setAttribute("aria-pressed", Number(step.dataset.amount) === amount);
  for (const thumb of one(".eo-thumbs").children) thumb.setAttribute("aria-pressed", Number(thumb.dataset.fake) === fake);
}

function turn() {
  ask("turn", { fake, amounts, active: facts.turn }, ({ strip: frames }) => {
    const own = ++turning, way = [...frames, ...frames.slice(0, -1).reverse()];
    const play = (at) => {
      if (own !== turning) return;
      if (at >= way.length) { ask("face", { fake, amounts, active }, show); return; }
      one(".eo-face").src = way[at].image;
      setTimeout(play, FRAME, at + 1);
    };
    play(0);
  });
}

function into(slot, number) {
  if (!slots[slot].includes(number)) slots = { ...slots, [slot]: [...slots[slot], number].slice(-MOST) };
  sum();
}

// A - B + C, made as soon as each has a fake.
function sum() {
  for (const slot of SLOTS) {
    one(`[data-slot="${slot}"] > div`).replaceChildren(...slots[slot].map((number) => {
      const chosen = make("button", { type: "button" });
      chosen.setAttribute("aria-label", put(words().remove, { number, slot }));
      chosen.append(make("img", { src: facts.thumbs[number], alt: "" }));
      chosen.addEventListener("click", () => {
        slots = { ...slots, [slot]: slots[slot].filter((other) => other !== number) };
        sum();
      });
      return chosen;
    }));
    one(`[data-put="${slot}"]`).setAttribute("aria-label", put(words().put, { slot }));
  }
  const result = one(".eo-result img");
  if (!SLOTS.every((slot) => slots[slot].length)) { result.hidden = true; return; }
  ask("sum", slots, (answer) => {
    result.src = answer.face;
    result.alt = words().sum;
    result.hidden = false;
  });
}

element.addEventListener("input", (event) => {
  if (event.target.closest(".eo-amount")) move(event.target.valueAsNumber);
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-put], [data-act]");
  if (!button) return;
  turning++;
  if (button.dataset.put) into(button.dataset.put, fake);
  else if (button.dataset.act === "turn") turn();
  else { amounts = {}; strip(); }
});
element.addEventListener("dragover", (event) => { if (event.target.closest("[data-slot]")) event.preventDefault(); });
element.addEventListener("drop", (event) => {
  const slot = event.target.closest("[data-slot]"), number = Number(event.dataTransfer.getData("text/plain") || NaN);
  if (!slot || !Number.isInteger(number) || !facts.thumbs[number]) return;
  event.preventDefault();
  into(slot.dataset.slot, number);
});

watch("value", open);
open();

// The lecture goes along: a bar says a card's sentence while the studio shows it; ticks stay in this browser.
const KEPT = "evenodds lecture", PATIENCE = 60000;
const words = JSON.parse(element.querySelector(".eo-guide").dataset.words);
const bar = () => element.querySelector(".eo-guide");
const done = () => { try { return new Set(JSON.parse(localStorage.getItem(KEPT)) || []); } catch { return new Set(); } };
let now = 0, turnNumber = 0;

function tick(card, seen) {
  const ticked = done();
  if (seen) ticked.add(card); else ticked.delete(card);
  try { localStorage.setItem(KEPT, JSON.stringify([...ticked])); } catch { /* a browser that keeps nothing */ }
  paint();
}

function paint() {
  const ticked = done(), count = document.querySelector("#lecture .eo-count");
  for (const card of document.querySelectorAll("#lecture [data-card]"))
    card.querySelector("input").checked = ticked.has(card.dataset.card);
  if (count) count.textContent = words.count.replace("{done}", ticked.size).replace("{all}", words.cards.length);
}

const visible = (selector) => [...document.querySelectorAll(selector)].find((one) => one.offsetParent !== null);

// What a card needs comes into sight once its page is made ready; nothing where another card was turned to meanwhile.
async function inSight(selector, own, fits = () => true) {
  for (const began = performance.now(); performance.now() - began < PATIENCE;) {
    if (own !== turnNumber) return null;
    const shown = visible(selector);
    if (shown && fits(shown)) return shown;
    await new Promise((next) => setTimeout(next, 150));
  }
  return null;
}

// A tab by its name; where not all are in sight, the others are behind a button.
async function turn(name) {
  const named = (selector) => [...document.querySelectorAll(selector)].find((one) => one.textContent.trim() === name);
  const tab = [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === name && one.offsetParent);
  if (tab) { tab.click(); return; }
  document.querySelector(".overflow-menu > button")?.click();
  await new Promise((next) => setTimeout(next, 50));
  named(".overflow-dropdown button")?.click();
}

function fill(field, value) {
  const kind = { TEXTAREA: HTMLTextAreaElement, SELECT: HTMLSelectElement }[field.tagName] || HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
  for (const event of ["input", "change", "blur"]) field.dispatchEvent(new Event(event, { bubbles: true }));
}

async function ready([kind, selector, value], own) {
  if (kind === "open") {
    if (visible(selector)) return true;
    const head = [...document.querySelectorAll("button.label-wrap")].find((one) => one.offsetParent && one.textContent.includes(value));
    head?.click();
    return Boolean(await inSight(selector, own));
  }
  const one = await inSight(selector, own, (shown) => !shown.disabled && (kind !== "refill" || shown.value));
  if (!one) return false;
  if (kind === "press") one.click(); else fill(one, value);
  return true;
}

function mark(shown) {
  shown.scrollIntoView({ block: "center" });
  shown.classList.add("eo-looked");
  setTimeout(() => shown.classList.remove("eo-looked"), 4000);
}

async function show(number) {
  const card = words.cards[number - 1], own = ++turnNumber;
  now = number;
  const said = { b: number + ". " + card.title, span: card.text, i: card.task };
  for (const [part, text] of Object.entries(said)) bar().querySelector(".eo-guide-said " + part).textContent = text;
  bar().querySelector("[data-guide=back]").disabled = number === 1;
  bar().querySelector("[data-guide=on]").disabled = number === words.cards.length;
  bar().hidden = false;
  room(bar().offsetHeight);
  bar().dataset.ready = "";
  address(number);
  if (card.run) {
    trigger("choose", { run: card.run });
    const any = !card.run.includes(":");  // which one it is, or whether there is one, the studio knows
    if (!await inSight("#run input", own, (field) => any || field.value === card.run)) return;
  }
  for (const one of document.querySelectorAll("[data-held=close]")) one.click();  // each card begins anew
  await turn(card.page);
  for (const step of card.before) if (!await ready(step, own)) return;
  const shown = await inSight(card.look, own);
  if (!shown) return;
  mark(shown);
  bar().dataset.ready = number;
  tick(String(number), true);
}

// The end of every page can be scrolled out from under the bar.
function room(height) {
  document.body.style.paddingBottom = document.documentElement.style.scrollPaddingBottom = height ? height + 16 + "px" : "";
}

function address(number) {
  const query = new URLSearchParams(location.search);
  if (number) { query.set("card", number); query.set("show", ""); } else { query.delete("card"); query.delete("show"); }
  history.replaceState(history.state, "", "?" + query);
}

function close() {
  turnNumber++;
  bar().hidden = true;
  room(0);
  address(0);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-guide]");
  if (!button) return;
  const what = button.dataset.guide;
  if (what === "back" || what === "on") { show(now + (what === "on" ? 1 : -1)); return; }
  close();
  if (what === "cards") turn(words.lecture).then(async () => {
    const shown = await inSight("#card-" + now, turnNumber);
    if (shown) mark(shown);
  });
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("#lecture [data-show]");
  if (button) show(+button.dataset.show);
});
document.addEventListener("change", (event) => {
  const card = event.target.closest("#lecture [data-card]");
  if (card) tick(card.dataset.card, event.target.checked);
});
document.addEventListener("cards", paint);  // the page of the cards is made when it is first turned to
const query = new URLSearchParams(location.search), first = query.get("card") || "";
if (/^\d+$/.test(first) && words.cards[first - 1]) {
  if (query.has("show")) show(+first);
  else inSight("#card-" + first, turnNumber).then((shown) => shown && mark(shown));
}

// Cards of the lecture: a button turns to the page where it is seen, a tick stays in this browser.
const KEPT = "evenodds lecture";
const done = () => { try { return new Set(JSON.parse(localStorage.getItem(KEPT)) || []); } catch { return new Set(); } };

function paint() {
  const ticked = done(), boxes = [...element.querySelectorAll("[data-card] input")];
  boxes.forEach((box) => { box.checked = ticked.has(box.closest("[data-card]").dataset.card); });
  const count = element.querySelector(".eo-count");
  count.textContent = count.dataset.text.replace("{done}", boxes.filter((box) => box.checked).length).replace("{all}", boxes.length);
}

// A tab by its name; where not all are in sight, the others are behind a button.
function turn(name) {
  const named = (selector) => [...document.querySelectorAll(selector)].find((one) => one.textContent.trim() === name);
  const tab = [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === name && one.offsetParent);
  if (tab) { tab.click(); return; }
  document.querySelector(".overflow-menu > button")?.click();
  setTimeout(() => named(".overflow-dropdown button")?.click(), 50);
}

// The widget of a card comes into sight once its page is made ready.
function look(selector, left = 40) {
  const shown = [...document.querySelectorAll(selector)].find((one) => one.offsetParent !== null);
  if (!shown) { if (left) setTimeout(look, 250, selector, left - 1); return; }
  shown.scrollIntoView({ block: "center" });
  shown.classList.add("eo-looked");
  setTimeout(() => shown.classList.remove("eo-looked"), 4000);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-page]");
  if (!button) return;
  turn(button.dataset.page);
  look(button.dataset.look);
});
element.addEventListener("change", (event) => {
  const card = event.target.closest("[data-card]"), ticked = done();
  if (!card) return;
  if (event.target.checked) ticked.add(card.dataset.card); else ticked.delete(card.dataset.card);
  try { localStorage.setItem(KEPT, JSON.stringify([...ticked])); } catch { /* a browser that keeps nothing */ }
  paint();
});
paint();
// A page turned to for the first time is made only then: this runs when the lecture comes into sight.
const card = new URLSearchParams(location.search).get("card");
if (card && /^\d+$/.test(card)) look("#card-" + card);

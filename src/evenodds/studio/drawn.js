// Data drawn with the mouse: points in [0, 1] across and up, told when the pen is lifted.
const MOST = 5000, EACH = 6, SHAPE = 400;
let points = [], pen = false;
const paper = () => element.querySelector("canvas");
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const spread = () => +element.querySelector("input").value / 100;

function add(x, y) {
  const [a, b] = [x + spread() * normal(), y + spread() * normal()];
  if (a >= 0 && a <= 1 && b >= 0 && b <= 1 && points.length < MOST) points.push([a, b]);
}

function draw() {
  const { width, height } = paper(), ink = paper().getContext("2d");
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, width, height);
  ink.fillStyle = "rgba(32, 38, 46, .55)";
  for (const [x, y] of points) { ink.beginPath(); ink.arc(x * width, (1 - y) * height, 2.5, 0, 7); ink.fill(); }
  const count = element.querySelector("[data-count]");
  count.textContent = count.dataset.count.replace("{count}", points.length);
}

function tell() {
  draw();
  trigger("drawn", { points: JSON.stringify(points.map((point) => point.map((value) => +value.toFixed(4)))) });
}

// Where the middle of each shape goes, by a share of it in [0, 1].
const shapes = {
  line: (share) => [0.1 + 0.8 * share, 0.2 + 0.6 * share],
  ring: (share) => [0.5 + 0.32 * Math.cos(2 * Math.PI * share), 0.5 + 0.32 * Math.sin(2 * Math.PI * share)],
  two: (share) => (share < 0.5 ? [0.28, 0.3] : [0.72, 0.7]),
};

function at(event) {
  const box = paper().getBoundingClientRect();
  add((event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-shape]");
  if (!button) return;
  points = [];
  const shape = shapes[button.dataset.shape];
  if (shape) for (let place = 0; place < SHAPE; place++) add(...shape(place / SHAPE));
  tell();
});
element.addEventListener("pointerdown", (event) => {
  if (event.target !== paper()) return;
  pen = true;
  event.target.setPointerCapture(event.pointerId);
  for (let place = 0; place < EACH; place++) at(event);
  draw();
});
element.addEventListener("pointermove", (event) => {
  if (!pen) return;
  for (let place = 0; place < EACH; place++) at(event);
  draw();
});
for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => {
  if (!pen) return;
  pen = false;
  tell();
});
draw();

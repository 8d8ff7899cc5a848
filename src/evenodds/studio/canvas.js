// A pen on paper: every move is drawn at once, and the newest drawing is sent as soon as the last answer is here.
const paper = () => element.querySelector("canvas");
let strokes = [], stroke = null, tool = "pen", busy = false, waiting = false;

function paint() {
  const pen = paper().getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, paper().width, paper().height);
  pen.lineCap = pen.lineJoin = "round";
  for (const one of stroke ? [...strokes, stroke] : strokes) {
    pen.strokeStyle = one.tool === "pen" ? "#000" : "#fff";
    pen.lineWidth = one.tool === "pen" ? 6 : 36;
    pen.beginPath();
    one.points.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    if (one.points.length === 1) pen.lineTo(one.points[0][0] + 0.1, one.points[0][1]);
    pen.stroke();
  }
}

async function send() {
  const run = props.value;
  if (!run) return;
  if (busy) { waiting = true; return; }
  busy = true;
  const started = performance.now();
  try {
    const answer = await server.paint(run, paper().toDataURL("image/png"));
    const wrong = element.querySelector(".eo-wrong");
    wrong.textContent = answer.error || "";
    if (answer.image) {
      element.querySelector(".eo-result").src = answer.image;
      const time = element.querySelector(".eo-time");
      time.textContent = Math.round(performance.now() - started) + " ms";
      time.dataset.ms = answer.ms;
    }
  } catch (problem) {
    element.querySelector(".eo-wrong").textContent = String(problem);
  }
  busy = false;
  if (waiting) { waiting = false; send(); }
}

function place(event) {
  const box = paper().getBoundingClientRect();
  const { width, height } = paper();
  return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
}

element.addEventListener("pointerdown", (event) => {
  if (event.target !== paper()) return;
  event.preventDefault();
  paper().setPointerCapture(event.pointerId);
  stroke = { tool, points: [place(event)] };
  paint();
});
element.addEventListener("pointermove", (event) => {
  if (!stroke) return;
  stroke.points.push(place(event));
  paint();
  send();
});
element.addEventListener("pointerup", () => {
  if (!stroke) return;
  strokes.push(stroke);
  stroke = null;
  paint();
  send();
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.tool) {
    tool = button.dataset.tool;
    element.querySelectorAll("[data-tool]").forEach((one) => one.setAttribute("aria-pressed", one === button));
    return;
  }
  if (button.dataset.act === "undo") strokes.pop();
  else strokes = [];
  paint();
  send();
});
// The paper has the aspect of the run's pictures.
async function shape() {
  if (props.value) {
    const [width, height] = await server.paper(props.value);
    if (width !== paper().width || height !== paper().height) {
      [paper().width, paper().height] = [width, height];
      for (const one of [paper(), element.querySelector(".eo-result")]) one.style.aspectRatio = width + " / " + height;
    }
  }
  paint();
}

watch("value", shape);
shape();

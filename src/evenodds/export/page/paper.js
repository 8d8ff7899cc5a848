// The canvas that is drawn on, at the network's own resolution, and what the network is given of it: the counterpart of
// evenodds.data.conditions.

export class Paper {
  constructor(canvas, facts, changed) {
    this.kind = facts.condition.kind;
    this.spec = facts.condition.spec;
    this.making = facts.making;
    this.canvas = canvas;
    this.changed = changed;
    canvas.width = this.spec.width;
    canvas.height = this.spec.height;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.hole = new Uint8Array(this.spec.width * this.spec.height);
    this.picture = null; // under the hole, where one is painted
    this.pen = 1;
    this.ink = "#000000";
    this.erase = false;
    this.clear();
    this.listen();
  }

  clear() {
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, this.spec.width, this.spec.height);
    this.hole.fill(0);
    this.picture = this.context.getImageData(0, 0, this.spec.width, this.spec.height);
    this.changed();
  }

  listen() {
    let from = null;
    const at = event => {
      const box = this.canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width * this.spec.width, (event.clientY - box.top) / box.height * this.spec.height]
        .map(Math.floor);
    };
    this.canvas.addEventListener("pointerdown", event => {
      this.canvas.setPointerCapture(event.pointerId);
      from = at(event);
      this.line(from, from);
    });
    this.canvas.addEventListener("pointermove", event => {
      if (from === null) return;
      const to = at(event);
      this.line(from, to);
      from = to;
    });
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => { from = null; });
  }

  // Squares of the pen's size along a line, without smoothing: outlines have two tones.
  line([x, y], [toX, toY]) {
    const steps = Math.max(Math.abs(toX - x), Math.abs(toY - y), 1), half = (this.pen - 1) / 2;
    for (let step = 0; step <= steps; step++) {
      const left = Math.round(x + (toX - x) * step / steps) - half, top = Math.round(y + (toY - y) * step / steps) - half;
      if (this.kind === "masked") this.paintHole(left, top);
      else {
        this.context.fillStyle = this.erase ? "#fff" : this.ink;
        this.context.fillRect(left, top, this.pen, this.pen);
      }
    }
    if (this.kind === "masked") this.showHole();
    this.changed();
  }

  paintHole(left, top) {
    const { width, height } = this.spec;
    for (let y = Math.max(0, top); y < Math.min(height, top + this.pen); y++)
      for (let x = Math.max(0, left); x < Math.min(width, left + this.pen); x++)
        this.hole[y * width + x] = this.erase ? 0 : 255;
  }

  showHole() {
    const view = new ImageData(new Uint8ClampedArray(this.picture.data), this.spec.width, this.spec.height);
    this.hole.forEach((value, place) => { if (value) view.data.set(Array(3).fill(this.making.hole), 4 * place); });
    this.context.putImageData(view, 0, 0);
  }

  // A picture file, its centre cropped to the network's aspect and size.
  async load(file) {
    const image = await createImageBitmap(file), { width, height } = this.spec;
    const wide = Math.min(image.width, image.height * width / height), high = Math.min(image.height, image.width * height / width);
    const from = [(image.width - wide) / 2, (image.height - high) / 2, wide, high];
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, width, height);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(image, ...from, 0, 0, width, height);
    this.hole.fill(0);
    this.picture = this.context.getImageData(0, 0, width, height);
    this.changed();
  }

  // float32 (channels, H, W) in [-1, 1].
  tensor() {
    const { width, height, channels } = this.spec, size = width * height, made = new Float32Array(channels * size);
    const pixels = (this.kind === "masked" ? this.picture : this.small()).data;
    const masked = this.kind === "masked", colours = masked ? channels - 1 : channels;
    // A fourth channel is alpha: what is drawn is opaque.
    for (let place = 0; place < size; place++) {
      const [r, g, b] = pixels.slice(4 * place, 4 * place + 3), luma = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      for (let channel = 0; channel < colours; channel++) {
        let level = colours === 1 ? luma : [r, g, b, 255][channel];
        if (this.kind === "outlines") level = luma < 128 ? 255 : 0;
        if (masked && this.hole[place]) level = this.making.hole;
        made[channel * size + place] = level / 127.5 - 1;
      }
      if (masked) made[colours * size + place] = this.hole[place] / 127.5 - 1;
    }
    return made;
  }

  // What is drawn; of the kind "small" so many times smaller and enlarged again.
  small() {
    const { width, height } = this.spec;
    if (this.kind !== "small") return this.context.getImageData(0, 0, width, height);
    const fewer = new OffscreenCanvas(Math.max(1, Math.floor(width / this.making.times)), Math.max(1, Math.floor(height / this.making.times)));
    const again = new OffscreenCanvas(width, height);
    for (const [from, to] of [[this.canvas, fewer], [fewer, again]]) {
      const context = to.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(from, 0, 0, to.width, to.height);
    }
    return again.getContext("2d").getImageData(0, 0, width, height);
  }
}

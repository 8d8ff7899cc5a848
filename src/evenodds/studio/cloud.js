// Over a cloud: what D answers at the place pointed at or tapped, read off the plane that the cloud carries.
(() => {
  const planes = new WeakMap();

  function plane(svg) {
    if (!planes.has(svg)) {
      const bytes = Uint8Array.from(atob(svg.dataset.heat), (letter) => letter.charCodeAt(0));
      planes.set(svg, new Uint16Array(bytes.buffer));
    }
    return planes.get(svg);
  }

  const places = (range) => (Math.abs(range) >= 20 ? 0 : Math.abs(range) >= 2 ? 1 : 3);

  // As figure() in plots.py: whole percents, and decimals near the ends.
  function figure(percent) {
    const whole = (percent >= 1 && percent <= 99) || percent === 0 || percent === 100;
    return percent.toFixed(whole ? 0 : percent >= 0.1 && percent <= 99.9 ? 1 : 2) + " %";
  }

  function answer(event) {
    const svg = event.target.closest?.("svg.eo-cloud[data-heat]");
    if (!svg) return;
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const [left, top, wide, tall] = svg.dataset.box.split(",").map(Number);
    const x = ((event.clientX - box.left) * scale - left) / wide;
    const y = 1 - ((event.clientY - box.top) * scale - top) / tall;
    if (x < 0 || x > 1 || y < 0 || y > 1) return;
    const [low, high, bottom, ceiling] = svg.dataset.range.split(",").map(Number);
    const down = Number(svg.dataset.down), across = Number(svg.dataset.across);
    const at = Math.round(y * (down - 1)) * across + Math.round(x * (across - 1));
    const values = plane(svg);
    const fake = (100 * values[at]) / 65535, presence = values[down * across + at] / 65535;
    const units = svg.dataset.units.split(",");
    const named = [low + x * (high - low), bottom + y * (ceiling - bottom)]
      .map((value, axis) => `${value.toFixed(places(axis ? ceiling - bottom : high - low))} ${units[axis]}`.trim())
      .join(", ");
    const said = svg.dataset.place.replace("{place}", named).replace("{share}", figure(fake));
    svg.parentElement.querySelector(".eo-answer").innerHTML = said + (presence < 0.1 ? " " + svg.dataset.far : "");
  }

  document.addEventListener("pointermove", answer);
  document.addEventListener("pointerdown", answer);
})();

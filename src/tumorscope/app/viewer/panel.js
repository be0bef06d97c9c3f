// One picture: a slice of a scan with what lies over it, marks, cross-hair; it takes pointer, wheel and slider.

import { drawDifference, drawHeat, drawLabels, drawScan } from "./paint.js";
import { PLANES } from "./volume.js";

const LETTERS = [[0.012, 0.5, "left", "middle"], [0.988, 0.5, "right", "middle"], [0.5, 0.012, "center", "top"],
  [0.5, 0.988, "center", "bottom"]];

export class Panel {
  /** `what`: plane, sequence (or null for the chosen one), overlay (or null), title, slider (own slice slider). */
  constructor(app, what) {
    this.app = app;
    this.what = what;
    this.element = document.createElement("div");
    this.element.className = "panel";
    this.canvas = this.element.appendChild(document.createElement("canvas"));
    this.canvas.setAttribute("role", "img");
    this.title = this.element.appendChild(document.createElement("span"));
    this.title.className = "title";
    this.number = this.element.appendChild(document.createElement("span"));
    this.number.className = "number";
    if (what.slider) this.addSlider();
    this.listen();
  }

  get sequence() { return this.what.sequence || this.app.state.sequence; }

  get index() { return this.app.state.point[PLANES[this.what.plane].through]; }

  addSlider() {
    const { plane } = this.what;
    this.slider = this.element.appendChild(document.createElement("input"));
    Object.assign(this.slider, { type: "range", min: 0, max: this.app.volumes.shape[PLANES[plane].through] - 1 });
    this.slider.setAttribute("aria-label", `${plane} slice`);
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
  }

  go(index) {
    const axis = PLANES[this.what.plane].through;
    const point = [...this.app.state.point];
    point[axis] = Math.max(0, Math.min(this.app.volumes.shape[axis] - 1, index));
    this.app.choose({ point });
  }

  listen() {
    let grip = null;
    const { canvas } = this;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey) this.zoom(event);
      else this.go(this.index + (event.deltaY < 0 ? 1 : -1));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      const grey = event.button === 2 || event.shiftKey;
      const pan = event.button === 1 || event.ctrlKey;
      grip = { grey, pan, x: event.clientX, y: event.clientY, window: this.app.window(this.sequence) };
      if (!grey && !pan) this.point(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (grip && grip.grey) this.regrey(event, grip);
      else if (grip && grip.pan) {
        this.pan(event.clientX - grip.x, event.clientY - grip.y);
        Object.assign(grip, { x: event.clientX, y: event.clientY });
      }
      else if (grip) this.point(event);
    });
    ["pointerup", "pointercancel"].forEach((kind) => canvas.addEventListener(kind, () => { grip = null; }));
  }

  /** Where the pointer is in the slice, in 0 to 1 across and down. */
  share(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / bounds.width;
    const [x0, y0, w, h] = this.box;
    return [((event.clientX - bounds.left) * ratio - x0) / w, ((event.clientY - bounds.top) * ratio - y0) / h];
  }

  /** Move the cross-hair to where the pointer is. */
  point(event) {
    if (!this.box) return;
    const { across, down, flip } = PLANES[this.what.plane];
    const [columns, rows] = this.app.volumes.size(this.what.plane);
    const at = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
    const [x, y] = this.share(event);
    const row = at(y, rows);
    const point = [...this.app.state.point];
    point[across] = at(x, columns);
    point[down] = flip ? rows - 1 - row : row;
    this.app.choose({ point });
  }

  /** Zoom about the pointer; all pictures follow. */
  zoom(event) {
    if (!this.box) return;
    const { zoom } = this.app.state;
    const next = Math.max(1, Math.min(8, zoom * (event.deltaY < 0 ? 1.25 : 0.8)));
    const middle = zoom > 1 ? this.middle() : [0.5, 0.5];
    const to = this.share(event).map((at, i) => at + (middle[i] - at) * (zoom / next));
    this.app.choose({ zoom: next, focus: next > 1 ? this.focus(to) : null }, true);
  }

  /** Move the enlarged picture by so many CSS pixels. */
  pan(dx, dy) {
    const ratio = window.devicePixelRatio || 1;
    const [, , w, h] = this.box;
    const [x, y] = this.middle();
    this.app.choose({ focus: this.focus([x - (dx * ratio) / w, y - (dy * ratio) / h]) });
  }

  /** The middle of what is shown when zoomed, in 0 to 1 across and down. */
  middle() {
    const { across, down, flip } = PLANES[this.what.plane];
    const { state, volumes } = this.app;
    const at = (axis) => ((state.focus || state.point)[axis] + 0.5) / volumes.shape[axis];
    return [at(across), flip ? 1 - at(down) : at(down)];
  }

  /** The voxel (not rounded) at a place in the slice. */
  focus([x, y]) {
    const { across, down, flip } = PLANES[this.what.plane];
    const { state, volumes } = this.app;
    const found = [...(state.focus || state.point)];
    const voxel = (share, axis) => Math.max(0, Math.min(1, share)) * volumes.shape[axis] - 0.5;
    found[across] = voxel(x, across);
    found[down] = voxel(flip ? 1 - y : y, down);
    return found;
  }

  /** Change window (across) and level (down) by how far the pointer was drawn. */
  regrey(event, grip) {
    const scan = this.app.scan(this.sequence);
    const span = scan.high - scan.low;
    const [black, white] = grip.window;
    const width = Math.max(span / 100, white - black + ((event.clientX - grip.x) / 300) * span);
    const level = (black + white) / 2 - ((event.clientY - grip.y) / 300) * span;
    this.app.setWindow(this.sequence, level - width / 2, level + width / 2);
  }

  draw() {
    const { app, canvas, what } = this;
    const { volumes, state } = app;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.element.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.element.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const size = volumes.size(what.plane);
    const [px, py] = volumes.pixel(what.plane);
    const scale = Math.min(width / (size[0] * px), height / (size[1] * py)) * state.zoom;
    const [w, h] = [size[0] * px * scale, size[1] * py * scale];
    const [x, y] = state.zoom > 1 ? this.middle() : [0.5, 0.5];
    const start = (room, span, at) => (span <= room ? (room - span) / 2 : Math.max(room - span, Math.min(0, room / 2 - at * span)));
    this.box = [start(width, w, x), start(height, h, y), w, h];
    const slice = volumes.slice(`scan_${this.sequence}`, what.plane, this.index);
    const [black, white] = app.bytes(this.sequence);
    const dim = this.map ? 0.6 : 1; // so that a map's colours stand out
    drawScan(context, slice, size, this.box, [black, black + (white - black) / dim]);
    this.drawOver(context, size);
    if (state.cross) this.drawCross(context, size);
    this.drawMarks(context, width, height, scale, ratio);
    this.label();
  }

  get overlay() { return this.what.overlay === undefined ? this.app.state.overlay : this.what.overlay; }

  /** The map shown over the scan, if one is. */
  get map() { return (this.app.facts.maps || []).find((one) => one.key === this.overlay); }

  drawOver(context, size) {
    const { app, box, index, overlay, map } = this;
    const { facts, state, volumes } = app;
    const { plane } = this.what;
    if (map) {
      const table = map.entropy ? facts.tables.entropy : facts.tables.probability;
      drawHeat(context, volumes.slice(overlay, plane, index), size, box, table, Math.max(state.opacity, 0.15) * 1.1);
    } else if (overlay === "difference" && app.pair) {
      const [found, truth] = ["labels", "reference"].map((key) => volumes.slice(key, plane, index));
      drawDifference(context, found, truth, size, box, app.pair, facts.agreement.colours, Math.max(state.opacity, 0.2));
    } else if ((overlay === "labels" || overlay === "reference") && volumes.has(overlay)) {
      drawLabels(context, volumes.slice(overlay, plane, index), size, box, facts[overlay].regions, state);
    }
  }

  drawCross(context, [columns, rows]) {
    const { across, down, flip } = PLANES[this.what.plane];
    const { point } = this.app.state;
    const [x0, y0, w, h] = this.box;
    const row = flip ? rows - 1 - point[down] : point[down];
    const x = x0 + ((point[across] + 0.5) / columns) * w;
    const y = y0 + ((row + 0.5) / rows) * h;
    const gap = 9 * (window.devicePixelRatio || 1);
    context.strokeStyle = "rgba(122, 208, 255, 0.75)";
    context.lineWidth = window.devicePixelRatio || 1;
    context.beginPath();
    const arm = this.what.slider ? Infinity : 1.2 * gap;
    const ends = [Math.max(x0, x - gap - arm), Math.min(x0 + w, x + gap + arm), Math.max(y0, y - gap - arm),
      Math.min(y0 + h, y + gap + arm)];
    for (const [a, b] of [[[ends[0], y], [x - gap, y]], [[x + gap, y], [ends[1], y]], [[x, ends[2]], [x, y - gap]],
      [[x, y + gap], [x, ends[3]]]]) {
      context.moveTo(...a);
      context.lineTo(...b);
    }
    context.stroke();
  }

  drawMarks(context, width, height, scale, ratio) {
    const { grid } = this.app.facts;
    context.shadowColor = "#000";
    context.shadowBlur = 3 * ratio;
    context.fillStyle = "#f2f5f8";
    context.font = `600 ${14 * ratio}px system-ui, sans-serif`;
    if (grid.sides) {
      LETTERS.forEach(([x, y, align, base], edge) => {
        context.textAlign = align;
        context.textBaseline = base;
        context.fillText(grid.planes[this.what.plane].marks[edge], x * width, y * height);
      });
    }
    const { mark } = this.app.facts;
    if (mark) {
      context.fillStyle = "#ffcf7a";
      context.textAlign = "right";
      context.textBaseline = "top";
      context.fillText(mark, width - 8 * ratio, 5 * ratio);
      context.fillStyle = "#f2f5f8";
    }
    if (grid.unit === "mm" && !this.what.slider) {
      const length = [100, 50, 20, 10, 5].find((mm) => mm * scale < 0.35 * width) || 5;
      const right = width - 10 * ratio;
      const y = height - 8 * ratio;
      context.fillRect(right - length * scale, y, length * scale, 2 * ratio);
      context.font = `${11 * ratio}px system-ui, sans-serif`;
      context.textAlign = "right";
      context.textBaseline = "bottom";
      context.fillText(`${length} mm`, right, y - 2 * ratio);
    }
    context.shadowBlur = 0;
  }

  label() {
    const { plane } = this.what;
    const [number, count] = this.app.volumes.number(plane, this.index);
    const where = this.app.facts.grid.sides ? plane : "slice";
    this.title.textContent = this.what.title || this.sequence;
    this.number.textContent = this.what.slider ? `${where} ${number}/${count}` : "";
    this.canvas.setAttribute("aria-label", `${this.title.textContent}, ${where} ${number} of ${count}`);
    if (this.slider) {
      this.slider.value = this.index;
      this.slider.setAttribute("aria-valuetext", `${number} of ${count}`);
    }
  }
}

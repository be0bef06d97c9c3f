// The viewer: takes a case from the app, shows it, and changes slice, window and overlay without asking the server.

import { build, make, readout } from "./controls.js";
import { LAYOUTS } from "./layouts.js";
import { Panel } from "./panel.js";
import { listen, setHeight } from "./protocol.js";
import { Scene } from "./scene3d.js";
import { keep, restore } from "./state.js";
import { Volumes } from "./volume.js";

const $ = (id) => document.getElementById(id);
const app = { facts: null, volumes: null, state: null, panels: [], scene: null, token: null };

app.scan = (sequence) => app.facts.scans.find((scan) => scan.name === sequence);
/** Whose window a sequence is shown in: images before and after something have one in common. */
app.owner = (sequence) => app.scan(sequence).like || sequence;
app.window = (sequence) => app.state.windows[app.owner(sequence)] || app.scan(sequence).window;
Object.defineProperty(app, "pair", {
  get: () => app.facts.agreement && app.facts.agreement.pairs.find((pair) => pair.name === app.state.pair),
});

/** The window in the units of the 8-bit volume. */
app.bytes = (sequence) => {
  const { low, high } = app.scan(sequence);
  return app.window(sequence).map((v) => ((v - low) / (high - low)) * 255);
};

app.setWindow = (sequence, black, white, rebuild = true) => {
  app.choose({ windows: { ...app.state.windows, [app.owner(sequence)]: [black, white] }, sequence }, rebuild);
};

app.reset = () => app.choose({ windows: {}, point: middle(), cross: true, zoom: 1, focus: null }, true);

/** Take a choice of the user; `rebuild`: the controls themselves change. */
app.choose = (choice, rebuild = false) => {
  Object.assign(app.state, choice);
  keep(app.token, app.state);
  if ("layout" in choice) arrange();
  if (rebuild || "layout" in choice || "palette" in choice) build(app);
  request();
};

let waiting = false;
function request() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function draw() {
  const began = performance.now();
  app.panels.forEach((panel) => panel.draw());
  if (app.scene) app.scene.draw().catch((error) => app.scene.say(`The 3D view could not be shown: ${error.message}.`));
  const slider = $("slice");
  if (slider) {
    const [number, count] = app.volumes.number("axial", app.state.point[2]);
    slider.value = app.state.point[2];
    slider.setAttribute("aria-valuetext", `${number} of ${count}`);
    $("slice-label").textContent = `Slice ${number} of ${count}`;
  }
  readout(app);
  document.body.dataset.drawn = String(Number(document.body.dataset.drawn || 0) + 1);
  document.body.dataset.milliseconds = (performance.now() - began).toFixed(1);
}

function middle() {
  return app.facts.grid.centre ? [...app.facts.grid.centre] : app.volumes.shape.map((n) => Math.floor(n / 2));
}

/** Make the panels of the chosen view. */
function arrange() {
  const offered = Object.entries(LAYOUTS).filter(([, layout]) => layout.offered(app));
  if (!offered.some(([key]) => key === app.state.layout)) app.state.layout = offered[0][0];
  $("layouts").replaceChildren(...offered.map(([key, layout]) => {
    const button = make("button", { type: "button", textContent: layout.name, "aria-pressed": String(key === app.state.layout) });
    button.dataset.layout = key;
    button.addEventListener("click", () => app.choose({ layout: key }));
    return button;
  }));
  const layout = LAYOUTS[app.state.layout];
  const [kinds, columns] = layout.panels(app);
  app.panels = kinds.map((what) => new Panel(app, what));
  const stage = $("stage");
  stage.style.gridTemplate = `repeat(${Math.ceil(Math.max(kinds.length, 1) / columns)}, 1fr) / repeat(${columns}, 1fr)`;
  app.scene = null;
  if (app.state.layout === "space") {
    const room = make("div", { className: "panel", style: "display: grid" });
    stage.replaceChildren(room);
    app.scene = new Scene(app, room);
    app.scene.open();
  } else stage.replaceChildren(...app.panels.map((panel) => panel.element));
  if (layout.extra) stage.append(make("section", { id: "extra", className: "extra" }));
  $("slices").replaceChildren(...(layout.slider && app.volumes.shape[2] > 1 ? slider() : []));
}

function slider() {
  const input = make("input", { id: "slice", type: "range", min: 0, max: app.volumes.shape[2] - 1 });
  input.addEventListener("input", () => {
    const [l, p] = app.state.point;
    app.choose({ point: [l, p, Number(input.value)] });
  });
  return [make("label", { id: "slice-label", for: "slice" }), input];
}

async function show(args) {
  const { facts } = args;
  const moved = !app.facts || JSON.stringify(app.facts.grid) !== JSON.stringify(facts.grid) || app.token !== args.token;
  if (moved) app.volumes = new Volumes(facts.grid);
  const fresh = moved || JSON.stringify(app.facts) !== JSON.stringify(facts);
  const keys = facts.volumes;
  await app.volumes.load(args, keys);
  if (!fresh) return;
  app.facts = facts;
  app.token = args.token;
  app.state = restore(args.token);
  const { state } = app;
  const fits = Array.isArray(state.point) && state.point.every((v, i) => v >= 0 && v < facts.grid.shape[i]);
  if (!fits || (facts.labels && !state.centred)) state.point = middle();
  state.centred = Boolean(facts.labels);
  if (!app.scan(state.sequence)) state.sequence = (app.scan("FLAIR") || facts.scans[0]).name;
  if (facts.agreement && !app.pair) state.pair = facts.agreement.pairs[0].name;
  document.documentElement.style.setProperty("--height", `${args.height}px`);
  setHeight(args.height);
  arrange();
  build(app);
  draw();
  document.body.dataset.case = args.token;
  document.body.dataset.layers = keys.join(" ");
}

let last = Promise.resolve();
listen((args) => { last = last.then(() => show(args)).catch((error) => console.error(error)); }); // the next may go well
new ResizeObserver(() => { if (app.state) request(); }).observe($("stage"));

// The column beside the images: what is shown, in which colours, how bright; and what lies under the cross-hair.

export function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (key.startsWith("aria-") || key === "role" || key === "for") element.setAttribute(key, value);
    else if (key === "style") element.style.cssText = value;
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

function group(title, ...children) {
  return make("fieldset", {}, make("legend", { textContent: title }), ...children);
}

function select(label, options, value, change) {
  const found = make("select", { "aria-label": label });
  options.forEach(([key, text]) => found.append(make("option", { value: key, textContent: text })));
  found.value = value;
  found.addEventListener("change", () => change(found.value));
  return found;
}

function slider(label, low, high, value, change, text) {
  const input = make("input", { type: "range", min: low, max: high, step: (high - low) / 200, value, "aria-label": label });
  const output = make("output", { textContent: text(value) });
  input.addEventListener("input", () => { output.textContent = text(Number(input.value)); change(Number(input.value)); });
  return make("div", { className: "row" }, make("span", { textContent: label }), input, output);
}

function toggle(label, pressed, click) {
  const button = make("button", { type: "button", textContent: label, "aria-pressed": String(pressed) });
  button.addEventListener("click", click);
  return button;
}

function chip([r, g, b]) {
  return make("span", { className: "chip", style: `background: rgb(${r},${g},${b})` });
}

function overlays(app) {
  const { facts } = app;
  const found = [["none", "none"]];
  if (facts.labels) found.push(["labels", "segmentation"]);
  if (facts.reference) found.push(["reference", "reference (expert)"]);
  if (facts.agreement) found.push(["difference", "difference to reference"]);
  return [...found, ...(facts.maps || []).map((map) => [map.key, map.title])];
}

function regionList(app) {
  const { facts, state } = app;
  const regions = (facts.labels || facts.reference).regions;
  return regions.map((region) => {
    const box = make("input", { type: "checkbox", checked: !state.hidden.includes(region.name) });
    box.addEventListener("change", () => {
      const rest = state.hidden.filter((name) => name !== region.name);
      app.choose({ hidden: box.checked ? rest : [...rest, region.name] });
    });
    const words = make("span", { textContent: region.name }, make("small", { textContent: ` ${region.long}` }));
    return make("label", { className: "check" }, box, chip(region.colours[state.palette]), words);
  });
}

function look(app) {
  const { state } = app;
  const over = (key, label) => toggle(label, state[key], () => app.choose({ [key]: !state[key] }, true));
  const palette = (key, label) => toggle(label, state.palette === key, () => app.choose({ palette: key }, true));
  return [
    slider("opacity", 0, 1, state.opacity, (opacity) => app.choose({ opacity }), (v) => `${Math.round(v * 100)} %`),
    ...(state.layout === "space" ? [] : [make("div", { className: "pair", role: "group", "aria-label": "Drawing" },
      over("fill", "fill"), over("outline", "outline"))]),
    make("div", { className: "pair", role: "group", "aria-label": "Colours", style: "margin-top: 4px" },
      palette("papers", "papers'"), palette("safe", "colour-blind")),
  ];
}

function brightness(app) {
  const { state } = app;
  const scan = app.scan(state.sequence);
  const [black, white] = app.window(state.sequence);
  const span = scan.high - scan.low;
  const text = (v) => (span < 10 ? v.toFixed(2) : String(Math.round(v)));
  let [width, level] = [white - black, (white + black) / 2];
  const apply = () => app.setWindow(state.sequence, level - width / 2, level + width / 2, false);
  const zoom = (value) => app.choose({ zoom: value, focus: value > 1 ? state.focus || [...state.point] : null });
  return [
    ...(state.layout === "space" ? [] : [slider("zoom", 1, 8, state.zoom, zoom, (v) => `${v.toFixed(1)}×`)]),
    slider("window", span / 100, span, width, (v) => { width = v; apply(); }, text),
    slider("level", scan.low, scan.high, level, (v) => { level = v; apply(); }, text),
    make("div", { className: "pair" },
      ...(state.layout === "space" ? [] : [toggle("cross-hair", state.cross, () => app.choose({ cross: !state.cross }, true))]),
      Object.assign(toggle("reset", false, () => app.reset()), { ariaPressed: null })),
  ];
}

function scores(app) {
  const { facts, state } = app;
  const { pairs } = facts.agreement;
  const rows = pairs.map((pair) => make("tr", {}, make("th", { scope: "row", textContent: pair.name }),
    make("td", { id: `slice-dice-${pair.name}` }), make("td", { textContent: pair.dice })));
  const head = make("tr", {}, make("th", { scope: "col", textContent: "Dice" }), make("td", { textContent: "slice" }),
    make("td", { textContent: "case" }));
  const colours = Object.entries(facts.agreement.colours)
    .map(([name, rgb]) => make("span", { className: "check" }, chip(rgb), make("span", { textContent: name })));
  return [
    select("Region compared", pairs.map((pair) => [pair.name, `difference in ${pair.name}`]), state.pair,
      (pair) => app.choose({ pair })),
    make("div", { style: "display: flex; gap: 8px" }, ...colours), make("table", { className: "facts" }, head, ...rows),
    ...(facts.agreement.seen ? [make("p", { textContent: "The model was trained on this case." })] : []),
  ];
}

function heatBar(app) {
  const map = (app.facts.maps || []).find((one) => one.key === app.state.overlay);
  if (!map) return [];
  const table = app.facts.tables[map.entropy ? "entropy" : "probability"];
  const stops = [0, 64, 128, 192, 255].map((i) => `rgb(${table[i].join(",")})`).join(",");
  return [make("div", { className: "bar", style: `background: linear-gradient(90deg, ${stops})` }),
    make("div", { className: "ends" }, make("span", { textContent: "0" }), make("span", { textContent: map.top.toFixed(map.top > 1 ? 1 : 0) }))];
}

/** Fill the column anew. */
export function build(app) {
  const { facts, state } = app;
  const parts = [];
  if (state.layout === "planes" || state.layout === "compare" || state.layout === "space") {
    const names = facts.scans.map((scan) => [scan.name, scan.name]);
    parts.push(group("Sequence", select("Sequence", names, state.sequence, (sequence) => app.choose({ sequence }, true))));
  }
  const layered = state.layout === "planes" || state.layout === "sequences";
  if (layered && overlays(app).length > 1) {
    const offered = overlays(app);
    const shown = offered.some(([key]) => key === state.overlay) ? state.overlay : "none"; // not there before segmenting
    const choice = select("Overlay", offered, shown, (overlay) => app.choose({ overlay }, true));
    parts.push(group("Overlay", choice, ...heatBar(app)));
  }
  const expert = state.layout === "compare" || (state.layout !== "slice" && state.overlay === "reference");
  const drawn = facts.labels || (facts.reference && expert);
  if (drawn) parts.push(group("Regions", ...regionList(app), ...look(app)));
  const compared = facts.agreement && (state.layout === "compare" || (layered && state.overlay === "difference"));
  const scored = compared ? group("Against reference", ...scores(app)) : null;
  const read = group("At the cross-hair", make("div", { id: "readout" }));
  const extra = document.getElementById("extra");
  if (extra) extra.replaceChildren(state.layout === "compare" ? scored : read);
  if (scored && !(extra && state.layout === "compare")) parts.push(scored);
  const zoomed = state.layout === "space" ? "Brightness" : "Zoom, brightness";
  const bright = facts.change ? "Zoom and brightness" : `${zoomed} of ${state.sequence}`;
  parts.push(group(bright, ...brightness(app)));
  if (state.layout !== "space" && !(extra && state.layout === "planes")) parts.push(read);
  document.getElementById("controls").replaceChildren(...parts);
  readout(app);
}

/** Write what lies at the cross-hair, and the scores of the slice. */
export function readout(app) {
  const place = document.getElementById("readout");
  const { facts, state, volumes } = app;
  if (facts.agreement) {
    facts.agreement.pairs.forEach((pair) => {
      const cell = document.getElementById(`slice-dice-${pair.name}`);
      if (cell) cell.textContent = pair.slices[volumes.number("axial", state.point[2])[0] - 1] ?? "–";
    });
  }
  if (!place) return;
  const rows = [];
  if (facts.grid.sides) {
    const words = volumes.place(state.point).map((v, i) => `${"RAS"[i] === "R" ? (v < 0 ? "L" : "R") : i === 1 ? (v < 0 ? "P" : "A") : v < 0 ? "I" : "S"} ${Math.abs(v).toFixed(0)}`);
    rows.push(["mm", words.join("  ")]);
  }
  facts.scans.forEach((scan) => {
    const value = scan.low + (volumes.at(`scan_${scan.name}`, state.point) / 255) * (scan.high - scan.low);
    rows.push([scan.name, scan.high - scan.low < 10 ? value.toFixed(2) : String(Math.round(value))]);
  });
  if (facts.labels) {
    const found = facts.labels.classes.find((one) => one.value === volumes.at("labels", state.point));
    rows.push(["label", found ? found.name : "–"]);
  }
  (facts.maps || []).forEach((map) => {
    rows.push([map.entropy ? "entropy" : map.title, ((volumes.at(map.key, state.point) / 255) * map.top).toFixed(2)]);
  });
  const table = make("table", { className: "facts" });
  rows.forEach(([name, text]) => table.append(make("tr", {}, make("th", { scope: "row", textContent: name }), make("td", { textContent: text }))));
  place.replaceChildren(table);
}

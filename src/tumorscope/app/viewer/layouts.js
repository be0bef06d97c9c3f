// Which panels each view shows. A view is offered only where the case has what it shows.

const AXIAL = { plane: "axial" };

/** The two sequences the paper's page shows, or what comes nearest. */
function pair(app) {
  const names = app.facts.scans.map((scan) => scan.name);
  const chosen = ["FLAIR", "T1CE"].filter((name) => names.includes(name));
  return [...chosen, ...names.filter((name) => !chosen.includes(name))].slice(0, 2);
}

function slicePanels(app) {
  const shown = pair(app);
  const plain = shown.map((sequence) => ({ ...AXIAL, sequence, overlay: null }));
  if (!app.facts.labels) return [plain, Math.min(2, plain.length)];
  const maps = (app.facts.maps || []).filter((map) => !map.entropy)
    .map((map) => ({ ...AXIAL, sequence: shown[0], overlay: map.key, title: map.title }));
  const panels = [...plain, { ...AXIAL, sequence: shown[0], overlay: "labels", title: "segmentation" }, ...maps];
  return [panels, Math.min(panels.length, panels.length > 4 ? 3 : 2)];
}

/** Before, after and what changed; what lies between (a zero-filled image) is shown too. */
function changePanels(app) {
  const unit = app.facts.change.unit;
  const titles = { difference: `difference${unit && `,${unit}`}` };
  return [app.facts.scans.map(({ name }) => ({ ...AXIAL, sequence: name, title: titles[name] || name })),
    app.facts.scans.length > 3 ? 2 : 3];
}

export const LAYOUTS = {
  change: { name: "Before and after", slider: true, offered: (app) => Boolean(app.facts.change), panels: changePanels },
  slice: { name: "Slice", slider: true, offered: (app) => !app.facts.change, panels: slicePanels },
  planes: {
    name: "Three planes",
    extra: "readout",
    offered: (app) => app.facts.grid.deep,
    panels: () => [["axial", "coronal", "sagittal"].map((plane) => ({ plane, slider: true })), 2],
  },
  sequences: {
    name: "Sequences",
    slider: true,
    offered: (app) => app.facts.scans.length > 1 && !app.facts.change,
    panels: (app) => [app.facts.scans.map((scan) => ({ ...AXIAL, sequence: scan.name })), 2],
  },
  compare: {
    name: "Against reference",
    slider: true,
    extra: "scores",
    offered: (app) => Boolean(app.facts.agreement),
    panels: () => [[
      { ...AXIAL, overlay: "reference", title: "reference" },
      { ...AXIAL, overlay: "labels", title: "segmentation" },
      { ...AXIAL, overlay: "difference", title: "difference" },
    ], 2],
  },
  space: { name: "3D", offered: (app) => app.facts.grid.deep && !app.facts.change, panels: () => [[], 1] },
};

// The 3D view: NiiVue, loaded when it is first opened; head and tumour as one rendering that can be turned.

let library = null;

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "vendor/niivue.umd.js";
    script.onload = () => resolve(window.niivue);
    script.onerror = () => reject(new Error("the 3D viewer could not be loaded"));
    document.head.append(script);
  });
  return library;
}

/** A NIfTI-1 file of uint8 voxels, L fastest, with the affine of the grid. */
function nifti(grid, voxels) {
  const bytes = new Uint8Array(352 + voxels.length);
  const view = new DataView(bytes.buffer);
  const little = true;
  view.setInt32(0, 348, little);
  [3, ...grid.shape, 1, 1, 1, 1].forEach((n, i) => view.setInt16(40 + 2 * i, n, little));
  view.setInt16(70, 2, little);
  view.setInt16(72, 8, little);
  [1, ...grid.spacing, 1, 1, 1, 1].forEach((v, i) => view.setFloat32(76 + 4 * i, v, little));
  view.setFloat32(108, 352, little);
  view.setFloat32(112, 1, little);
  view.setUint8(123, 2);
  view.setInt16(254, 1, little);
  grid.affine.slice(0, 3).forEach((row, r) => row.forEach((v, c) => view.setFloat32(280 + 16 * r + 4 * c, v, little)));
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  bytes.set(voxels, 352);
  return bytes.buffer;
}

/** Label values → the colour of the innermost region shown, for NiiVue. */
function colourMap(regions, look) {
  const found = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: ["background"] };
  const shown = regions.filter((region) => !look.hidden.includes(region.name));
  [...new Set(regions.flatMap((region) => region.values))].sort((a, b) => a - b).forEach((value) => {
    const region = shown.findLast((one) => one.values.includes(value));
    const [r, g, b] = region ? region.colours[look.palette] : [0, 0, 0];
    found.R.push(r);
    found.G.push(g);
    found.B.push(b);
    found.A.push(!region ? 0 : region === shown[0] && shown.length > 1 ? 50 : 255); // see what lies inside
    found.I.push(value);
    found.labels.push(region ? region.name : "");
  });
  return found;
}

export class Scene {
  constructor(app, element) {
    this.app = app;
    this.element = element;
    this.shown = null;
    this.last = Promise.resolve();
  }

  say(text) {
    const note = document.createElement("p");
    note.className = "note";
    note.setAttribute("role", "status");
    note.textContent = text;
    this.element.replaceChildren(note);
  }

  async open() {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Head and segmentation in 3D");
    if (!document.createElement("canvas").getContext("webgl2")) {
      this.say("This browser has no WebGL 2, which the 3D view needs. The other views work without it.");
      return;
    }
    try {
      this.say("Loading the 3D view…");
      const library = await load();
      const hint = Object.assign(document.createElement("span"), { className: "hint" });
      hint.textContent = "Drag to turn, wheel to zoom. Hide WT to see the core alone.";
      if (!this.app.facts.labels) hint.textContent = "Drag to turn, wheel to zoom.";
      this.element.replaceChildren(canvas, hint);
      const viewer = new library.Niivue({
        backColor: [0, 0, 0, 1], show3Dcrosshair: false, isColorbar: false, dragAndDropEnabled: false, logLevel: "error",
        loadingText: "", fontColor: [0.95, 0.95, 0.95, 1],
      });
      await viewer.attachToCanvas(canvas);
      viewer.setSliceType(viewer.sliceTypeRender);
      Object.assign(this, { viewer, library });
      await this.draw();
      this.element.dataset.ready = "yes";
    } catch (error) {
      this.say(`The 3D view could not be shown: ${error.message}.`);
    }
  }

  /** Show the chosen sequence and the labels in the chosen colours; one drawing waits for the one before. */
  draw() {
    const drawn = this.last.then(() => this.viewer && this.drawNow());
    this.last = drawn.catch(() => {}); // the caller hears of it, the next drawing does not
    return drawn;
  }

  async drawNow() {
    const { app, viewer, library } = this;
    const { facts, state, volumes } = app;
    const over = ["labels", "reference"].includes(state.overlay) && facts[state.overlay] ? state.overlay : "labels";
    const wanted = `${state.sequence} ${over} ${volumes.has(over)}`;
    if (wanted !== this.shown) {
      this.shown = wanted;
      while (viewer.volumes.length) viewer.removeVolumeByIndex(0);
      viewer.addVolume(await library.NVImage.new(nifti(facts.grid, volumes.data[`scan_${state.sequence}`]), "scan.nii", "gray", 1));
      if (volumes.has(over)) {
        viewer.addVolume(await library.NVImage.new(nifti(facts.grid, volumes.data[over]), "labels.nii", "red", 1));
      }
      viewer.setRenderAzimuthElevation(120, 15);
    }
    if (viewer.volumes.length > 1) {
      viewer.volumes[1].setColormapLabel(colourMap(facts[over].regions, state));
    }
    const [black, white] = app.bytes(state.sequence);
    Object.assign(viewer.volumes[0], { cal_min: Math.max(black, 25), cal_max: white });
    viewer.setOpacity(0, Math.max(0.02, 1 - state.opacity));
    viewer.updateGLVolume();
  }
}

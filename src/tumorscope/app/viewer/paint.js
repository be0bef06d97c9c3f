// Slices into pixels: grey scan, coloured labels, outlines, heat maps.

const scratch = document.createElement("canvas");

/** Put RGBA pixels on `context`, stretched over `box` = [x, y, width, height]. */
function stretch(context, pixels, width, height, box, smooth) {
  scratch.width = width;
  scratch.height = height;
  scratch.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(scratch, ...box);
}

/** Draw a scan; `window` = [black, white] in 0 to 255. */
export function drawScan(context, slice, [width, height], box, [black, white]) {
  const table = new Uint32Array(256);
  for (let v = 0; v < 256; v += 1) {
    const grey = Math.max(0, Math.min(255, Math.round(((v - black) / Math.max(white - black, 0.5)) * 255)));
    table[v] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  const pixels = new Uint32Array(width * height);
  for (let i = 0; i < pixels.length; i += 1) pixels[i] = table[slice[i]];
  stretch(context, new Uint8ClampedArray(pixels.buffer), width, height, box, true);
}

/** For each label value the bits of the regions it belongs to. */
export function regionBits(regions, hidden) {
  const bits = new Uint32Array(256);
  regions.forEach((region, r) => {
    if (!hidden.includes(region.name)) region.values.forEach((value) => { bits[value] |= 1 << r; });
  });
  return bits;
}

/** Draw labels: each pixel in the colour of the innermost region shown, and a line around each region. */
export function drawLabels(context, slice, size, box, regions, look) {
  const bits = regionBits(regions, look.hidden);
  const colours = regions.map((region) => region.colours[look.palette]);
  if (look.fill) {
    const table = new Uint32Array(256);
    bits.forEach((found, value) => {
      if (!found) return;
      const [r, g, b] = colours[31 - Math.clz32(found)];
      table[value] = ((Math.round(look.opacity * 255) << 24) | (b << 16) | (g << 8) | r) >>> 0;
    });
    const pixels = new Uint32Array(slice.length);
    for (let i = 0; i < slice.length; i += 1) pixels[i] = table[slice[i]];
    stretch(context, new Uint8ClampedArray(pixels.buffer), ...size, box, false);
  }
  if (look.outline) {
    regions.forEach((region, r) => outline(context, (i) => (bits[slice[i]] >> r) & 1, size, box, colours[r]));
  }
}

/** Draw the border of a mask along the edges of its pixels. */
export function outline(context, inside, [width, height], [x0, y0, w, h], [r, g, b]) {
  const dx = w / width;
  const dy = h / height;
  context.beginPath();
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const i = y * width + x;
      if (!inside(i)) continue;
      const left = x0 + x * dx;
      const top = y0 + y * dy;
      if (x === 0 || !inside(i - 1)) { context.moveTo(left, top); context.lineTo(left, top + dy); }
      if (x === width - 1 || !inside(i + 1)) { context.moveTo(left + dx, top); context.lineTo(left + dx, top + dy); }
      if (y === 0 || !inside(i - width)) { context.moveTo(left, top); context.lineTo(left + dx, top); }
      if (y === height - 1 || !inside(i + width)) { context.moveTo(left, top + dy); context.lineTo(left + dx, top + dy); }
    }
  }
  context.strokeStyle = `rgb(${r},${g},${b})`;
  context.lineWidth = 1.5 * (window.devicePixelRatio || 1);
  context.stroke();
}

/** Draw values 0 to 255 in the colours of a table; small values let the scan shine through. */
export function drawHeat(context, slice, size, box, table, opacity) {
  const lut = new Uint32Array(256);
  table.forEach(([r, g, b], v) => {
    const alpha = Math.round(Math.min(1.6 * (v / 255), 1) * opacity * 255);
    lut[v] = ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
  const pixels = new Uint32Array(slice.length);
  for (let i = 0; i < slice.length; i += 1) pixels[i] = lut[slice[i]];
  stretch(context, new Uint8ClampedArray(pixels.buffer), ...size, box, false);
}

/** Draw where prediction and reference agree in a region and where not; `colours`: found, missed, invented. */
export function drawDifference(context, found, truth, size, box, pair, colours, opacity) {
  const mine = new Uint8Array(256);
  const theirs = new Uint8Array(256);
  pair.prediction.forEach((v) => { mine[v] = 1; });
  pair.reference.forEach((v) => { theirs[v] = 1; });
  const alpha = Math.round(opacity * 255);
  const packed = ["found", "missed", "invented"].map((key) => {
    const [r, g, b] = colours[key];
    return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
  const pixels = new Uint32Array(found.length);
  for (let i = 0; i < found.length; i += 1) {
    const p = mine[found[i]];
    const t = theirs[truth[i]];
    if (p || t) pixels[i] = packed[p && t ? 0 : t ? 1 : 2];
  }
  stretch(context, new Uint8ClampedArray(pixels.buffer), ...size, box, false);
}

// The case's volumes: uint8, (S, P, L) in C order; slices of them as they lie on the screen.

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Which of (L, P, S) run across, down and through a plane; `flip`: rows run against the axis. */
export const PLANES = {
  axial: { across: 0, down: 1, through: 2, flip: false },
  coronal: { across: 0, down: 2, through: 1, flip: true },
  sagittal: { across: 1, down: 2, through: 0, flip: true },
};

export class Volumes {
  constructor(grid) {
    this.grid = grid;
    this.shape = grid.shape;
    this.data = {};
    this.packed = {};
  }

  /** Unpack what is new among `args`; volumes that were there already are kept. */
  async load(args, keys) {
    const fresh = keys.filter((key) => this.packed[key] !== args[key]);
    const found = await Promise.all(fresh.map((key) => inflate(args[key])));
    fresh.forEach((key, i) => { this.data[key] = found[i]; this.packed[key] = args[key]; });
  }

  has(key) { return key in this.data; }

  at(key, [l, p, s]) { return this.data[key][(s * this.shape[1] + p) * this.shape[0] + l]; }

  size(plane) {
    const { across, down } = PLANES[plane];
    return [this.shape[across], this.shape[down]];
  }

  /** mm per pixel across and down. */
  pixel(plane) {
    const { across, down } = PLANES[plane];
    return [this.grid.spacing[across], this.grid.spacing[down]];
  }

  /** Slice `index` of a volume as rows from the top, left to right. */
  slice(key, plane, index) {
    const volume = this.data[key];
    const [L, P, S] = this.shape;
    if (plane === "axial") return volume.subarray(index * L * P, (index + 1) * L * P);
    const [width, height] = this.size(plane);
    const out = new Uint8Array(width * height);
    for (let row = 0; row < height; row += 1) {
      const base = (S - 1 - row) * P * L;
      if (plane === "coronal") out.set(volume.subarray(base + index * L, base + (index + 1) * L), row * width);
      else for (let p = 0; p < P; p += 1) out[row * width + p] = volume[base + p * L + index];
    }
    return out;
  }

  /** Slice number as the file counts it, from 1, and how many there are. */
  number(plane, index) {
    const { start, step, along, count } = this.grid.planes[plane];
    const place = start + index * step;
    return [along ? place + 1 : count - place, count];
  }

  /** RAS mm of a voxel. */
  place(point) {
    return [0, 1, 2].map((row) => {
      const a = this.grid.affine[row];
      return a[0] * point[0] + a[1] * point[1] + a[2] * point[2] + a[3];
    });
  }
}

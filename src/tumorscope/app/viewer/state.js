// What the user chose in the viewer; kept by the browser's tab, so that it survives a change of page.

const DEFAULTS = {
  layout: "slice",
  point: null,
  sequence: null,
  overlay: "labels",
  pair: null,
  hidden: [],
  opacity: 0.45,
  fill: true,
  outline: true,
  palette: "safe",
  windows: {},
  cross: true,
  zoom: 1,
  focus: null,
};

/** Return the choices kept under `token` (one per case and session), with defaults for the rest. */
export function restore(token) {
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(`viewer-${token}`) || "{}");
  } catch { /* a damaged entry counts as none */ }
  return { ...structuredClone(DEFAULTS), ...kept };
}

export function keep(token, state) {
  try {
    sessionStorage.setItem(`viewer-${token}`, JSON.stringify(state));
  } catch { /* storage may be switched off */ }
}

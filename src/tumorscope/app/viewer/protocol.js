// What Streamlit and the page in its frame say to one another (components v1), and nothing more.

function send(type, data) {
  window.parent.postMessage({ isStreamlitMessage: true, type: `streamlit:${type}`, ...data }, "*");
}

/** Call `draw(args)` each time the app sends arguments. */
export function listen(draw) {
  window.addEventListener("message", (event) => {
    if (event.source === window.parent && event.data.type === "streamlit:render") draw(event.data.args);
  });
  send("componentReady", { apiVersion: 1 });
}

/** Make the frame this high, in CSS pixels. */
export function setHeight(height) {
  send("setFrameHeight", { height });
}

// Files that are chosen or dropped: what cannot be taken is said at once, in the page's language,
// before a byte is sent. The server has the same limits. A song may be dropped anywhere on the page.

/** @returns {HTMLElement[]} */
const zones = () => [...document.querySelectorAll(".mug-upload")].filter((zone) => zone instanceof HTMLElement);

/**
 * What is said of files below a zone; its attributes carry the limits and the sentences.
 * @returns {HTMLElement | null}
 */
function saysOf(zone) {
  return document.querySelector(`.mug-upload-says[data-for="${zone.id}"]`);
}

/**
 * The sentence for the first file that a zone cannot take; null where it takes them all.
 * @param {File[]} files
 * @param {DOMStringMap} limits `bytes`, `kinds` and the sentences `large` and `other`
 */
export function refusal(files, { bytes, kinds, large, other }) {
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (!kinds.split(" ").some((kind) => name.endsWith(kind))) return other.replace("[name]", file.name);
    if (file.size > Number(bytes)) {
      const megabytes = (Math.ceil((10 * file.size) / 2 ** 20) / 10).toFixed(1);
      return large.replace("[name]", file.name).replace("[size]", megabytes);
    }
  }
  return null;
}

/** Whether a zone takes the files; what it does not take is said, and Gradio never hears of it. */
function takes(zone, files, event) {
  const says = saysOf(zone);
  if (!says || !files.length) return true;
  const text = refusal(files, says.dataset);
  says.hidden = text === null;
  says.textContent = text ?? "";
  if (text === null) return true;
  event.preventDefault();
  event.stopImmediatePropagation();
  return false;
}

document.addEventListener("change", (event) => {
  const input = event.target;
  const zone = input instanceof HTMLInputElement && input.type === "file" && input.closest(".mug-upload");
  if (zone && !takes(zone, [...input.files], event)) input.value = "";
}, true);

/** Where something that is dropped goes: the zone below the pointer, else the one in sight. */
function zoneOf(target) {
  return target.closest?.(".mug-upload") ?? zones().find((zone) => zone.id && zone.offsetParent !== null) ?? null;
}

function mark(zone) {
  for (const one of zones()) one.toggleAttribute("data-drop", one === zone);
}

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault(); // a file beside the zone would replace the page
  mark(zoneOf(event.target));
});

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) mark(null);
});

document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  mark(null);
  const zone = zoneOf(event.target);
  const inside = zone?.contains(event.target);
  if (zone && !takes(zone, [...event.dataTransfer.files], event)) {
    if (inside) event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
    return;
  }
  if (inside) return; // Gradio takes it
  event.preventDefault();
  const input = zone?.querySelector("input[type=file]");
  if (!input) return;
  const [first] = event.dataTransfer.files;
  const one = new DataTransfer();
  if (first) one.items.add(first);
  input.files = one.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}, true);

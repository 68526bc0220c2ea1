// What a page and a system wish: dark or light, calm or lively, large or small.

/**
 * Watches the theme, the wish for less motion and the sizes of some elements.
 * @param {HTMLElement} host
 * @param {HTMLElement[]} sized
 * @param {{restyle: (dark: boolean, calm: boolean) => void, resize: () => void}} tell
 * @returns {() => void} stops watching
 */
export function watchSurroundings(host, sized, tell) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const restyle = () => tell.restyle(dark.matches, calm.matches);
  const themes = new MutationObserver(restyle);
  for (let element = host; element; element = element.parentElement) {
    themes.observe(element, { attributes: true, attributeFilter: ["data-theme"] });
  }
  const sizes = new ResizeObserver(tell.resize);
  for (const element of sized) sizes.observe(element);
  for (const query of [dark, calm]) query.addEventListener("change", restyle);
  restyle();
  return () => {
    themes.disconnect();
    sizes.disconnect();
    for (const query of [dark, calm]) query.removeEventListener("change", restyle);
  };
}

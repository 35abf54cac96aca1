/* Small helps of the staff pages; every page also works without them. */

/* A button with data-copy="#id" copies the text of that element. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.querySelector(button.dataset.copy).textContent.trim();
  const label = button.textContent;
  navigator.clipboard.writeText(text).then(
    () => { button.textContent = "Copiado"; },
    () => { button.textContent = "Selecciónelo y cópielo a mano"; },
  ).finally(() => setTimeout(() => { button.textContent = label; }, 2500));
});

/* What unfold made to be clicked only can also be reached with Tab and pressed with Enter. */
const ICON_NAMES = {
  dock_to_right: "Mostrar u ocultar el menú",
  close: "Cerrar el menú",
  computer: "Elegir el tema",
  light_mode: "Elegir el tema",
  dark_mode: "Elegir el tema",
  more_horiz: "Más acciones",
};

function makeReachable(root) {
  const clicked = "a:not([href])[x-on\\:click], span[x-on\\:click], div.cursor-pointer[x-on\\:click]";
  for (const element of root.querySelectorAll(clicked)) {
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    const name = ICON_NAMES[element.textContent.trim()];
    if (name) element.setAttribute("aria-label", name);
  }
}

/* The headings of a list's cards begin with a capital, and with one only. */
function capitalizeLabels() {
  for (const cell of document.querySelectorAll("#result_list [data-label]")) {
    const label = cell.dataset.label.trim();
    cell.dataset.label = label.charAt(0).toUpperCase() + label.slice(1);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  makeReachable(document);
  capitalizeLabels();
});

/* The page is hidden until Alpine is there, and what is hidden takes no focus. */
document.addEventListener("alpine:initialized", () => {
  setTimeout(() => document.querySelector("[autofocus]")?.focus());
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  const element = event.target;
  if (element.getAttribute?.("role") !== "button" || element.tagName === "BUTTON" || element.href) return;
  event.preventDefault();
  element.click();
});

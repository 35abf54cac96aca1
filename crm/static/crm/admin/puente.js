/* Small helps of the staff pages; every page also works without them. */

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.querySelector(button.dataset.copy).textContent;
  const said = button.textContent;
  navigator.clipboard.writeText(text).then(
    () => { button.textContent = "Copiado"; },
    () => { button.textContent = "Selecciónelo y cópielo a mano"; },
  ).finally(() => setTimeout(() => { button.textContent = said; }, 2500));
});

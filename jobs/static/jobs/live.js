/* Keeps a page of campaigns up to date while somebody looks at it. Without scripts it shows how things stood. */

const ASK_EVERY = 4000;

function livePage() {
  const page = document.getElementById("cp-live-page");
  if (!page) return;
  let asking = false;
  let paused = false;

  const bar = document.createElement("p");
  bar.className = "cp-live-bar";
  const told = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cp-live-button";
  bar.append(told, button);
  page.before(bar);

  function tell() {
    bar.classList.toggle("cp-live-bar--paused", paused);
    told.textContent = paused ? "Las cifras están detenidas." : "Se actualiza sola.";
    button.textContent = paused ? "Seguir actualizando" : "Detener";
  }

  function put(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("cp-live");
    const present = document.getElementById("cp-live");
    if (!fresh || !present) return;
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    const focused = present.contains(document.activeElement) ? document.activeElement.id : "";
    if (token) for (const box of fresh.querySelectorAll("input[name=csrfmiddlewaretoken]")) box.value = token.value;
    present.replaceWith(fresh);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  async function ask() {
    if (asking || paused || document.hidden) return;
    asking = true;
    const token = document.getElementById("cp-live")?.dataset.token || "";
    try {
      const answer = await fetch(`${page.dataset.news}?token=${token}`);
      if (answer.status === 200 && !answer.redirected && !paused) put(await answer.text());
    } catch {
      /* The network is away for a moment; the next question comes soon. */
    } finally {
      asking = false;
    }
  }

  button.addEventListener("click", () => {
    paused = !paused;
    tell();
    ask();
  });
  tell();
  setInterval(ask, ASK_EVERY);
  document.addEventListener("visibilitychange", ask);
}

livePage();

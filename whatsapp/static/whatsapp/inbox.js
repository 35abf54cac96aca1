/* The inbox keeps itself up to date while somebody looks at it. Without scripts it is a list like any other. */

const READ_AGAIN_EVERY = 10000;

function inbox() {
  let before = null;
  let asking = false;

  async function readAgain() {
    const shown = document.getElementById("result_list");
    if (asking || document.hidden || !shown || shown.contains(document.activeElement)) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Part": "lista" } });
      if (!answer.ok || answer.redirected) return;
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("result_list");
      if (fresh && text !== before && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
      before = text;
    } catch {
      /* The network is away for a moment; the next question comes soon. */
    } finally {
      asking = false;
    }
  }

  setInterval(readAgain, READ_AGAIN_EVERY);
  document.addEventListener("visibilitychange", readAgain);
}

inbox();

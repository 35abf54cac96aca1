/* The page of a thread without reloading it. Every form and link here also works by itself.

   The answer of every act, and of the question what is new, is the same fragment (news.html): entries and parts with a
   version. What has another version than on the page is replaced, what is missing is put in its place. */

const POLL_EVERY = 4000;
const NEAR_THE_END = 160;

function thread() {
  const page = document.getElementById("wa-page");
  if (!page) return;
  const scroll = document.getElementById("wa-scroll");
  const list = () => document.getElementById("wa-bubbles");
  const news = page.dataset.news;
  const draftName = `wa-draft:${news || location.pathname}`;
  let asking = false;

  const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_THE_END;
  const toEnd = () => { scroll.scrollTop = scroll.scrollHeight; };

  /* --- Putting an answer in its place ---------------------------------------------------------- */

  function mergeItems(fresh) {
    const known = [...fresh.children].some((item) => !item.id.startsWith("d") && document.getElementById(item.id));
    if (!known) {
      list().replaceChildren(...fresh.children);
      return true;
    }
    let previous = null;
    let grew = false;
    for (const item of [...fresh.children]) {
      const present = document.getElementById(item.id);
      if (!present) {
        if (previous) previous.after(item);
        else list().prepend(item);
        grew = true;
        previous = item;
        continue;
      }
      if (present.dataset.version !== item.dataset.version) {
        const open = present.querySelector(".wa-more")?.open;
        present.replaceWith(item);
        if (open && item.querySelector(".wa-more")) item.querySelector(".wa-more").open = true;
        previous = item;
      } else {
        previous = present;
      }
    }
    return grew;
  }

  /* False when a part could not be replaced because somebody is typing in it. */
  function mergePart(fresh) {
    const present = document.getElementById(fresh.id);
    if (!present || present.dataset.version === fresh.dataset.version) return true;
    const focused = document.activeElement;
    const isTyping = present.contains(focused) && focused.matches("input, textarea, select");
    if (isTyping && fresh.id === "wa-side") return false;
    const draft = document.getElementById("wa-text")?.value;
    present.replaceWith(fresh);
    window.htmx.process(fresh);
    const text = document.getElementById("wa-text");
    if (text && draft) {
      text.value = draft;
      count();
    }
    return true;
  }

  function merge(html) {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const answer = parsed.getElementById("wa-news");
    if (!answer) return null;
    const wasAtEnd = isAtEnd();
    const fresh = answer.querySelector("#wa-bubbles");
    const grew = fresh.children.length > 0 && mergeItems(fresh);
    if (grew) document.getElementById("wa-empty")?.remove();
    let complete = true;
    for (const part of answer.querySelectorAll("[data-part]")) complete = mergePart(part) && complete;
    const said = answer.querySelector("#wa-said");
    if (said) document.getElementById("wa-said").replaceWith(said);
    if (complete) page.dataset.token = answer.dataset.token;
    if (answer.dataset.sent || (grew && wasAtEnd)) toEnd();
    else if (grew) document.getElementById("wa-down").hidden = false;
    tick();
    return answer;
  }

  function newKey(key) {
    for (const box of page.querySelectorAll("input[name=clave]")) box.value = key;
  }

  /* --- Asking what is new, while somebody looks ------------------------------------------------- */

  async function ask() {
    if (asking || !news || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch(`${news}?token=${page.dataset.token || ""}`, { headers: { "HX-Request": "true" } });
      const elsewhere = answer.headers.get("HX-Redirect");
      if (elsewhere) location.assign(elsewhere);
      else if (answer.status === 200 && !answer.redirected) merge(await answer.text());
    } catch {
      /* The network is away for a moment; the next question comes soon. */
    } finally {
      asking = false;
    }
  }
  if (news) {
    setInterval(ask, POLL_EVERY);
    document.addEventListener("visibilitychange", ask);
  }

  /* --- Doing something -------------------------------------------------------------------------- */

  function say(sentence) {
    const place = document.getElementById("wa-said");
    place.className = "wa-said wa-said--refusal";
    place.textContent = sentence;
  }

  async function send(form, submitter) {
    const data = new FormData(form, submitter);
    const url = submitter?.getAttribute("formaction") || form.getAttribute("action");
    form.dataset.busy = "true";
    if (submitter) submitter.disabled = true;
    showFile(form, "Subiendo");
    try {
      const response = await fetch(url, { method: "POST", body: data, headers: { "HX-Request": "true" } });
      const elsewhere = response.headers.get("HX-Redirect");
      if (elsewhere || response.redirected) {
        location.assign(elsewhere || response.url);
        return;
      }
      const answer = merge(await response.text());
      if (!answer) {
        say("No se pudo hacer. Recargue la página e inténtelo otra vez.");
        return;
      }
      newKey(answer.dataset.key);
      if (answer.dataset.sent) sent(form);
    } catch {
      say("No hay conexión. Lo que escribió sigue aquí: inténtelo otra vez y no saldrá dos veces.");
    } finally {
      delete form.dataset.busy;
      if (submitter) submitter.disabled = false;
      showFile(form);
    }
  }

  function sent(form) {
    if (form.id === "wa-write") {
      form.reset();
      quote(null);
      localDraft("");
      count();
      document.getElementById("wa-text")?.focus();
    } else if (form.classList.contains("wa-picked")) {
      document.getElementById("wa-picked").replaceChildren();
      document.getElementById("wa-template-choice").value = "";
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || !page.contains(form)) return;
    event.preventDefault();
    if (!form.dataset.busy) send(form, event.submitter);
  });

  /* --- Older messages ---------------------------------------------------------------------------- */

  page.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-older]");
    if (!link || !news) return;
    event.preventDefault();
    if (link.dataset.busy) return;
    link.dataset.busy = "true";
    try {
      const answer = await fetch(link.dataset.older, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw new Error("refused");
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      const height = scroll.scrollHeight - scroll.scrollTop;
      const older = [...parsed.getElementById("wa-bubbles").children];
      for (const item of older) document.getElementById(item.id)?.remove();
      const firstShown = list().firstElementChild;
      list().prepend(...older);
      document.getElementById("wa-older").replaceWith(parsed.getElementById("wa-older"));
      scroll.scrollTop = scroll.scrollHeight - height;
      (document.querySelector("[data-older]") || firstShown)?.focus?.();
    } catch {
      location.assign(link.href);
    }
  });

  /* --- Quoting ----------------------------------------------------------------------------------- */

  function quote(button) {
    const box = document.getElementById("wa-quoting");
    const shown = document.getElementById("wa-quoting-shown");
    if (!box) return;
    box.value = button ? button.dataset.quote : "";
    shown.hidden = !button;
    shown.querySelector("span").textContent = button ? button.dataset.quoted : "";
    if (button) document.getElementById("wa-text").focus();
  }

  page.addEventListener("click", (event) => {
    const button = event.target.closest("[data-quote]");
    if (button) quote(button);
    if (event.target.closest("#wa-quote-off")) quote(null);
    if (event.target.closest("#wa-down")) toEnd();
  });

  /* --- A file: chosen, pasted or dropped ------------------------------------------------------------ */

  const sizeOf = (bytes) =>
    bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toLocaleString("es", { maximumFractionDigits: 1 })} MB`;

  function showFile(form, doing = "Se enviará") {
    if (form.id !== "wa-write" || !form.isConnected) return;
    const file = document.getElementById("wa-file").files[0];
    const shown = document.getElementById("wa-file-shown");
    shown.hidden = !file;
    shown.querySelector("span").textContent = file ? `${doing}: ${file.name} (${sizeOf(file.size)})` : "";
    document.getElementById("wa-text").placeholder = file ? "Texto que acompaña al archivo" : "Escriba un mensaje";
    if (file) quote(null);
  }

  function take(event, files) {
    const box = document.getElementById("wa-file");
    if (!box || !files?.length) return;
    event.preventDefault();
    const one = new DataTransfer();
    one.items.add(files[0]);
    box.files = one.files;
    showFile(box.form);
    document.getElementById("wa-text").focus();
  }

  /* On the way down: unfold's own listener looks for a box beside the file's, which is not here. */
  page.addEventListener("change", (event) => {
    if (event.target.id !== "wa-file") return;
    event.stopPropagation();
    showFile(event.target.form);
    document.getElementById("wa-text").focus();
  }, true);
  page.addEventListener("click", (event) => {
    if (!event.target.closest("#wa-file-off")) return;
    document.getElementById("wa-file").value = "";
    showFile(event.target.form);
  });
  page.addEventListener("paste", (event) => take(event, event.clipboardData?.files));
  page.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files") && document.getElementById("wa-file")) event.preventDefault();
  });
  page.addEventListener("drop", (event) => take(event, event.dataTransfer?.files));

  /* --- Writing: the counter, the draft, the key that sends ----------------------------------------- */

  function localDraft(text) {
    try {
      if (text === undefined) return sessionStorage.getItem(draftName) || "";
      if (text) sessionStorage.setItem(draftName, text);
      else sessionStorage.removeItem(draftName);
    } catch {
      /* A browser without storage keeps no drafts. */
    }
    return "";
  }

  function count() {
    const text = document.getElementById("wa-text");
    const counter = document.getElementById("wa-counter");
    if (!text || !counter) return;
    counter.textContent = `${text.value.length} de ${text.maxLength}`;
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight + 2, 180)}px`;
  }

  page.addEventListener("input", (event) => {
    if (event.target.id !== "wa-text") return;
    localDraft(event.target.value);
    count();
  });
  page.addEventListener("keydown", (event) => {
    if (event.target.id !== "wa-text" || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.target.form.requestSubmit(event.target.form.querySelector("button[type=submit]"));
  });

  /* --- The clock of the window ---------------------------------------------------------------------- */

  function tick() {
    const shown = document.getElementById("wa-window");
    if (!shown?.dataset.closes) return;
    const minutes = Math.floor((new Date(shown.dataset.closes) - Date.now()) / 60000);
    const hours = Math.floor(minutes / 60);
    const words = hours ? `${hours} h ${minutes % 60} min` : minutes > 0 ? `${minutes} min` : "menos de 1 min";
    if (minutes < 0) ask();
    else shown.querySelector("span").textContent = `cierra en ${words}`;
  }
  setInterval(tick, 20000);

  scroll.addEventListener("scroll", () => {
    if (isAtEnd()) document.getElementById("wa-down").hidden = true;
  });

  const text = document.getElementById("wa-text");
  if (text && !text.value) text.value = localDraft();
  count();

  /* The page has no size until Alpine shows it. */
  function begin() {
    page.style.setProperty("--wa-top", `${Math.round(page.getBoundingClientRect().top + window.scrollY)}px`);
    const wanted = location.hash.startsWith("#m") && document.getElementById(location.hash.slice(1));
    if (wanted) wanted.scrollIntoView({ block: "center" });
    else if (news) toEnd();
    /* At a desk one writes at once; on a phone the keyboard would cover what was said. */
    if (!wanted && matchMedia("(hover: hover) and (min-width: 1100px)").matches) {
      document.getElementById("wa-text")?.focus({ preventScroll: true });
    }
  }
  begin();
  document.addEventListener("alpine:initialized", () => setTimeout(begin));
  window.addEventListener("resize", () => {
    const wasAtEnd = isAtEnd();
    page.style.setProperty("--wa-top", `${Math.round(page.getBoundingClientRect().top + window.scrollY)}px`);
    if (wasAtEnd) toEnd();
  });
  /* Pictures grow while they load. */
  scroll.addEventListener("load", () => { if (isAtEnd()) toEnd(); }, true);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", thread);
else thread();

// The desk without this file works: forms are sent and links followed. With it, parts of a page change in place and keys do what buttons do.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const main = () => $("#main");
  let current = -1, waiting = null, going = null;

  // ---- items: one is chosen, and keys act on it
  const items = () => $$("[data-item]", main());
  function choose(number, scroll = true) {
    const all = items();
    if (!all.length) return;
    current = Math.max(0, Math.min(all.length - 1, number));
    all.forEach((one, at) => one.classList.toggle("chosen", at === current));
    const one = all[current];
    if (!one.hasAttribute("tabindex")) one.tabIndex = -1;
    one.focus({ preventScroll: true });
    if (scroll) one.scrollIntoView({ block: one.offsetHeight > innerHeight * 0.8 ? "start" : "nearest", behavior: "auto" });
  }
  const chosen = () => items()[current] || null;

  // ---- beginnings of texts, asked for when they come into view
  const seen = new IntersectionObserver((entries) => entries.filter((e) => e.isIntersecting).forEach((e) => {
    seen.unobserve(e.target);
    fetch(e.target.dataset.lead, { credentials: "same-origin" }).then((r) => r.ok ? r.json() : {}).then((found) => {
      if (found.lead) { e.target.textContent = found.lead; e.target.dir = "auto"; }
    }).catch(() => {});
  }), { rootMargin: "200px" });
  function fill() {
    $$("[data-lead]").forEach((one) => seen.observe(one));
    $$(".text").forEach((one) => {
      const mark = $("mark", one);
      const down = mark ? mark.offsetTop - one.offsetTop : 0;
      if (one.scrollHeight > one.clientHeight && down > one.clientHeight * 0.7) one.scrollTop = down - 48;
    });
    $$("form[data-auto] select").forEach((one) => one.addEventListener("change", () => one.form.requestSubmit()));
    $$("input[data-twin]").forEach((one) => {
      const other = document.getElementById(one.dataset.twin);
      one.addEventListener("input", () => { other.value = one.value; other.dispatchEvent(new Event("input", { bubbles: true })); });
      other.addEventListener("input", (event) => { if (event.isTrusted) one.value = other.value; });
    });
  }

  // ---- a form whose answer replaces one part of the page while it is typed
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form || !form.dataset.live) return;
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const query = new URLSearchParams(new FormData(form));
      const address = form.getAttribute("action") + "?" + query;
      const answer = await fetch(address, { credentials: "same-origin" });
      if (!answer.ok) return;
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = made.getElementById(form.dataset.live);
      if (fresh) { document.getElementById(form.dataset.live).replaceWith(fresh); history.replaceState(null, "", address); fill(); }
    }, 90);
  });

  // ---- what people say is sent in place; the page that answers takes the place of this one
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const at = current, y = scrollY;
    $$("button", form).forEach((one) => { one.disabled = true; });
    try {
      const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
      if (!(answer.headers.get("content-type") || "").includes("html")) throw new Error(await answer.text());
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = $("#main", made);
      if (!fresh) throw new Error("the desk gave no page");
      main().replaceWith(fresh);
      document.title = made.title;
      if (answer.redirected) history.replaceState(null, "", answer.url);
      fill();
      const told = $(".box.error, .box.said", fresh);
      if (told) toast(told.textContent, told.classList.contains("error"));
      const next = answer.ok && "next" in form.dataset ? at + 1 : at;
      if ("top" in form.dataset) { scrollTo(0, 0); choose(0, false); } else { scrollTo(0, y); if (next >= 0) choose(next); }
    } catch (error) {
      $$("button", form).forEach((one) => { one.disabled = false; });
      toast(String(error.message || error), true);
    }
  });
  function toast(said, bad) {
    const box = $("#live");
    box.textContent = said;
    box.className = "toast on" + (bad ? " bad" : "");
    setTimeout(() => { box.className = "toast"; }, bad ? 9000 : 3500);
  }

  // ---- keys
  function follow(selector, root = main()) {
    const link = root && $(selector, root);
    if (link) link.click();
  }
  const acts = {
    j: () => choose(current + 1), k: () => choose(current - 1),
    o: () => follow("a[data-open]", chosen()), Enter: () => follow("a[data-open]", chosen()),
    n: () => follow("a[data-page=n]"), p: () => follow("a[data-page=p]"),
    u: () => follow("button[data-undo]"),
    "/": () => { const box = $("main input[type=search]") || $("#find"); box.focus(); box.select(); },
    "?": () => { const box = $("#keys"); box.open ? box.close() : box.showModal(); },
    g: () => { going = setTimeout(() => { going = null; }, 1500); },
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=range]), textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) { event.target.blur(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (going) {
      clearTimeout(going); going = null;
      const link = $(`nav a[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (/^[1-9]$/.test(event.key)) {
      const button = $(`button[data-key="${event.key}"]`, chosen() || main()) || $(`.queue button[data-key="${event.key}"]`);
      if (button) { event.preventDefault(); button.click(); }
      return;
    }
    if (event.key === "Enter" && (event.target.closest("a, button, summary") || !chosen())) return;
    const act = acts[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-item]");
    if (item && !event.target.closest("a, button, input, select, textarea, summary")) choose(items().indexOf(item), false);
  });
  // ---- what only makes sense with this file
  const who = $(".who");
  if (who) {
    const button = Object.assign(document.createElement("button"), { textContent: "?", title: "Keys", ariaLabel: "Keys" });
    button.addEventListener("click", acts["?"]);
    who.append(" ", button);
  }
  const here = $("nav a[aria-current]");
  const bar = here && here.closest("ul");
  if (bar && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = here.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
  fill();
})();

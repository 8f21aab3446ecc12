// What the console needs beyond plain pages and htmx. Everything here is a comfort: pages work without it.
(function () {
  "use strict";

  const HIDDEN_TAB_MS = 15000;
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));

  function announce(text) {
    const place = document.getElementById("announce");
    if (place) place.textContent = text;
  }

  // --- Copy buttons ------------------------------------------------------------------------------------------
  function showCopyButtons(root) {
    all("[data-copy][hidden]", root).forEach((button) => button.removeAttribute("hidden"));
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // No clipboard on plain http: select the text and use the old way.
      window.getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    const word = button.querySelector("span");
    const before = word.textContent;
    if (button.classList.contains("done")) return;
    word.textContent = button.dataset.copied;
    button.classList.add("done");
    announce(button.dataset.copied);
    setTimeout(() => {
      word.textContent = before;
      button.classList.remove("done");
    }, 1800);
  }

  // --- Theme -------------------------------------------------------------------------------------------------
  const THEMES = ["auto", "light", "dark"];

  function showTheme(button) {
    const chosen = document.documentElement.getAttribute("data-theme-choice") || "auto";
    all("[data-theme-icon]", button).forEach((part) => part.toggleAttribute("hidden", part.dataset.themeIcon !== chosen));
    button.setAttribute("aria-label", button.dataset[chosen]);
    button.title = button.dataset[chosen];
    button.hidden = false;
  }

  function nextTheme(button) {
    const chosen = document.documentElement.getAttribute("data-theme-choice") || "auto";
    try {
      localStorage.setItem("theme", THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length]);
    } catch {
      return;
    }
    document.dispatchEvent(new Event("kbconsole:theme"));
    showTheme(button);
    announce(button.title);
  }

  // --- Ages: "12 s ago" stays true while the page is open ------------------------------------------------------
  const AGES = JSON.parse(document.documentElement.dataset.ages || "[]");

  function ageText(seconds) {
    const fitting = AGES.filter((age) => Math.abs(seconds) >= 2 * age[0]);
    const age = fitting.length ? fitting[fitting.length - 1] : AGES[0];
    return age[seconds >= 0 ? 1 : 2].replace("{n}", String(Math.floor(Math.abs(seconds) / age[0])));
  }

  function showAges() {
    if (!AGES.length || document.hidden) return;
    all("time[data-ago]").forEach((time) => {
      const text = ageText((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    });
  }

  // --- Live parts: pause, slow down in a hidden tab, keep the focus ----------------------------------------------
  let paused = false;
  const lastAsked = new Map();

  function showLive(state) {
    all(".live").forEach((part) => {
      part.dataset.state = state;
      const text = part.querySelector("[data-live-text]");
      if (text.textContent !== text.dataset[state]) text.textContent = text.dataset[state];
    });
  }

  function showPause(button) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? button.dataset.resume : button.dataset.pause;
  }

  function isPoll(event) {
    const element = event.detail.elt;
    return element && element.matches && element.matches("[data-poll]") && !event.detail.requestConfig.triggeringEvent;
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    // The page is about to go: an answer would come too late, and the browser reports the broken request.
    if (document.querySelector("form[data-sent]")) event.preventDefault();
    if (!isPoll(event)) return;
    const key = event.detail.elt.id || event.detail.pathInfo.requestPath;
    const tooSoon = document.hidden && Date.now() - (lastAsked.get(key) || 0) < HIDDEN_TAB_MS;
    if (paused || tooSoon) event.preventDefault();
    else lastAsked.set(key, Date.now());
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!isPoll(event)) return;
    const asked = new URL(event.detail.pathInfo.finalRequestPath || event.detail.pathInfo.requestPath, location.href);
    const answered = new URL(event.detail.xhr.responseURL || asked, location.href);
    if (asked.pathname !== answered.pathname) {
      // Signed out meanwhile: the sign-in page does not belong inside a fragment.
      event.detail.shouldSwap = false;
      location.reload();
      return;
    }
    if (event.detail.xhr.status < 400) showLive("live");
    const holder = event.detail.elt.closest("[hx-swap]");
    const style = holder ? holder.getAttribute("hx-swap") : "innerHTML";
    const focused = document.activeElement;
    if (/^(innerHTML|outerHTML)/.test(style) && focused !== document.body && event.detail.target.contains(focused)) {
      event.detail.shouldSwap = false;
    }
  });

  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach((name) =>
    document.addEventListener(name, (event) => isPoll(event) && showLive("lost"))
  );
  document.addEventListener("htmx:afterRequest", (event) => {
    if (isPoll(event) && event.detail.successful && !paused) showLive("live");
  });

  // --- hx-swap="morph" (the element itself) and "morph-inner": update in place, so that the focus, open details and
  //     the scroll position stay. Elements are matched by id, others by position. --------------------------------------
  function keeps(element, name) {
    return (name === "open" && element.matches("details")) || (name === "hidden" && element.matches("[data-copy], [data-pause-updates]"));
  }

  function morphAttributes(from, to) {
    Array.from(from.attributes).forEach((a) => {
      if (!to.hasAttribute(a.name) && !keeps(from, a.name)) from.removeAttribute(a.name);
    });
    Array.from(to.attributes).forEach((a) => {
      if (from.getAttribute(a.name) !== a.value && !keeps(from, a.name)) from.setAttribute(a.name, a.value);
    });
  }

  function alike(from, to) {
    return from.nodeType === to.nodeType && from.nodeName === to.nodeName && (from.id || "") === (to.id || "");
  }

  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      from.nodeValue = to.nodeValue;
      return;
    }
    morphAttributes(from, to);
    morphChildren(from, to);
  }

  function morphChildren(from, to) {
    const keyed = new Map(Array.from(from.children).filter((c) => c.id).map((c) => [c.id, c]));
    const wanted = new Set(Array.from(to.children).map((c) => c.id).filter(Boolean));
    let cursor = from.firstChild;
    Array.from(to.childNodes).forEach((node) => {
      while (cursor && cursor.id && !wanted.has(cursor.id)) {
        const gone = cursor;
        cursor = cursor.nextSibling;
        gone.remove();
      }
      const known = node.id ? keyed.get(node.id) : null;
      if (known && alike(known, node)) {
        if (known === cursor) cursor = cursor.nextSibling;
        else from.insertBefore(known, cursor);
        morph(known, node);
      } else if (cursor && !node.id && alike(cursor, node)) {
        const next = cursor.nextSibling;
        morph(cursor, node);
        cursor = next;
      } else {
        from.insertBefore(node, cursor);
      }
    });
    while (cursor) {
      const gone = cursor;
      cursor = cursor.nextSibling;
      gone.remove();
    }
  }

  function swap(style, target, fragment) {
    const focused = document.activeElement;
    if (style === "morph") {
      const next = fragment.firstElementChild;
      if (!next || !alike(target, next)) return false;
      morph(target, next);
    } else if (style === "morph-inner") {
      morphChildren(target, fragment);
    } else {
      return false;
    }
    // An element that was moved to another place has lost the focus.
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    return [target];
  }

  if (window.htmx) {
    window.htmx.defineExtension("morph", { isInlineSwap: (style) => style === "morph", handleSwap: swap });
  }

  // --- Keyboard: "/" searches, j and k walk a list, Escape closes a menu ----------------------------------------------
  function walk(step) {
    const rows = all("[data-rows] a[data-row]");
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    rows[Math.max(0, Math.min(rows.length - 1, at + step))].focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      all("details[data-menu][open]").forEach((menu) => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      event.preventDefault();
      if (search.getClientRects().length) search.focus();
      else location.assign(search.form.action); // a narrow bar has no room for the box; its page has
    } else if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
  });

  // --- Clicks and forms -----------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const copyButton = event.target.closest("[data-copy]");
    const themeButton = event.target.closest("[data-theme-switch]");
    const pauseButton = event.target.closest("[data-pause-updates]");
    if (copyButton) copy(copyButton);
    if (themeButton) nextTheme(themeButton);
    if (pauseButton) {
      paused = !paused;
      all("[data-pause-updates]").forEach(showPause);
      showLive(paused ? "paused" : "live");
    }
    all("details[data-menu][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // On paper nothing can be opened. The stylesheet opens it where the browser can; this does where it cannot.
  window.addEventListener("beforeprint", () =>
    all("main details:not([open])").forEach((part) => {
      part.open = true;
      part.dataset.printed = "";
    })
  );
  window.addEventListener("afterprint", () =>
    all("details[data-printed]").forEach((part) => {
      part.open = false;
      delete part.dataset.printed;
    })
  );

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto-submit]");
    if (form) form.requestSubmit();
  });

  document.addEventListener("submit", (event) => {
    // A second click on the same button sends nothing; htmx forms look after themselves.
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // --- A code behind the # of a link: only the page sees it, and hands it on where no log keeps it -----------------
  function useCode() {
    const field = document.querySelector("[data-code]");
    if (!field || location.hash.length < 2) return;
    field.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    field.form.requestSubmit();
  }

  function start(root) {
    showCopyButtons(root);
    all("[data-pause-updates]", root).forEach(showPause);
    showAges();
  }

  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
  all("[data-theme-switch]").forEach(showTheme);
  start(document);
  useCode();
  const attention = document.querySelector("[data-focus]");
  if (attention) attention.focus();
  setInterval(showAges, 5000);
})();

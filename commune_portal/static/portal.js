// What the browser does beyond plain pages. Everything works without this file; it only makes work quicker.
// No inline handlers and no eval: the page's policy forbids them.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const typing = (element) => element.matches("input, select, textarea, [contenteditable]");
  document.documentElement.classList.add("js");

  // ---- words for the ear -------------------------------------------------------------------------------------
  const say = (text) => { const region = one("#said"); if (region) region.textContent = text; };

  // ---- the keyboard map --------------------------------------------------------------------------------------
  // Single letters can be switched off (WCAG 2.1.4); the choice stays in this browser.
  const letters = () => localStorage.getItem("keys") !== "off";
  const rows = () => all("main .dense .open");

  function step(by) {
    const links = rows();
    if (!links.length) return;
    const here = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, here + by));
    links[next].focus();
    links[next].scrollIntoView({ block: "nearest" });
  }

  function showKeys() {
    const dialog = one("#keys");
    one("[data-keys-on]", dialog).checked = letters();
    dialog.showModal();
  }

  const LETTERS = {
    "/": () => { const field = one('[data-key="search"]'); if (field) { field.focus(); field.select(); } return Boolean(field); },
    "j": () => { step(1); return true; },
    "k": () => { step(-1); return true; },
    "?": () => { showKeys(); return true; },
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey && !event.ctrlKey && event.code === "KeyN") {
      const link = one('[data-key="new"]');
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "Escape") {
      for (const menu of all("details.user[open], .acts details.confirm[open]")) {
        menu.open = false;
        one("summary", menu).focus();
      }
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || one("dialog[open]") || !letters()) return;
    const act = LETTERS[event.key];
    if (act && act()) event.preventDefault();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-keys-on]")) localStorage.setItem("keys", event.target.checked ? "on" : "off");
  });

  // ---- clicks: open a row, show the keys, close the menu of the person ---------------------------------------
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) showKeys();
    for (const menu of all("details.user[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (event.target.closest(".menu:target a")) history.replaceState(null, "", location.pathname + location.search);
    const row = event.target.closest(".dense tbody tr");
    if (!row || event.target.closest("a, button, input, select, label, summary, form")) return;
    if (String(getSelection())) return;
    const link = one(".open", row);
    if (!link) return;
    if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener"); else link.click();
  });

  // ---- after htmx has put something in: focus what matters, say how many --------------------------------------
  function settle(root) {
    const errors = one(".error-summary", root);
    if (errors) { errors.focus(); return; }
    const notice = root.matches("#notice") ? one(".notice", root) : null;
    if (notice) { notice.tabIndex = -1; notice.focus(); notice.scrollIntoView({ block: "nearest" }); return; }
    const said = one("[data-said]", root);
    if (said) { say(said.textContent.trim()); return; }
    const heading = one("h1", root);
    if (heading) heading.focus();
  }

  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx && event.detail.ctx.target;
    const id = typeof target === "string" ? target.replace(/^#/, "") : target && target.id;
    if (id === "urgent") alarm();
    if (!id || id === "bell" || id === "urgent") return;
    const root = document.getElementById(id);
    if (root) settle(root);
  });

  document.addEventListener("htmx:error", () => say("Không liên lạc được với máy chủ. Hãy thử lại."));

  // The bell rests while nobody looks: no request from a hidden tab.
  document.addEventListener("htmx:config:request", (event) => {
    const source = event.detail.ctx && event.detail.ctx.sourceElement;
    if (source && ["bell", "queue"].includes(source.id) && document.hidden) event.preventDefault();
  });

  // ---- hỏa tốc: a tone for what has come and is not accepted ----------------------------------------------------
  // At once for a document not told yet, then every minute while one waits; one tab of this browser sounds for all.
  // A browser lets a page sound only after the person has touched it: until then the tone waits for that touch.
  const AGAIN = 60000;
  const muted = () => localStorage.getItem("urgent-sound") === "off";
  let sound = null;
  let owed = false;

  function tone() {
    if (!window.AudioContext) return;
    owed = true;
    if (!sound && navigator.userActivation && !navigator.userActivation.hasBeenActive) return;
    sound = sound || new AudioContext();
    sound.resume().then(() => {
      if (!owed || sound.state !== "running") return;
      owed = false;
      for (const [at, pitch] of [[0, 880], [0.25, 660], [0.5, 880]]) beep(sound.currentTime + at, pitch);
    });
  }

  function beep(begins, pitch) {
    const [wave, gain] = [sound.createOscillator(), sound.createGain()];
    wave.frequency.value = pitch;
    gain.gain.setValueAtTime(0.0001, begins);
    gain.gain.exponentialRampToValueAtTime(0.3, begins + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, begins + 0.22);
    wave.connect(gain).connect(sound.destination);
    wave.start(begins);
    wave.stop(begins + 0.24);
  }

  function alarm() {
    const strip = one("#urgent");
    const waiting = strip ? strip.dataset.sounding.split(" ").filter(Boolean) : [];
    const button = strip && one("[data-mute]", strip);
    if (button) {
      button.setAttribute("aria-pressed", String(muted()));
      button.textContent = muted() ? "Bật tiếng ở máy này" : "Tắt tiếng ở máy này";
    }
    const told = (localStorage.getItem("urgent-told") || "").split(" ");
    const fresh = waiting.some((id) => !told.includes(id));
    const last = Number(localStorage.getItem("urgent-last") || 0);
    const now = Date.now();
    if (!waiting.length) { owed = false; return; }
    if (!fresh && now >= last && now - last < AGAIN) return;
    localStorage.setItem("urgent-told", waiting.join(" "));
    localStorage.setItem("urgent-last", String(now));
    if (!muted()) tone();
  }
  setInterval(alarm, 5000);

  for (const kind of ["pointerdown", "pointerup", "keydown"]) {
    document.addEventListener(kind, () => { if (owed && !muted()) tone(); });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-mute]");
    if (!button) return;
    localStorage.setItem("urgent-sound", muted() ? "on" : "off");
    if (muted()) owed = false; else tone();
    alarm();
  });

  // ---- forms: one send, a warning before typed text is lost ---------------------------------------------------
  let dirty = false;
  document.addEventListener("input", (event) => { if (event.target.closest("form[data-dirty]")) dirty = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!dirty) return;
    event.preventDefault();
    event.returnValue = ""; // Chromium before 119 asks only then
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog" || form.matches("[hx-get], [hx-post], [target=_blank]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    dirty = false;
    form.dataset.sent = "yes";
    for (const button of all("button:not([type=button])", form)) button.setAttribute("aria-disabled", "true");
    if (form.matches("[data-upload]") && all("input[type=file]", form).some((input) => input.files.length)) {
      event.preventDefault();
      send(form, event.submitter);
    }
  });

  function release(form) {
    delete form.dataset.sent;
    for (const button of all("button[aria-disabled]", form)) button.removeAttribute("aria-disabled");
  }
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach(release));

  // ---- upload with progress: fetch tells none, so XHR ---------------------------------------------------------
  function send(form, submitter) {
    const box = one("[data-progress]", form);
    const bar = box && one("progress", box);
    const words = box && one("span", box);
    const request = new XMLHttpRequest();
    const failed = (text) => {
      release(form);
      dirty = true;
      if (box) { bar.hidden = true; words.textContent = text; }
      say(text);
    };
    request.open("POST", form.action);
    request.setRequestHeader("HX-Request", "true");
    request.setRequestHeader("HX-Request-Type", "full");
    if (box) { box.hidden = false; bar.hidden = false; words.textContent = "Đang gửi…"; }
    request.upload.onprogress = (event) => {
      if (!box || !event.lengthComputable) return;
      const percent = Math.floor((100 * event.loaded) / event.total);
      bar.value = percent;
      words.textContent = percent < 100 ? `Đã gửi ${percent} %` : "Đã gửi xong, đang xử lý…";
    };
    request.onload = () => {
      const onward = request.getResponseHeader("HX-Redirect");
      if (onward) { location.assign(onward); return; }
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const fresh = answer.getElementById("main");
      if (!fresh) { failed("Máy chủ trả lời không đọc được. Hãy thử lại."); return; }
      document.title = answer.title;
      one("#main").replaceWith(fresh);
      if (window.htmx) window.htmx.process(fresh);
      arm(fresh);
      dirty = request.status >= 400;
      settle(fresh);
    };
    request.onerror = () => failed("Mất liên lạc khi đang gửi. Tệp chưa được lưu; hãy bấm gửi lại.");
    const data = new FormData(form);
    if (submitter && submitter.name) data.append(submitter.name, submitter.value);
    request.send(data);
  }

  // ---- drag and drop: a dropped file fills the input -----------------------------------------------------------
  function arm(root) {
    for (const zone of all("[data-drop]", root)) {
      const input = one("input[type=file]", zone);
      const says = one("[data-drop-says]", zone);
      const tell = () => {
        const names = [...input.files].map((file) => `${file.name} (${(file.size / 1048576).toFixed(1).replace(".", ",")} MB)`);
        if (says && names.length) says.textContent = names.join(" · ");
      };
      input.addEventListener("change", tell);
      zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
      zone.addEventListener("dragleave", () => zone.classList.remove("over"));
      zone.addEventListener("drop", (event) => {
        event.preventDefault();
        zone.classList.remove("over");
        if (!event.dataTransfer.files.length) return;
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
        input.dispatchEvent(new Event("input", { bubbles: true }));
      });
    }
  }

  // ---- places of fields over a page: the picture and the typed millimetres say the same -------------------------
  function armPlaces(root) {
    const form = one("form[data-places]", root);
    if (!form) return;
    const SIDES = ["x", "y", "width", "height"];
    const field = (name, side) => form.elements[`${name}_${side}`];
    const number = (text) => Number(text.replace(",", "."));
    for (const group of all("[data-place]", root)) {
      const name = group.dataset.place;
      const sheet = group.ownerSVGElement;
      const [area, grip, words] = [one(".area", group), one(".grip", group), one("text", group)];
      const page = sheet.viewBox.baseVal;
      const read = () => Object.fromEntries(SIDES.map((side) => [side, number(field(name, side).value)]));
      const draw = (box) => {
        if (!SIDES.every((side) => box[side] >= 0)) return;
        for (const side of SIDES) area.setAttribute(side, box[side]);
        grip.setAttribute("x", box.x + box.width - 2);
        grip.setAttribute("y", box.y + box.height - 2);
        words.setAttribute("x", box.x + 0.8);
        words.setAttribute("y", Math.max(box.y - 0.8, 3.4));
      };
      const put = (box) => {
        box.width = Math.min(Math.max(box.width, 4), page.width);
        box.height = Math.min(Math.max(box.height, 4), page.height);
        box.x = Math.min(Math.max(box.x, 0), page.width - box.width);
        box.y = Math.min(Math.max(box.y, 0), page.height - box.height);
        for (const side of SIDES) field(name, side).value = box[side].toFixed(1).replace(".", ",");
        draw(read());
      };
      const shift = (box, grows, right, down) => put(grows
        ? { ...box, width: box.width + right, height: box.height + down }
        : { ...box, x: box.x + right, y: box.y + down });
      group.setAttribute("tabindex", "0");
      for (const side of SIDES) field(name, side).addEventListener("input", () => draw(read()));
      group.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (!way) return;
        event.preventDefault();
        shift(read(), event.shiftKey, ...way);
      });
      group.addEventListener("pointerdown", (event) => {
        const mm = (moved) => new DOMPoint(moved.clientX, moved.clientY).matrixTransform(sheet.getScreenCTM().inverse());
        const [start, box, grows] = [mm(event), read(), event.target === grip];
        const move = (moved) => { const at = mm(moved); shift({ ...box }, grows, at.x - start.x, at.y - start.y); };
        event.preventDefault();
        group.focus();
        group.setPointerCapture(event.pointerId);
        group.addEventListener("pointermove", move);
        group.addEventListener("lostpointercapture", () => group.removeEventListener("pointermove", move), { once: true });
      });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    arm(document);
    armPlaces(document);
    alarm();
    const errors = one(".error-summary");
    if (errors) { errors.focus(); dirty = Boolean(one("form[data-dirty]")); }
  });
})();

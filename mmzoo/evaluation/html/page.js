"use strict";
(() => {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const STEPS = 200;
  const share = (part, whole) => (whole ? (part / whole).toFixed(4) : "–");

  // Thresholds: counts of every class from each probability on are in the page.
  const f1 = (right, said, positives) => share(2 * right, said + positives);

  function show(line, right, said, positives) {
    const values = {
      precision: share(right, said),
      recall: share(right, positives),
      f1: f1(right, said, positives),
      right,
      wrong: said - right,
      missed: positives - right,
    };
    for (const [name, value] of Object.entries(values)) {
      const cell = line.querySelector("." + name);
      if (cell) cell.textContent = typeof value === "number" ? value.toLocaleString("en") : value;
    }
  }

  for (const part of document.querySelectorAll(".thresholds")) {
    const found = data.thresholds[part.dataset.answer];
    const lines = [...part.querySelectorAll("tr[data-class]")];
    const live = part.querySelector(".live");
    const update = () => {
      let right = 0, said = 0, positives = 0;
      lines.forEach((line, index) => {
        const of = found.classes[index];
        const slider = (found.exclusive ? part : line).querySelector("input");
        const at = Math.round(slider.value * STEPS);
        slider.parentElement.querySelector("output").textContent = Number(slider.value).toFixed(3);
        show(line, of.right[at], of.said[at], of.positives);
        right += of.right[at];
        said += of.said[at];
        positives += of.positives;
      });
      if (!found.exclusive) return show(live, right, said, positives);
      live.querySelector(".answered").textContent = (100 * said / found.rows).toFixed(1) + " %";
      live.querySelector(".accuracy").textContent = said ? (100 * right / said).toFixed(1) + " %" : "–";
    };
    part.addEventListener("input", update);
    update();
  }

  // Rows: a view, one kind of row, and words to search for.
  const holder = document.getElementById("cards");
  if (!holder) return;
  const cards = [...holder.children].map((element) => ({
    element,
    keys: JSON.parse(element.dataset.keys),
    views: JSON.parse(element.dataset.views),
    text: element.textContent.toLowerCase(),
  }));
  const buttons = [...document.querySelectorAll("[data-view]")];
  const filters = [...document.querySelectorAll("button.filter")];
  const search = document.getElementById("search");
  const chip = document.getElementById("chip");
  let view = buttons[0].dataset.view;
  let filter = null;

  function update() {
    const key = filter && filter.dataset.key;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = cards.filter((card) => (key ? card.keys.includes(key) : view in card.views)
      && words.every((word) => card.text.includes(word)));
    const rank = key ? "all" : view;
    shown.sort((one, other) => one.views[rank] - other.views[rank]);
    for (const card of cards) card.element.hidden = true;
    for (const card of shown) {
      card.element.hidden = false;
      holder.append(card.element);
    }
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(!filter && button.dataset.view === view));
    }
    for (const button of filters) {
      button.setAttribute("aria-pressed", String(Boolean(filter) && button.dataset.key === key));
    }
    chip.hidden = !filter;
    document.getElementById("chip-says").textContent = filter ? filter.dataset.says : "";
    document.getElementById("count").textContent =
      shown.length + (filter && !words.length ? " of " + filter.textContent : "") + (shown.length === 1 && !filter ? " row" : " rows");
    document.getElementById("none").hidden = shown.length > 0;
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      view = button.dataset.view;
      filter = null;
      update();
    });
  }
  for (const button of filters) {
    button.addEventListener("click", () => {
      filter = filter && filter.dataset.key === button.dataset.key ? null : button;
      update();
      if (filter) document.getElementById("rows").scrollIntoView();
    });
  }
  document.getElementById("clear").addEventListener("click", () => {
    filter = null;
    update();
    search.focus();
  });
  search.addEventListener("input", update);

  // A link to a row shows it, whatever is chosen; so does printing with all that is chosen.
  function follow() {
    const target = cards.find((card) => "#" + card.element.id === location.hash);
    if (!target) return;
    if (target.element.hidden) {
      view = "all";
      filter = null;
      search.value = "";
      update();
    }
    target.element.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  update();
  follow();
})();

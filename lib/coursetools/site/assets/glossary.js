// A word of the glossary shows its meaning: on hover, on focus, and at the first tap of a finger.
(() => {
  "use strict";
  const links = [...document.querySelectorAll("a[title]")].filter((a) => a.querySelector(".std-term"));
  if (!links.length) return;

  const card = document.createElement("div");
  card.className = "glossary-card";
  card.id = "glossary-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  document.body.append(card);
  let shown = null, leaving = 0, touched = false;

  function show(link) {
    clearTimeout(leaving);
    if (shown === link) return;
    hide();
    shown = link;
    card.textContent = link.dataset.meaning;
    card.hidden = false;
    link.setAttribute("aria-describedby", card.id);
    const word = link.getBoundingClientRect(), box = card.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(word.left, width - box.width - 8));
    const above = word.bottom + box.height + 8 > innerHeight && word.top > box.height + 8;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(above ? word.top - box.height - 4 : word.bottom + 4) + scrollY}px`;
  }
  function hide() {
    clearTimeout(leaving);
    shown?.removeAttribute("aria-describedby");
    shown = null;
    card.hidden = true;
  }
  // The way from the word to the card is not through both.
  const leave = () => { leaving = setTimeout(hide, 200); };

  for (const link of links) {
    link.dataset.meaning = link.title;
    link.removeAttribute("title"); // or the browser shows it a second time
    link.addEventListener("mouseenter", () => show(link));
    link.addEventListener("mouseleave", leave);
    link.addEventListener("focus", () => show(link));
    link.addEventListener("blur", leave);
    link.addEventListener("pointerdown", (event) => {
      touched = event.pointerType === "touch" && shown !== link;
    });
    link.addEventListener("click", (event) => {
      if (touched) { event.preventDefault(); show(link); }
      touched = false;
    });
  }
  card.addEventListener("mouseenter", () => clearTimeout(leaving));
  card.addEventListener("mouseleave", leave);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("pointerdown", (event) => {
    if (!card.contains(event.target) && !event.target.closest?.("a[data-meaning]")) hide();
  });
})();

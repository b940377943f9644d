// Turns each quiz, which the page holds as plain HTML, into one that asks before it tells.
(() => {
  "use strict";

  // Storage is refused in private windows and under file:// in some browsers; a quiz works without.
  const memory = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* forgotten, then */ } },
    remove(key) { try { localStorage.removeItem(key); } catch { /* nothing to forget */ } },
  };

  const make = (tag, className, text = "") => {
    const node = document.createElement(tag);
    node.className = className;
    node.textContent = text;
    return node;
  };

  function enhance(quiz) {
    const key = `course:${quiz.id}`;
    const radios = [...quiz.querySelectorAll("input[type=radio]")];
    const choices = [...quiz.querySelectorAll(".quiz-choice")];
    const feedback = [...quiz.querySelectorAll(".quiz-feedback")];
    const body = quiz.querySelector(".quiz-body");
    const button = quiz.querySelector(".quiz-commit");

    // The live region stands there, empty, before anything is said in it: else it is not read.
    const verdict = make("div", "quiz-verdict");
    verdict.setAttribute("role", "status");
    const hint = make("p", "quiz-hint");
    verdict.append(hint, ...feedback);
    const again = make("button", "quiz-again", "Clear my answer");
    again.type = "button";
    quiz.querySelector(".quiz-answer").replaceWith(verdict, body, again);

    function show(chosen) {
      const done = chosen !== null;
      quiz.toggleAttribute("data-committed", done);
      hint.textContent = "";
      feedback.forEach((node, k) => { node.hidden = k !== chosen; });
      choices.forEach((node, k) => node.toggleAttribute("data-chosen", k === chosen));
      body.hidden = again.hidden = !done;
      if (done) radios[chosen].checked = true;
    }

    button.addEventListener("click", () => {
      const chosen = radios.findIndex((radio) => radio.checked);
      if (chosen < 0) {
        hint.textContent = "Choose an answer first: a guess is enough.";
        return;
      }
      memory.set(key, String(chosen));
      show(chosen);
    });
    again.addEventListener("click", () => {
      memory.remove(key);
      radios.forEach((radio) => { radio.checked = false; });
      show(null);
      radios[0].focus();
    });
    // Enter in a radio commits, as it would submit a form.
    quiz.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.type === "radio") button.click();
    });
    // Paper has no buttons.
    addEventListener("beforeprint", () => { body.hidden = false; });
    addEventListener("afterprint", () => { body.hidden = !quiz.hasAttribute("data-committed"); });

    const stored = memory.get(key);
    show(stored !== null && radios[+stored] ? +stored : null);
  }

  document.querySelectorAll(".quiz").forEach(enhance);
})();

// The questions at the end of a lesson: says whether the chosen answer is right and why, counts
// the right ones, and remembers them in this browser alone. Without it all can be read unfolded.
(function () {
  // A page opened from a file, or a browser set to keep nothing, may refuse to store.
  function recall(key) {
    try {
      return JSON.parse(localStorage.getItem(key)) || {};
    } catch (error) {
      return {};
    }
  }

  function remember(key, answers) {
    try {
      localStorage.setItem(key, JSON.stringify(answers));
    } catch (error) {
      // The answers last as long as the page does.
    }
  }

  // A reason leaves its fold for a place that a screen reader watches.
  function unfold(fold) {
    const place = document.createElement("div");
    place.className = fold.className;
    place.setAttribute("aria-live", "polite");
    fold.querySelector("summary").remove();
    place.append(...fold.childNodes);
    for (const part of place.children) part.hidden = true;
    fold.replaceWith(place);
  }

  function start(quiz) {
    const key = "quiz-" + quiz.dataset.quiz;
    const groups = [...quiz.querySelectorAll(".quiz-question")];
    const controls = [...quiz.querySelectorAll("input[type=radio]")];
    const answers = recall(key);

    const score = document.createElement("p");
    score.className = "quiz-score";
    score.setAttribute("role", "status");
    const reset = document.createElement("button");
    reset.type = "button";
    reset.className = "quiz-reset";
    reset.textContent = "Clear the answers";
    quiz.append(score, reset);
    quiz.querySelectorAll(".quiz-reason").forEach(unfold);

    function show() {
      for (const control of controls) {
        const choice = control.closest(".quiz-choice");
        const right = "right" in control.dataset;
        choice.classList.toggle("quiz-right", control.checked && right);
        choice.classList.toggle("quiz-wrong", control.checked && !right);
        for (const part of choice.querySelector(".quiz-reason").children) {
          part.hidden = !control.checked;
        }
      }
      const answered = controls.filter((control) => control.checked);
      const right = answered.filter((control) => "right" in control.dataset).length;
      score.textContent =
        `${right} of ${groups.length} right` +
        (answered.length < groups.length ? `, ${answered.length} answered.` : ".");
      reset.disabled = answered.length === 0;
    }

    for (const control of controls) {
      control.checked = answers[control.name] === control.value;
      control.addEventListener("change", function () {
        answers[control.name] = control.value;
        remember(key, answers);
        show();
      });
    }
    reset.addEventListener("click", function () {
      for (const control of controls) {
        control.checked = false;
        delete answers[control.name];
      }
      remember(key, answers);
      show();
      controls[0].focus();
    });
    show();
  }

  document.querySelectorAll(".quiz").forEach(start);
})();

// The page with a CLIP in it: loads the models when it comes into view, and shows what they say.
(function () {
  const SIDE = 32;
  const PAD = 224;
  const FIRST_CAPTIONS = ["music", "headphones", "broken heart", "a purple flag"];
  const FIRST_DRAWING = 23; // a rare concept's
  const THIRDS = ["frequent third", "middle third", "rare third"];
  const METHODS = { sl: "Classifier", clip: "CLIP" };
  const here = document.currentScript.src;
  const at = (id) => document.getElementById(`clip-${id}`);

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function paint(canvas, ink) {
    const image = new ImageData(SIDE, SIDE);
    ink.forEach((value, i) => image.data.set([...Array(3).fill(255 * (1 - value)), 255], 4 * i));
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  // A bar from 0 to 1; the number beside it says the same.
  const bar = (share) => make("span", { class: "clip-bar", "aria-hidden": "true" },
    make("span", { style: `width: ${100 * Math.min(Math.max(share, 0), 1)}%` }));
  const line = (name, ...numbers) => make("tr", {},
    make("th", { scope: "row" }, name), ...numbers.map((number) => make("td", {}, number)));
  const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;

  function start(content) {
    const model = window.clipModel(content);
    const { concepts, drawings } = content;
    const total = concepts.reduce((sum, { frequency }) => sum + frequency, 0);
    const logPrior = concepts.map(({ frequency }) => Math.log(frequency / total));
    const all = concepts.map((_, c) => c);
    const byFrequency = [...all].sort((a, b) => concepts[b].frequency - concepts[a].frequency);
    const third = [];
    byFrequency.forEach((concept, rank) => {
      third[concept] = Math.floor((3 * rank) / concepts.length);
    });
    const seen = new Map(); // test drawing -> its features and logits
    let order = [];
    let strokes = [];
    let shown = {};
    let chosen = FIRST_DRAWING;

    function looked(ink) {
      const [features, logits] = [{}, {}];
      for (const method of Object.keys(METHODS)) {
        features[method] = model.imageFeatures(method, ink);
        logits[method] = model.logits(method, features[method]);
      }
      return { ink, features, logits };
    }

    function drawing(number) {
      if (!seen.has(number)) seen.set(number, looked(model.ink(number)));
      return seen.get(number);
    }

    // An order of all concepts, drawn by frequency without replacement (arXiv 1903.06059).
    function drawVocabulary() {
      const keys = logPrior.map((value) => value - Math.log(-Math.log(1 - Math.random())));
      order = [...all].sort((a, b) => keys[b] - keys[a]);
    }

    // Competing concepts, best first, with their probabilities; a picture's own always competes.
    function ranked(method, logits, label) {
      const size = Number(at("vocabulary").value);
      const own = label === undefined ? [] : [label];
      const competing = [...own, ...order.filter((concept) => concept !== label)].slice(0, size);
      const share = method === "sl" ? Number(at("share").value) : 0;
      const shares = model.softmax(competing.map((c) => logits[c] - share * logPrior[c]));
      const found = competing.map((concept, i) => ({ concept, share: shares[i] }));
      return found.sort((a, b) => b.share - a.share);
    }

    function show(picture, label, source) {
      shown = { ...picture, label };
      paint(at("seen"), picture.ink);
      at("source").textContent = source;
      compare();
      predict();
    }

    function choose(number) {
      chosen = number;
      const { concept, title, set } = drawings[number];
      const [name, author, licence] = content.sets[set];
      const { name: sorted, frequency } = concepts[concept];
      press(at("drawings"), number);
      press(at("examples"), -1);
      strokes = [];
      drawPad();
      show(drawing(number), concept,
        `Sorted under “${sorted}”, as ${frequency} of ${total} training drawings are. ` +
        `Its author's title: “${title}”. ${name}, by ${author}, ${licence}.`);
    }

    function press(group, number) {
      [...group.children].forEach((button, i) => button.setAttribute("aria-pressed", i === number));
    }

    function drawPad() {
      const pen = at("pad").getContext("2d");
      pen.clearRect(0, 0, PAD, PAD);
      Object.assign(pen, { lineWidth: 12, lineCap: "round", lineJoin: "round" });
      for (const stroke of strokes) {
        pen.beginPath();
        stroke.forEach(([x, y]) => pen.lineTo(x, y));
        if (stroke.length === 1) pen.lineTo(...stroke[0]);
        pen.stroke();
      }
    }

    function read(number = -1) {
      press(at("drawings"), -1);
      press(at("examples"), number);
      drawPad();
      show(looked(model.rasterize(strokes)), undefined,
        "Drawn with a pen; scaled and centred as the drawings are.");
    }

    function place(event) {
      const box = at("pad").getBoundingClientRect();
      const scale = PAD / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    }

    function connectPad() {
      let down = false;
      const on = (type, then) => at("pad").addEventListener(type, then);
      on("pointerdown", (event) => {
        down = true;
        at("pad").setPointerCapture(event.pointerId);
        if (at("examples").querySelector("[aria-pressed=true]")) strokes = [];
        strokes.push([place(event)]);
        drawPad();
      });
      on("pointermove", (event) => {
        if (!down) return;
        strokes[strokes.length - 1].push(place(event));
        drawPad();
      });
      for (const end of ["pointerup", "pointercancel"]) on(end, () => {
        if (down) read();
        down = false;
      });
    }

    function addCaption(text) {
      const number = at("captions").children.length + 1;
      const field = make("input", { type: "text", value: text, maxlength: 100, oninput: compare });
      at("captions").append(make("div", { class: "clip-caption" },
        make("label", {}, `Caption ${number} `, field),
        make("p", { class: "clip-read" }), make("p", { class: "clip-similarity" })));
      return field;
    }

    // Similarities of the picture with all captions, and shares of a softmax over them.
    function compare() {
      const rows = [...at("captions").children].map((row) => {
        const caption = row.querySelector("input").value;
        const features = model.textFeatures(caption);
        const cosine = features && model.dot(features, shown.features.clip);
        return { row, caption, cosine };
      });
      const asked = rows.filter(({ cosine }) => cosine !== null);
      const shares = model.softmax(asked.map(({ cosine }) => content.scales.clip * cosine));
      asked.forEach((each, i) => { each.share = shares[i]; });
      for (const { row, caption, cosine, share } of rows) {
        const read = model.words(caption).flatMap(({ word, read }) =>
          [make(read ? "span" : "s", {}, word), " "]);
        const unread = read.some((element) => element.tagName === "S");
        row.querySelector(".clip-read").replaceChildren(
          "It reads: ", ...read, unread ? "(struck out: not known to it)" : "");
        const number = cosine?.toFixed(3).replace("-", "−");
        row.querySelector(".clip-similarity").replaceChildren(...(cosine === null
          ? ["nothing to compare"]
          : [bar(share), ` similarity ${number}, share ${percent(share)}`]));
      }
    }

    function predict() {
      const best = {};
      for (const method of Object.keys(METHODS)) {
        const found = ranked(method, shown.logits[method], shown.label);
        best[method] = found[0];
        at(method).replaceChildren(...found.slice(0, 5).map(({ concept, share }) => {
          const { name, frequency } = concepts[concept];
          const small = make("small", {}, `${frequency} in training`);
          return make("li", {}, `${name} `, small, bar(share), ` ${percent(share)}`);
        }));
      }
      at("share-value").textContent = at("share").value;
      const quoted = (concept) => `“${concepts[concept].name}”`;
      const sorted = shown.label === undefined ? ""
        : ` The drawing is sorted under ${quoted(shown.label)}.`;
      at("says").textContent = `The classifier says ${quoted(best.sl.concept)}, ` +
        `CLIP says ${quoted(best.clip.concept)}.${sorted}`;
      count();
    }

    // What both say of all test drawings on the page, by thirds of the concepts.
    function count() {
      if (seen.size < drawings.length) return;
      const said = { sl: [0, 0, 0], clip: [0, 0, 0] };
      const right = { sl: 0, clip: 0 };
      drawings.forEach(({ concept }, number) => {
        for (const method of Object.keys(METHODS)) {
          const answer = ranked(method, drawing(number).logits[method], concept)[0].concept;
          said[method][third[answer]] += 1;
          right[method] += answer === concept;
        }
      });
      at("thirds").replaceChildren(...THIRDS.map((name, i) => line(
        name, drawings.length / 3, said.sl[i], said.clip[i])));
      at("counted").textContent = Object.entries(METHODS).map(([method, name]) =>
        `${name}: ${said[method][0]} answers are of the frequent third, ` +
        `${said[method][2]} of the rare one; ${right[method]} of ${drawings.length} are right.`,
      ).join(" ");
    }

    at("drawings").append(...drawings.map(({ concept }, number) => {
      const { name } = concepts[concept];
      const told = { "aria-label": name, title: name, onclick: () => choose(number) };
      const canvas = paint(make("canvas", { width: SIDE, height: SIDE }), model.ink(number));
      return make("button", { type: "button", ...told }, canvas);
    }));
    at("examples").append(...Object.entries(content.examples).map(([name, drawn], number) => {
      const toPad = (v) => 0.1 * PAD + (0.8 * PAD * v) / 100;
      const onclick = () => {
        strokes = drawn.map((stroke) => stroke.map((point) => point.map(toPad)));
        read(number);
      };
      return make("button", { type: "button", onclick }, name);
    }));
    at("clear").addEventListener("click", () => choose(chosen));
    at("add").addEventListener("click", () => {
      addCaption("").focus();
      compare();
    });
    at("share").addEventListener("input", predict);
    at("vocabulary").addEventListener("input", predict);
    at("redraw").addEventListener("click", () => {
      drawVocabulary();
      predict();
    });
    const known = Object.entries(content.words).sort(([, a], [, b]) => b[1] - a[1]);
    at("words").append(...known.map(([word, [, count]]) => line(word, count)));
    at("known").textContent = known.length;
    at("measured").textContent = Object.entries(METHODS).map(([method, name]) => {
      const { accuracy, spearman_predictions: bias } = content.runs[method];
      return `${name}: accuracy ${percent(accuracy)}, S(p) = ${bias.toFixed(2)}.`;
    }).join(" ");
    drawVocabulary();
    connectPad();
    FIRST_CAPTIONS.forEach(addCaption);
    choose(FIRST_DRAWING);
    // One drawing at a time, so that the page stays awake.
    return drawings.reduce((before, _, number) => before.then(() => new Promise((done) => {
      setTimeout(() => done(drawing(number)));
    })), Promise.resolve()).then(() => {
      count();
      at("status").textContent = "Two trained models are loaded.";
      return { model, content };
    });
  }

  window.clipReady = new Promise((done, failed) => {
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      at("status").textContent = "Loading two trained models (1.4 MB) …";
      document.head.append(make("script", {
        src: new URL("weights.js", here).href,
        onload: () => start(window.clipInThePage).then(done, failed),
        onerror: () => {
          at("status").textContent = "The models could not be loaded: weights.js is missing.";
        },
      }));
    }).observe(at("status"));
  });
})();

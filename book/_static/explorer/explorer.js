// The explorer: two recorded runs side by side, one dot a concept. Each experiment is a script of
// its own under data/, loaded when it is chosen (book/tools/explorer.py writes them).
(function () {
  const SVG = "http://www.w3.org/2000/svg";
  const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [360, 280, 48, 44, 10, 22];
  const SIDE = 48; // pixels on the page of a drawing, 32 in the sheet
  const REACH = 24; // pixels within which a dot is pointed at
  const START = [["the_gap", "sl"], ["the_gap", "clip-title"]];
  const folder = new URL("data/", document.currentScript.src).href;
  const at = (id) => document.getElementById(`explorer-${id}`);
  const loading = {};

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function draw(parent, tag, attributes, text = "") {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    parent.append(element);
    return element;
  }

  const load = (name) => loading[name] ||= new Promise((done, failed) => {
    const script = make("script", { src: `${folder}${name}.js` });
    script.onload = () => done(window.explorerData[name]);
    script.onerror = () => failed(new Error(`${name}.js could not be loaded.`));
    document.head.append(script);
  });

  // Fill a menu; keep what was wanted, if it is still there.
  function choices(select, values, wanted, texts = values) {
    select.replaceChildren(...values.map((value, i) => make("option", { value }, texts[i])));
    if (values.includes(wanted)) select.value = wanted;
  }

  class Panel {
    constructor(number, index) {
      const field = (name, label) => {
        this[name] = make("select", { id: `explorer-${name}-${number}` });
        this[name].addEventListener("change", () => this.choose(name === "experiment"));
        return make("label", {}, `${label} `, this[name]);
      };
      this.plot = document.createElementNS(SVG, "svg");
      this.says = make("p", { role: "status" });
      at("panels").append(make("div", { class: "explorer-panel" },
        field("experiment", "Experiment"), field("run", "Run"), field("seed", "Seed"),
        this.plot, this.says));
      this.plot.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      this.plot.setAttribute("tabindex", "0");
      this.plot.setAttribute("role", "img");
      this.plot.addEventListener("pointermove", (event) => this.point(event));
      this.plot.addEventListener("pointerdown", (event) => this.point(event));
      this.plot.addEventListener("keydown", (event) => this.step(event));
      const [experiments, titles] = [0, 1].map((part) => index.map((entry) => entry[part]));
      choices(this.experiment, experiments, START[number][0], titles);
      this.wanted = START[number][1];
    }

    async choose(anew) {
      const content = await load(this.experiment.value);
      if (anew) choices(this.run, Object.keys(content.runs), this.wanted);
      choices(this.seed, Object.keys(content.runs[this.run.value]), this.seed.value);
      const record = content.runs[this.run.value][this.seed.value];
      this.content = content;
      this.table = content.names.map((name, i) => ({
        name,
        row: content.rows && content.rows[i],
        frequency: content.frequencies[record.frequency][i],
        accuracy: record.hits[i] / content.tests,
        predictions: record.predictions[i],
      }));
      const [accuracy, predictions] = record.spearman.map(
        (s) => (s === null ? "undefined" : s.toFixed(2).replace("-", "−")));
      this.says.textContent = `S(a) = ${accuracy}, S(p) = ${predictions}; ` +
        `${this.table.length} concepts, ${content.tests} test pictures each, ${content.dataset}.`;
      show();
    }

    // One dot a concept; frequency on a logarithmic axis, with 0 at its left end.
    render(measure, most, high) {
      const [right, bottom, low] = [WIDTH - RIGHT, HEIGHT - BOTTOM, 0.5];
      const share = (n) => Math.log(Math.max(n, low) / low) / Math.log(high / low);
      const x = (n) => LEFT + (right - LEFT) * share(n);
      const y = (v) => bottom - ((bottom - TOP) * v) / most;
      const line = (ends) => draw(this.plot, "line", { ...ends, class: "explorer-grid" });
      const write = (place, text, anchor = "middle") =>
        draw(this.plot, "text", { ...place, "text-anchor": anchor }, text);
      this.plot.replaceChildren();
      this.plot.setAttribute("aria-label",
        `${measure} against training pictures, one dot a concept: ${this.run.value}, ` +
        `seed ${this.seed.value}. ${this.says.textContent} Arrow keys go from dot to dot.`);
      for (const n of [0, 1, 10, 100, 1000].filter((tick) => tick <= high)) {
        if (n === 0 && this.table.every(({ frequency }) => frequency > 0)) continue;
        line({ x1: x(n), x2: x(n), y1: TOP, y2: bottom });
        write({ x: x(n), y: bottom + 16 }, n);
      }
      for (const v of [0, most / 2, most]) {
        line({ x1: LEFT, x2: right, y1: y(v), y2: y(v) });
        write({ x: LEFT - 6, y: y(v) + 4 }, v, "end");
      }
      write({ x: (LEFT + right) / 2, y: HEIGHT - 6 }, "training pictures");
      write({ transform: `translate(12 ${bottom / 2}) rotate(-90)` }, measure);
      for (const each of this.table) {
        each.dot = { cx: x(each.frequency), cy: y(each[measure]) };
        each.mark = draw(this.plot, "circle", { ...each.dot, r: 3.5 });
      }
    }

    // Make the dot of a concept large; null, where this panel has no such concept.
    highlight(name) {
      for (const { mark } of this.table) mark.removeAttribute("class");
      const found = this.table.find((each) => each.name === name) || null;
      if (!found) return null;
      found.mark.setAttribute("class", "explorer-chosen");
      found.mark.parentNode.append(found.mark);
      return found;
    }

    point(event) {
      if (!this.table) return;
      const box = this.plot.getBoundingClientRect();
      const scale = WIDTH / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const far = ({ dot }) => Math.hypot(dot.cx - x, dot.cy - y);
      const nearest = this.table.reduce((best, each) => (far(each) < far(best) ? each : best));
      if (far(nearest) <= REACH * scale) select(nearest.name);
    }

    step(event) {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const ordered = [...this.table].sort((a, b) => a.frequency - b.frequency);
      const here = ordered.findIndex(({ name }) => name === at("concept").value);
      select(ordered[Math.min(Math.max(here + by, 0), ordered.length - 1)].name);
    }
  }

  let panels = [];
  let index = {};

  function show() {
    if (!panels.every(({ table }) => table)) return;
    const measure = at("measure").value;
    // Both panels have the same axes.
    const greatest = (of) => Math.max(...panels.flatMap(({ table }) => table.map((c) => c[of])));
    const most = measure === "accuracy" ? 1 : 20 * Math.ceil(greatest("predictions") / 20);
    panels.forEach((panel) => panel.render(measure, most, greatest("frequency")));
    const names = [...new Set(panels.flatMap(({ content }) => content.names))];
    names.sort((a, b) => a.localeCompare(b));
    choices(at("concept"), names, at("concept").value);
    select(at("concept").value);
  }

  function select(name) {
    at("concept").value = name;
    const marked = panels.map((panel) => [panel, panel.highlight(name)]);
    const found = marked.filter(([, each]) => each);
    at("name").textContent = name;
    at("values").replaceChildren(...found.map(([panel, each]) => make("li", {},
      `${panel.run.value}, seed ${panel.seed.value}: ${each.frequency} training pictures, ` +
      `accuracy ${each.accuracy.toFixed(2)}, predicted ${each.predictions} times`)));
    const drawn = found.find(([, { row }]) => row !== null);
    const row = drawn && drawn[1].row;
    const sets = drawn ? index.sets[row] : [];
    at("drawings").replaceChildren(...sets.map((set, column) => make("span", {
      class: "explorer-drawing",
      role: "img",
      "aria-label": `A training drawing of ${name}, from ${index.credits[set]}`,
      title: index.credits[set],
      style: `background-image: url("${folder}drawings.png"); ` +
        `background-position: ${-column * SIDE}px ${-row * SIDE}px`,
    })));
    const credits = new Set(sets.map((set) => index.credits[set]));
    at("credits").textContent = drawn ? `Drawings from ${[...credits].join("; ")}.`
      : "Photographs are not shown; their classes go by name.";
  }

  window.explorerReady = load("index").then((loaded) => {
    index = loaded;
    panels = START.map((_, number) => new Panel(number, index.experiments));
    at("measure").addEventListener("change", show);
    at("concept").addEventListener("change", () => select(at("concept").value));
    return Promise.all(panels.map((panel) => panel.choose(true)));
  }).catch((error) => { at("values").textContent = error.message; });
})();

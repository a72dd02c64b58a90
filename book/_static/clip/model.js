// The two models of the page: forward passes in plain JavaScript, equal to PyTorch's to 1e-3.
// tools/build_clip_in_the_page.py writes the weights; batch norm is folded into convolutions.
(function () {
  const SIDE = 32;
  const STRIDES = [2, 2, 1, 2, 1];
  const LONGER_SIDE = 28; // of a drawing, as in the data set
  const HEADS = 2;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // Half precision, as IEEE 754 has it: sign, five bits of exponent, ten of fraction.
  function fromHalf(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  function tensors(content) {
    const halves = new Uint16Array(bytes(content.weights).buffer);
    const found = {};
    let start = 0;
    for (const [name, shape] of Object.entries(content.layout)) {
      const size = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from(halves.subarray(start, start + size), fromHalf);
      found[name] = { shape, values };
      start += size;
    }
    return found;
  }

  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

  function normalize(vector) {
    const length = Math.max(Math.sqrt(dot(vector, vector)), 1e-12);
    return vector.map((value) => value / length);
  }

  // weight [out, in] times a vector, plus a bias where there is one.
  function linear({ shape: [rows, columns], values }, x, bias) {
    return Float64Array.from({ length: rows }, (_, row) => {
      let sum = bias ? bias.values[row] : 0;
      for (let i = 0; i < columns; i++) sum += values[row * columns + i] * x[i];
      return sum;
    });
  }

  // x [channels, side, side] -> ReLU of the convolution, [out, side / stride, side / stride]:
  // what the kernel sees at each place is gathered first, then multiplied with all weights.
  function convolve(x, side, { shape: [out, channels, size], values }, bias, stride) {
    const half = Math.ceil(side / stride);
    const pad = size >> 1;
    const seen = new Float64Array(channels * size * size);
    const y = new Float64Array(out * half * half);
    for (let at = 0; at < half * half; at++) {
      const top = Math.floor(at / half) * stride - pad;
      const left = (at % half) * stride - pad;
      for (let c = 0, k = 0; c < channels; c++)
        for (let line = top; line < top + size; line++)
          for (let place = left; place < left + size; place++, k++) {
            const inside = line >= 0 && line < side && place >= 0 && place < side;
            seen[k] = inside ? x[(c * side + line) * side + place] : 0;
          }
      for (let o = 0; o < out; o++) {
        let sum = bias[o];
        const first = o * seen.length;
        for (let k = 0; k < seen.length; k++) sum += values[first + k] * seen[k];
        y[o * half * half + at] = Math.max(sum, 0);
      }
    }
    return y;
  }

  // Maxima of the four quarters of each channel.
  function poolToTwo(x, side) {
    const [channels, half] = [x.length / side ** 2, side / 2];
    const y = new Float64Array(4 * channels).fill(-Infinity);
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < side; i++)
        for (let j = 0; j < side; j++) {
          const quarter = 4 * c + 2 * (i >= half) + (j >= half);
          y[quarter] = Math.max(y[quarter], x[(c * side + i) * side + j]);
        }
    return y;
  }

  function layerNorm(x, weight, bias) {
    const mean = x.reduce((a, b) => a + b) / x.length;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
    const scale = 1 / Math.sqrt(variance + 1e-5);
    return x.map((value, i) => (value - mean) * scale * weight.values[i] + bias.values[i]);
  }

  // GELU with the error function of Abramowitz & Stegun, 7.1.26 (error below 2e-7).
  function gelu(x) {
    const z = Math.abs(x) / Math.SQRT2;
    const t = 1 / (1 + 0.3275911 * z);
    const factors = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
    const series = factors.reduce((sum, factor) => sum * t + factor, 0) * t;
    const erf = Math.sign(x) * (1 - series * Math.exp(-z * z));
    return 0.5 * x * (1 + erf);
  }

  function softmax(logits) {
    const most = Math.max(...logits);
    const raised = logits.map((value) => Math.exp(value - most));
    const sum = raised.reduce((a, b) => a + b, 0);
    return raised.map((value) => value / sum);
  }

  // Ink 0 … 1 of strokes, scaled to 28 pixels and centred, with a pen of even width.
  function rasterize(strokes, pen) {
    const points = strokes.flat();
    const ends = [0, 1].map((axis) => points.map((point) => point[axis]));
    const low = ends.map((values) => Math.min(...values));
    const high = ends.map((values) => Math.max(...values));
    const scale = (LONGER_SIDE - pen) / Math.max(high[0] - low[0], high[1] - low[1], 1e-9);
    const placed = (point) => point.map(
      (value, axis) => (value - (low[axis] + high[axis]) / 2) * scale + SIDE / 2);
    const lines = strokes.flatMap((stroke) => {
      const at = stroke.map(placed);
      return at.length > 1 ? at.slice(1).map((b, i) => [at[i], b]) : [[at[0], at[0]]];
    });
    return Float64Array.from({ length: SIDE * SIDE }, (_, pixel) => {
      const [x, y] = [(pixel % SIDE) + 0.5, Math.floor(pixel / SIDE) + 0.5];
      let nearest = Infinity;
      for (const [[ax, ay], [bx, by]] of lines) {
        const [dx, dy] = [bx - ax, by - ay];
        const along = ((x - ax) * dx + (y - ay) * dy) / Math.max(dx ** 2 + dy ** 2, 1e-9);
        const t = Math.min(Math.max(along, 0), 1);
        nearest = Math.min(nearest, Math.hypot(x - ax - t * dx, y - ay - t * dy));
      }
      return Math.min(Math.max(pen / 2 + 0.5 - nearest, 0), 1);
    });
  }

  window.clipModel = function (content) {
    const weights = tensors(content);

    // Normalized features of ink [32 * 32], by the tower of "sl" or "clip".
    function imageFeatures(name, ink) {
      let [x, side] = [ink.map((value) => 2 * value), SIDE];
      STRIDES.forEach((stride, number) => {
        const bias = weights[`${name}.${number}.bias`].values;
        x = convolve(x, side, weights[`${name}.${number}.weight`], bias, stride);
        side = Math.ceil(side / stride);
      });
      return normalize(linear(weights[`${name}.linear.weight`], poolToTwo(x, side)));
    }

    // A caption's words, each with whether it is read: known, and within the context.
    function words(caption) {
      const pattern = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;
      let room = content.context - 2;
      return (caption.toLowerCase().match(pattern) || []).map((word) => {
        const rows = Object.hasOwn(content.words, word) ? content.words[word][0] : null;
        const read = rows !== null && rows.length <= room;
        if (read) room -= rows.length;
        return { word, rows, read };
      });
    }

    const layer = (name, x) => linear(weights[`${name}.weight`], x, weights[`${name}.bias`]);
    const norm = (name, x) => layerNorm(x, weights[`${name}.weight`], weights[`${name}.bias`]);
    const plus = (a, b) => a.map((value, k) => value + b[k]);

    function attend(x, block) {
      const width = x[0].length / HEADS;
      const mixed = x.map((vector) =>
        layer(`${block}.queries_keys_values`, norm(`${block}.norm_attention`, vector)));
      const part = (vector, which, head) => {
        const first = width * (HEADS * which + head);
        return vector.subarray(first, first + width);
      };
      return x.map((vector, here) => {
        const out = new Float64Array(vector.length);
        for (let head = 0; head < HEADS; head++) {
          const query = part(mixed[here], 0, head);
          const before = mixed.slice(0, here + 1); // attention is causal
          const share = softmax(before.map(
            (other) => dot(query, part(other, 1, head)) / Math.sqrt(width)));
          before.forEach((other, i) => part(other, 2, head).forEach((value, k) => {
            out[width * head + k] += share[i] * value;
          }));
        }
        return plus(vector, layer(`${block}.mix`, out));
      });
    }

    // Normalized features of a caption; null where none of its words is known.
    function textFeatures(caption) {
      const rows = words(caption).filter(({ read }) => read).flatMap((word) => word.rows);
      if (rows.length === 0) return null;
      const table = weights["text.token_embedding.weight"];
      const width = table.shape[1];
      const row = ({ values }, number) => Float64Array.from(
        values.subarray(number * width, (number + 1) * width));
      let x = [content.ends[0], ...rows, content.ends[1]].map(
        (token, place) => plus(row(table, token), row(weights["text.positions"], place)));
      for (let number = 0; weights[`text.blocks.${number}.mix.weight`]; number++) {
        const block = `text.blocks.${number}`;
        x = attend(x, block).map((vector) => {
          const hidden = layer(`${block}.mlp.0`, norm(`${block}.norm_mlp`, vector)).map(gelu);
          return plus(vector, layer(`${block}.mlp.2`, hidden));
        });
      }
      const last = norm("text.norm", x[x.length - 1]);
      return normalize(linear(weights["text.projection.weight"], last));
    }

    const { shape: [, dimension], values: head } = weights["sl.head"];
    const vectors = {
      sl: content.concepts.map((_, c) => normalize(
        Float64Array.from(head.subarray(c * dimension, (c + 1) * dimension)))),
      clip: content.concepts.map(({ prompt }) => textFeatures(prompt)),
    };

    // Logits of all concepts: scaled cosines with class vectors, or with what is asked for them.
    const logits = (name, features) => vectors[name].map(
      (vector) => content.scales[name] * dot(vector, features));

    // Ink of a test drawing: sixteen grey levels, two pixels a byte, the highest is paper.
    const pixels = bytes(content.pixels);
    const ink = (drawing) => Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
      const pair = pixels[(drawing * SIDE * SIDE + i) >> 1];
      return 1 - (i % 2 ? pair & 15 : pair >> 4) / 15;
    });

    return {
      imageFeatures, textFeatures, words, logits, ink, dot, softmax,
      rasterize: (strokes) => rasterize(strokes, content.pen),
    };
  };
})();

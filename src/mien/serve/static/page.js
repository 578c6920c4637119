// src/announcer.ts
var QUIET = 5e3;
var STEADY = 1500;
var Announcer = class {
  constructor(region) {
    this.region = region;
  }
  region;
  said = "";
  next = "";
  since = 0;
  last = -Infinity;
  /** What could be said now. It is, once it has held for a while. */
  offer(words) {
    const now = performance.now();
    if (words !== this.next) [this.next, this.since] = [words, now];
    if (words === this.said || now - this.since < STEADY || now - this.last < QUIET) return;
    this.say(words);
  }
  /** Says it at once: the answer to something that the user did. */
  say(words) {
    [this.said, this.next, this.last] = [words, words, performance.now()];
    this.region.textContent = words;
  }
};

// src/backend.ts
var Fault = class extends Error {
};

// src/mien.json
var mien_default = {
  emotions: {
    angry: {
      colour: [
        232,
        84,
        74
      ],
      place: [
        -0.6,
        0.7
      ]
    },
    disgust: {
      colour: [
        122,
        171,
        66
      ],
      place: [
        -0.7,
        0.3
      ]
    },
    fear: {
      colour: [
        158,
        116,
        214
      ],
      place: [
        -0.6,
        0.8
      ]
    },
    happy: {
      colour: [
        245,
        184,
        46
      ],
      place: [
        0.9,
        0.4
      ]
    },
    sad: {
      colour: [
        77,
        142,
        224
      ],
      place: [
        -0.8,
        -0.4
      ]
    },
    surprise: {
      colour: [
        240,
        130,
        50
      ],
      place: [
        0.2,
        0.9
      ]
    },
    neutral: {
      colour: [
        150,
        158,
        168
      ],
      place: [
        0,
        0
      ]
    }
  },
  evidence: {
    limit: 12,
    greys: 52,
    levels: 17,
    colours: "ASRNARw/ABUxAA4kAAcZAAMOAAEHAAABAAAAAQAABAAACgEAFAMAHgYAKQsANRAAQRYBAzVrAi5fACdUACFIABs9ABUxAw8hBQoSBQUFEQcEHggBKQsAMg8APBQBRxgAUB4DWiMEBDpzADNpAi1cACZSACBHBBs4BxYoCRAZCgoKFw0IJQ4FMg8AOxMBRBgBThwBWSAAYSYFAz16ADdwADFkACpaASVOByA9DBstDhUeDw8PHREMKhMINxQDQhcBTBoAVB8CXyMAaCgEA0GBATp2ATVrAS9gBSpTDCVCEB8zExojFBQUIhYRLxgNPRgGSRoBUh4BWiIDYycEbisCAkSHAT59AzlyATNpCi5YESlIFSQ4Fx8oGRkZJxsWNB0SQh0LTx0BWSAAYiQAaikEdCwBAUeOAUKEADx6BTdtEDNdFi5NGik9HCQtHh4eLCAbOiEWRyIQVSEFXyMBaCcAbywDeDAGBkuSAUWLAUCBCzxyFDdiGjNSHi5CISkyIyMjMSUfPyYbTCYUWiYLZScDbioAdS4DfjIDBU6ZAUmRAkSHEEB3GTxnHzdXIzNHJi03KCgoNiokRCsfUSsZXioQbCkAdCwBezAChDQBA1GgAEyYCEiMFUR7HUBrIzxcJzdMKjI8LS0tOy4pSS8kVi8dYy8VcS0Gei8BgTIBhzcHAVSmAFCeDkyQGkiAIkVwJ0BgLDxRLzdBMjIyQDMuTjQoWzQiaDMZdTEMfzIBhTYGjTkECFiqBlSiE1CVHk2FJkl1LEVlMEFWNDxGNzc3RTgyUzgtYDgmbTceejYRhTQBizgFkzsBBVuxBlepGFSZI1GJKk16MElqNUVbOUFLPDw8Sj03WD0xZT0qcjsifjoWizcBkToDlz4HA163DVutHVidJ1WOLlJ+NE5vOUpgPUZQQUFBT0I8XEI2aUEvdkAmgz4bjzsHlzwCnUADAGG+E16xIVyhK1mSMlaDOFJ0Pk9kQkpVRkZGVEZAYUY6bkUze0Qqh0IflD8OnD4AoEMKB2XCGGK1JWCmL12WNlqHPVd4QlNpR09aS0tLWUtFZks+c0o3f0gujEYjmEMUoUIHpkQGBGfIHGa5KWOqM2GbOl6MQVt9R1huTFRfUFBQXlBKa09DeE47hEwykEoonEYZpkQErEYCDGvMIWm9LWeuN2WfPmKQRWCCS1xzUFlkVVVVY1VOcFRHfFI/iFA2lE4soEodrEYCsEkJE27QJW3BMWuyOmmjQmeVSWSGT2F4VV5pWlpaaFlTdVhMgVdEjVQ6mVIwpE4isEoJtUsEGHLTKXDFNW+2Pm2oRmuZTWiLVGZ8WmJuX19fbV5YeV1QhltIkVg+nVU0qVImtE0RuU4LHXXXLXTIOXO6QnGsSm+eUm2PWGqBXmdzZGRkcWNcfmFUil9Mll1CoVk3rVUquFEWv08GIXjaMXfMPHa+RnWwTnOiVnGUXW+GY2x4aWlpdmhhg2ZZj2NQmmFGpl07sVkuvFQbxFAAJXveNHvQQHrCSnm0UnenWnWZYXOLaHF8bm5ue2xmiGpdk2hUn2VKqmE/tV0yv1ggyFQIKX/hOH7UQ37GTX25VnurXnqdZniPbXaBc3NzgHFrjG9imGxYo2lOrmVDuWA2w1skzlUCLYLlO4LYR4HKUYG9Wn+vYn6ianyUcXqGeHh4hXZvkXNmnHBcqG1SsmlHvWQ5x18o0VgLMYXoP4XbS4XOVYTBXoS0Z4KmboGZdn+LfX19int0lnhroXRhrHFWt2xKwWg9y2Is1VwSNIjsQonfTonSWYjFYoi4a4erc4Wde4SQgoKCj395mnxvpnllsHVau3BOxWtBz2Uw2F8YOIzvRozjUozWXIzJZoy8b4uvd4qif4mVh4eHk4R9n4Fzqn1ptXlev3RSyW9E0mk03GIdO4/zSY/mVZDaYJDNapDBc4+0fI6nhI2ajIyMmImCpIV4r4FtuX1iw3hVzXJI1mw432UiPpL2TJPqWZTeZJTRbpTFd5S4gJOriZKekZGRnY2HqIp8s4VxvYFlx3xZ0XZL2m8742gmQpX6UJbuXJfiZ5jVcpjJe5i9hZiwjZejlpaWopKLrY6BuIp1woVpy39d1XlP3XM/5msqRZj9U5rxYJvma5zadZzNf5zBiZy1kpyom5ubp5eQspOFvI55xoltz4Ng2H1S4XZC6m8uTJz+Vp31Y57pb5/eeaDShKDGjaG5l6CtoKCgrJyVtpeJwJJ9yo1x04dk3IBW5XlG7XIyUp/+WqD5ZqLtcqPifaTWiKXKkqW+nKWypaWlsKCZu5yOxZaCzpF114to4IRZ6H1J8XU1WKL+XaT8aqXxdqfmgajajKnPlqrDoKq3qqqqtaWewKCSyZqG05V53I5r5Idd7IBM9Hg5X6X+Y6f9ban1eavqhazekK3Tm67Hpa+7r6+vuqqjxKSWzp+K15l94JJv6Itg8INQ93s8Zan+aav+ca35fa7uibDjlLLXn7PMqrPAtLS0v6+oyamb0qOO25yA5JZy7I5j84dT+35Aaqz+bq7/dLD8gbLyjbTnmLbco7fRrrjFubm5xLOsza2f16eS36CE6Jl275Jn94pW/oFDcK//drH9ebT+hLb2kbjrnLrgqLzVs73Kvr6+yLix0rKk26uW5KSI7J1685Vq+41Z/YdPdrL/fLX9gbf9iLr6lLzvob7lrMDauMLPw8PDzb2217ao4K+a6KiM8KF995lu/pBd/oxWfLX/gbj+hrv+jL7+mMD0pcPpscXevMbTyMjI0sG627us5LSe7KyQ9KSB+5xx/ZZm/5Fdgbj/h7v/jr79ksH+nMT4qcfutcnjwcvYzc3N18a/4L+x6Lii8LCU+KiE/6B0/5tt/Zdnh7v/jr78k8L+mcX9oMj8rcvyus7oxtDd0tLS3MvE5cS17byn9LSX/KyI/6V9/qB2/ptujL7+lML9msX9oMn9pcz+sc/2vtLsy9Xi19fX4NDI6ci68cCr+bib/rCN/quF/aZ//6B0ksH+mcX9n8n+p8z9rdD+tdP7wtfxz9nn3Nzc5dTN7s2+9sSv/byf/7aV/rCN/qqF/aV+l8T+nsj+psz9rND/s9T+utj+x9v11N7r4eHh6tnS8tHC+smz/sGm/bye/rWV/bCN/aqEnMf+pMv+q8/+stP+udj/wdz+y+D62ePw5ubm797W99XH/s23/seu/sGm/bud/rST/q6Kosr+qc7/sdP/udf+wdv+yOD/0OT/3ej16+vr9OPb+9rL/tO//sy3/sat/cCl/bmb/rKQp839rtH/uNb9v9r9x9/+z+T+1+j/4uz68PDw+Ofg/t/R/tjI/tK//su0/sSq/r6h/7aWrM/9tdT8vdn+xt79zeP/1uj+3uz/5/H/9fX1/ezl/uXa/97P/9fG/9C7/smy/sKn/LufsdL9u9f9xNz8y+H+1eb+3ev+5vD/7vX/+vr6//Ls/+vi/+TY/tzO/9XD/c66/cev/cCkt9X8wNr9yeD90uX+2+r+5O/+7fX/9vr///////j1//Dq/ung/uLW/9rK/tO//su1/cSq"
  },
  quality: {
    weights: {
      size: 0.41,
      sharpness: 0.33,
      brightness: 0,
      overexposure: 0,
      underexposure: 0,
      contrast: 0,
      uniformity: 0,
      turned: 0.07,
      tilted: 0,
      cut_off: 0.49,
      covered: 0.81
    },
    names: {
      size: "small",
      sharpness: "blurred",
      turned: "turned",
      cut_off: "cut off"
    },
    least_score: 0.5,
    least_factor: 0.8,
    least: 40
  },
  max_errors: [
    "0.3",
    "0.2",
    "0.1",
    "0.05",
    "0.02",
    "0.01"
  ],
  sets: [
    "0.8",
    "0.9",
    "0.95",
    "0.99"
  ]
};

// src/emotions.ts
var known = mien_default.emotions;
var GREY = "rgb(138 144 153)";
var colourOf = (label) => {
  const colour = known[label]?.colour;
  return colour ? `rgb(${colour.join(" ")})` : GREY;
};

// src/geometry.ts
var radians = (degrees) => degrees * Math.PI / 180;

// src/evidence.ts
var LIMIT = mien_default.evidence.limit;
var MOST_PIXELS = 512;
var SCALE_GREY = 150;
var { greys: GREYS, levels: LEVELS } = mien_default.evidence;
var COLOURS = Uint8Array.from(atob(mien_default.evidence.colours), (letter) => letter.charCodeAt(0));
function coloured(grey, logits) {
  const row = grey / 255 * (GREYS - 1);
  const column = (Math.min(Math.max(logits / LIMIT, -1), 1) + 1) / 2 * (LEVELS - 1);
  const [top, left] = [Math.min(Math.floor(row), GREYS - 2), Math.min(Math.floor(column), LEVELS - 2)];
  const [below, right] = [row - top, column - left];
  const at = (j, i, channel) => COLOURS[3 * ((top + j) * LEVELS + left + i) + channel];
  const mixed = (channel) => (at(0, 0, channel) * (1 - right) + at(0, 1, channel) * right) * (1 - below) + (at(1, 0, channel) * (1 - right) + at(1, 1, channel) * right) * below;
  return [mixed(0), mixed(1), mixed(2)];
}
var ramp = (num) => Array.from({ length: num }, (_, at) => {
  const colour = coloured(SCALE_GREY, (2 * (at / (num - 1)) - 1) * LIMIT);
  return `rgb(${colour.map(Math.round).join(" ")})`;
});
function drawEvidence(context, picture, width, height, { x, y, side, roll }, evidence, label, scale) {
  const map = evidence.maps[label];
  if (!map) return;
  const pixels = Math.max(16, Math.min(MOST_PIXELS, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(pixels, pixels);
  const face = canvas.getContext("2d", { willReadFrequently: true });
  const enlarged = pixels / side;
  face.translate(pixels / 2, pixels / 2);
  face.rotate(-radians(roll));
  face.drawImage(picture, -x * enlarged, -y * enlarged, width * enlarged, height * enlarged);
  const image = face.getImageData(0, 0, pixels, pixels);
  const { data } = image;
  for (let at = 0; at < pixels * pixels; at++) {
    const grey = 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
    const [column, row] = [(at % pixels + 0.5) / pixels, (Math.floor(at / pixels) + 0.5) / pixels];
    const colour = coloured(grey, between(map, evidence.width, evidence.height, column, row));
    for (let channel = 0; channel < 3; channel++) data[4 * at + channel] = Math.round(colour[channel]);
  }
  face.putImageData(image, 0, 0);
  context.save();
  context.translate(x * scale, y * scale);
  context.rotate(radians(roll));
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, -side / 2 * scale, -side / 2 * scale, side * scale, side * scale);
  context.restore();
}
function drawScale(context, bottom, unit) {
  const [width, height, gap] = [180 * unit, 10 * unit, 8 * unit];
  const top = bottom - 58 * unit;
  context.fillStyle = "rgb(14 16 20 / .82)";
  context.beginPath();
  context.roundRect(gap, top, width + 3 * gap, 50 * unit, 6 * unit);
  context.fill();
  ramp(60).forEach((colour, at) => {
    context.fillStyle = colour;
    context.fillRect(2.5 * gap + at * width / 60, top + 22 * unit, width / 60 + 0.5, height);
  });
  context.fillStyle = "rgb(231 234 240)";
  context.font = `${12 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const line = (words, y) => words.forEach((word, place2) => {
    context.textAlign = ["left", "center", "right"][place2];
    context.fillText(word, 2.5 * gap + place2 * width / 2, top + y);
  });
  line(["speaks against", "", "for"], 12 * unit);
  line([`−${LIMIT}`, "0", `+${LIMIT} logits`], 42 * unit);
  context.textAlign = "left";
}
function between(map, width, height, x, y) {
  const column = Math.min(Math.max(x * width - 0.5, 0), width - 1);
  const row = Math.min(Math.max(y * height - 0.5, 0), height - 1);
  const [left, top] = [Math.min(Math.floor(column), width - 2), Math.min(Math.floor(row), height - 2)];
  const [u, v] = [column - left, row - top];
  const at = (i, j) => map[(top + j) * width + left + i];
  return (at(0, 0) * (1 - u) + at(1, 0) * u) * (1 - v) + (at(0, 1) * (1 - u) + at(1, 1) * u) * v;
}

// src/results.ts
var numberOf = (face, index) => face.track_id ?? index + 1;
var isUnclear = (face) => face.uncertain.length > 0;
var percent = (share) => `${Math.round(100 * share)} %`;
var either = (labels) => labels.length > 1 ? `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}` : labels.join("");

// src/drawing.ts
var INK = "rgb(16 19 24)";
function drawFaces(context, result, style) {
  context.save();
  context.translate(style.left, style.top);
  for (const face of result.faces) {
    const label = explained(face, style.evidence);
    if (label)
      drawEvidence(context, style.picture, result.width, result.height, face.crop, face.evidence, label, style.scale);
  }
  const chosen = result.faces.map((face, index) => numberOf(face, index) === style.selected);
  result.faces.forEach((face, index) => {
    context.globalAlpha = chosen.includes(true) && !chosen[index] ? 0.35 : 1;
    drawBox(context, face, chosen[index], style);
  });
  result.faces.forEach((face, index) => {
    context.globalAlpha = chosen.includes(true) && !chosen[index] ? 0.35 : 1;
    drawTag(context, face, index, result, style);
  });
  context.restore();
}
function drawBox(context, face, chosen, { scale, unit }) {
  const { left, top, right, bottom } = face.box;
  const width = (right - left) * scale;
  const height = (bottom - top) * scale;
  const path = () => {
    context.beginPath();
    context.roundRect(left * scale, top * scale, width, height, Math.min(8 * unit, width / 6));
    context.stroke();
  };
  context.setLineDash([]);
  context.strokeStyle = "rgb(0 0 0 / .45)";
  context.lineWidth = (chosen ? 6 : 4) * unit;
  path();
  context.setLineDash(isUnclear(face) ? [6 * unit, 4 * unit] : []);
  context.strokeStyle = isUnclear(face) ? GREY : colourOf(face.label);
  context.lineWidth = (chosen ? 3.5 : 2) * unit;
  path();
  context.setLineDash([]);
}
function otherThanShown(face, evidence) {
  const label = explained(face, evidence);
  return label && (isUnclear(face) || label !== face.label) ? label : null;
}
var FEW = 3;
function drawTag(context, face, index, result, style) {
  const { scale } = style;
  const { left, top, right } = face.box;
  const unit = style.unit * Math.min(1, Math.max(0.65, (right - left) * scale / (40 * style.unit)));
  const number2 = result.faces.length > 1 || face.track_id !== null ? `${numberOf(face, index)}` : "";
  const says = isUnclear(face) ? "unclear" : `${face.label} ${percent(face.scores[face.label])}`;
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const explains = otherThanShown(face, style.evidence);
  const full = [number2, says, explains && `– evidence for ${explains}`].filter(Boolean).join("  ");
  const room = (right - left) * scale;
  const fits = result.faces.length <= FEW || context.measureText(full).width < 1.5 * room;
  const text = fits ? full : number2;
  const width = context.measureText(text).width + 12 * unit;
  const height = 20 * unit;
  const x = Math.max(0, Math.min(left * scale - unit, result.width * scale - width));
  const y = top * scale - height - 3 * unit < 0 ? top * scale + 3 * unit : top * scale - height - 3 * unit;
  context.fillStyle = isUnclear(face) ? GREY : colourOf(face.label);
  context.beginPath();
  context.roundRect(x, y, width, height, 5 * unit);
  context.fill();
  context.fillStyle = INK;
  context.fillText(text, x + 6 * unit, y + height / 2 + unit / 2);
}
function explained(face, evidence) {
  const label = evidence === "leading" ? face.label : evidence;
  return face.evidence && face.crop && label in face.evidence.maps ? label : null;
}

// src/elements.ts
var byId = (id) => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
};
function element(name, classes = "", ...content) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...content);
  return made;
}

// src/frames.ts
var WINDOW = 2;
var Frames = class {
  /** `analyse` takes a frame and its time in seconds, and says whether it was analysed. */
  constructor(video, analyse) {
    this.video = video;
    this.analyse = analyse;
  }
  video;
  analyse;
  request = 0;
  waiting = 0;
  most = 0;
  presented = 0;
  begin = 0;
  given = [];
  done = [];
  /** All frames since the start. */
  count = 0;
  analysed = 0;
  /** From now on; at most `most` frames wait for their answers at once, and others are passed over. */
  start(most, live) {
    this.stop();
    Object.assign(this, { most, waiting: 0, presented: 0, begin: 0, count: 0, analysed: 0 });
    this.given.length = this.done.length = 0;
    const next = (now, { presentedFrames, mediaTime }) => {
      this.request = this.video.requestVideoFrameCallback(next);
      const missed = this.presented ? presentedFrames - this.presented : 1;
      this.presented = presentedFrames;
      this.count += missed;
      for (let frame = 0; frame < missed; frame++) this.given.push(now);
      this.begin ||= now;
      if (this.waiting < this.most) void this.take(live ? (now - this.begin) / 1e3 : mediaTime, this.request);
    };
    this.request = this.video.requestVideoFrameCallback(next);
  }
  stop() {
    this.video.cancelVideoFrameCallback(this.request);
    this.request = 0;
  }
  rates() {
    const since = performance.now() - 1e3 * WINDOW;
    const rate = (times) => {
      while (times.length && times[0] < since) times.shift();
      return times.length / WINDOW;
    };
    return { shown: rate(this.given), analysed: rate(this.done) };
  }
  async take(time, request) {
    this.waiting++;
    try {
      const analysed = await this.analyse(await createImageBitmap(this.video), time);
      if (!analysed || !this.request || request > this.request) return;
      this.analysed++;
      this.done.push(performance.now());
    } finally {
      this.waiting = Math.max(0, this.waiting - 1);
    }
  }
};

// src/people.ts
var MOST_OPEN = 3;
var People = class {
  constructor(list, select) {
    this.list = list;
    this.select = select;
  }
  list;
  select;
  cards = /* @__PURE__ */ new Map();
  /** `evidence`: the label whose evidence is drawn, as `Style` has it. */
  show(result, labels, evidence) {
    const faces = (result?.faces ?? []).map((face, index) => ({ face, number: numberOf(face, index) }));
    const byNumber = faces.sort((one, other) => one.number - other.number);
    for (const [number2, card] of this.cards)
      if (!byNumber.some((each) => each.number === number2)) {
        card.root.remove();
        this.cards.delete(number2);
      }
    byNumber.forEach(({ face, number: number2 }, place2) => {
      const card = this.cards.get(number2) ?? this.add(number2, labels, byNumber.length <= MOST_OPEN);
      if (this.list.children[place2] !== card.root) this.list.insertBefore(card.root, this.list.children[place2] ?? null);
      card.update(face, evidence);
    });
  }
  clear() {
    this.list.replaceChildren();
    this.cards.clear();
  }
  add(number2, labels, open) {
    const card = new Card(number2, labels, open, this.select);
    this.cards.set(number2, card);
    return card;
  }
};
var Card = class {
  root;
  bars;
  dot = element("i", "dot");
  says = element("b", "says");
  share = element("span", "share");
  why = element("p", "why small soft");
  constructor(number2, labels, open, select) {
    const list = element("dl", "bars");
    this.bars = new Map(labels.map((label) => [label, bar(label, list)]));
    const summary2 = element("summary", "", this.dot, element("span", "who", `Face ${number2}`), this.says, this.share);
    const details = element("details", "", summary2, list, this.why);
    details.open = open;
    this.root = element("li", "face", details);
    this.root.dataset.number = String(number2);
    for (const event of ["pointerenter", "focusin"]) this.root.addEventListener(event, () => select(number2));
    for (const event of ["pointerleave", "focusout"]) this.root.addEventListener(event, () => select(null));
  }
  update(face, evidence) {
    const unclear = isUnclear(face);
    this.root.classList.toggle("unclear", unclear);
    this.dot.style.background = unclear ? GREY : colourOf(face.label);
    written(this.says, unclear ? "unclear" : face.label);
    written(this.share, unclear ? "" : percent(face.scores[face.label]));
    for (const [label, { row, fill, share, shown }] of this.bars) {
      const score = face.scores[label] ?? 0;
      row.classList.toggle("inside", face.prediction_set?.includes(label) ?? false);
      if (Math.abs(score - shown) < 1e-3) continue;
      this.bars.get(label).shown = score;
      fill.style.transform = `scaleX(${score})`;
      written(share, percent(score));
    }
    written(this.why, reasons(face, evidence));
  }
};
function reasons(face, evidence) {
  const likeliest = `The likeliest is ${face.label}, ${percent(face.scores[face.label])}.`;
  const why = face.uncertain.map((reason) => reason === "unclear" ? "no expression leads" : reason);
  const doubts = isUnclear(face) ? `Unclear: ${why.join(", ")}. ${likeliest}` : "";
  const quality = face.quality === null ? "" : `Readable: ${Math.round(face.quality)} of 100`;
  const against = face.quality_reasons.length ? ` (${face.quality_reasons.join(", ")})` : "";
  const among = face.prediction_set ? `The set: ${either(face.prediction_set)}.` : "";
  const label = otherThanShown(face, evidence);
  const colours = label ? `The colours are the evidence for ${label}.` : "";
  return [doubts, among, colours, quality && `${quality}${against}.`].filter(Boolean).join(" ");
}
function bar(label, list) {
  const fill = element("i", "fill");
  fill.style.background = colourOf(label);
  const share = element("span", "", "0 %");
  const row = element("div", "bar", element("dt", "", label), element("dd", "", element("span", "track", fill), share));
  list.append(row);
  return { row, fill, share, shown: 0 };
}
function written(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// src/pictures.ts
async function opened(file, name) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new Fault(`${name} cannot be read as a picture by this browser.`);
  }
}

// src/records.ts
var PLACES = ["left", "top", "right", "bottom"];
function csv(results, labels) {
  const head = [
    "source",
    "frame",
    "time",
    "width",
    "height",
    "face",
    "track_id",
    ...PLACES,
    "crop_x",
    "crop_y",
    "crop_side",
    "roll",
    "detector_score",
    "quality",
    "quality_reasons",
    "label",
    ...labels,
    "valence",
    "arousal",
    "uncertain",
    "prediction_set",
    "error"
  ];
  const row = (result, face, index) => [
    result.source,
    result.index,
    result.time,
    result.width,
    result.height,
    index,
    face?.track_id,
    ...PLACES.map((side) => face?.box[side]),
    face?.crop?.x,
    face?.crop?.y,
    face?.crop?.side,
    face?.crop?.roll,
    face?.detector_score,
    face?.quality,
    face?.quality_reasons.join(";"),
    face?.label,
    ...labels.map((label) => face?.scores[label]),
    face?.valence,
    face?.arousal,
    face?.uncertain.join(";"),
    face?.prediction_set?.join(";"),
    result.error
  ].map(cell).join(",");
  const rows = results.flatMap(
    (result) => result.faces.length ? result.faces.map((face, index) => row(result, face, index)) : [row(result)]
  );
  return [head.join(","), ...rows, ""].join("\n");
}
function cell(value) {
  if (value === null || value === void 0) return "";
  if (typeof value === "number") return digits(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
var digits = (value) => Number.isInteger(value) || Math.fround(value) !== value ? String(value) : String(shortest(value));
var shortest = (value) => {
  for (let num = 1; num < 9; num++) {
    const short = Number(value.toPrecision(num));
    if (Math.fround(short) === value) return short;
  }
  return value;
};
function json(results, isPicture, abilities, choices) {
  const { detector, labels } = abilities;
  const { model, reading } = choices;
  const prior = reading === "people" && choices.prior !== "own" ? choices.prior : null;
  const frames = results.map(({ index, time, faces }) => ({ index, time, faces: faces.map(plain) }));
  const [first] = results;
  const { source, width, height } = first ?? { source: "", width: null, height: null };
  const shown = isPicture ? { faces: frames[0]?.faces ?? [] } : { frames };
  const share = (text, own) => text ? Number(text) : own;
  const asked = { max_error: share(choices.maxError, abilities.max_error), sets: share(choices.sets, abilities.sets) };
  const header = { format: "mien", version: 2, model, detector, labels, reading, prior, ...asked };
  const result = { source, width, height, ...shown, error: first?.error ?? null };
  return `${JSON.stringify({ ...header, results: [result], complete: true }, number, 1)}
`;
}
var plain = ({ evidence: _, ...face }) => face;
var number = (_, value) => typeof value === "number" && !Number.isInteger(value) && Math.fround(value) === value ? shortest(value) : value;
function save(content, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 6e4);
}

// src/settings.ts
var PRIORS = {
  own: "as the service is set",
  halfway: "halfway between the two below (default)",
  natural: "as among FER+'s faces: a third neutral",
  even: "all equally common, as in posed pictures"
};
var ALL = "all, however unclear";
var Settings = class {
  model = byId("model");
  prior = byId("prior");
  maxError = byId("max-error");
  sets = byId("sets");
  evidence = byId("evidence");
  evidenceOf = byId("evidence-of");
  readings = [...document.querySelectorAll("[name=reading]")];
  /** `again`: a choice changes the answers; `draw`: it changes only what is drawn. */
  constructor(again, draw) {
    const changed = () => {
      this.arrange();
      again();
    };
    const inputs = [this.model, this.prior, this.maxError, this.sets, this.evidence, ...this.readings];
    for (const input of inputs) input.onchange = changed;
    this.evidenceOf.onchange = draw;
  }
  offer(abilities) {
    const { models, readings, priors, evidence, uncertainty, labels, max_error, sets } = abilities;
    this.model.replaceChildren(...models.map((name) => new Option(name)));
    for (const label of labels) this.evidenceOf.add(new Option(label));
    for (const input of this.readings) input.checked = input.value === (readings[0] ?? "people");
    byId("readings").hidden = readings.length < 2;
    this.prior.replaceChildren(...priors.map((prior) => new Option(PRIORS[prior], prior)));
    byId("priors").dataset.offered = String(priors.length > 1);
    byId("models").hidden = models.length < 2;
    this.offerShares(max_error, sets);
    byId("uncertainty").hidden = !uncertainty;
    byId("evidences").hidden = !evidence;
    byId("settings").hidden = readings.length < 2 && models.length < 2 && !evidence && !uncertainty;
    this.drawScale();
    this.arrange();
  }
  /** The shares that can be chosen, and first what holds where none is. */
  offerShares(maxError, sets) {
    const wrong = (share) => `so many that at most ${percent(share)} are wrong`;
    const inside = (share) => `a set, right for ${percent(share)} of the faces`;
    const own = (share, text, otherwise) => new Option(share === null ? `${otherwise} (default)` : `${text(share)} (as the service is set)`, "");
    this.maxError.replaceChildren(
      own(maxError, (share) => share < 1 ? wrong(share) : ALL, "about nine of ten"),
      ...mien_default.max_errors.map((share) => new Option(wrong(Number(share)), share)),
      new Option(ALL, "1")
    );
    this.sets.replaceChildren(
      own(sets, inside, "the likeliest one"),
      ...mien_default.sets.map((share) => new Option(inside(Number(share)), share))
    );
  }
  drawScale() {
    const [against, colours, speaksFor] = byId("scale").children;
    against.textContent = `−${LIMIT}, against`;
    speaksFor.textContent = `for, +${LIMIT} logits`;
    colours.style.background = `linear-gradient(90deg, ${ramp(25).join(", ")})`;
  }
  get choices() {
    return {
      model: this.model.value,
      reading: this.readings.find(({ checked }) => checked).value,
      prior: this.prior.value,
      evidence: this.evidence.checked,
      maxError: this.maxError.value,
      sets: this.sets.value
    };
  }
  /** The label whose evidence is drawn, "leading" for each face's own, "" for none. */
  get evidenceShown() {
    return this.evidence.checked ? this.evidenceOf.value : "";
  }
  arrange() {
    const priors = byId("priors");
    priors.hidden = priors.dataset.offered !== "true" || this.choices.reading !== "people";
    for (const id of ["evidence-row", "scale"]) byId(id).hidden = !this.evidence.checked;
    byId("promise").hidden = !this.sets.value && ["", "1"].includes(this.maxError.value);
  }
};
function legend(labels, colourOf2) {
  const keys = labels.map((label) => {
    const square = element("i");
    square.style.background = colourOf2(label);
    return element("span", "", square, label);
  });
  byId("legend").replaceChildren(...keys, element("span", "", element("i", "hatch"), "unclear"));
}

// src/timeline.ts
var MOST_LANES = 6;
var WINDOW2 = 60;
var GAP = 0.6;
var Timeline = class {
  constructor(root, more, axis, seek) {
    this.root = root;
    this.more = more;
    this.axis = axis;
    this.seek = seek;
  }
  root;
  more;
  axis;
  seek;
  samples = /* @__PURE__ */ new Map();
  lanes = /* @__PURE__ */ new Map();
  latest = 0;
  add(result) {
    this.latest = Math.max(this.latest, result.time);
    result.faces.forEach((face, index) => {
      const { evidence: _, ...kept } = face;
      const number2 = numberOf(face, index);
      const samples = this.samples.get(number2) ?? [];
      this.samples.set(number2, samples);
      const at = samples.length && samples.at(-1).time >= result.time ? place(samples, result.time) : samples.length;
      samples.splice(at, samples[at]?.time === result.time ? 1 : 0, { time: result.time, face: kept });
    });
  }
  clear() {
    this.samples.clear();
    this.lanes.clear();
    this.root.replaceChildren();
    this.latest = 0;
  }
  get people() {
    return this.samples.size;
  }
  /** Draws everything anew; `duration` of a video, and null for a camera; `now` is the place that is shown. */
  draw(labels, duration, now) {
    const span = duration ? { begin: 0, end: duration } : { begin: Math.max(0, this.latest - WINDOW2), end: Math.max(WINDOW2, this.latest) };
    const shown = this.shown(span);
    for (const [number2, lane] of this.lanes)
      if (!shown.includes(number2)) {
        lane.root.remove();
        this.lanes.delete(number2);
      }
    shown.forEach((number2, index) => {
      const lane = this.lanes.get(number2) ?? this.lane(number2);
      if (this.root.children[index] !== lane.root) this.root.insertBefore(lane.root, this.root.children[index] ?? null);
      paint(lane.canvas, this.samples.get(number2), labels, span, now);
      lane.canvas.onpointerdown = (event) => this.seek(timeAt(event, lane.canvas, span));
      lane.words.textContent = summary(this.samples.get(number2));
    });
    const hidden = this.samples.size - shown.length;
    this.more.textContent = hidden > 0 ? `${hidden} more ${hidden === 1 ? "person" : "people"}, seen for less time or earlier.` : "";
    this.drawAxis(span);
  }
  /** The numbers of those who are in sight longest in a span, in their order. */
  shown(span) {
    const counts = [...this.samples].map(([number2, samples]) => ({
      number: number2,
      count: samples.length - place(samples, span.begin)
    }));
    const most = counts.filter(({ count }) => count > 0).sort((one, other) => other.count - one.count).slice(0, MOST_LANES);
    return most.map(({ number: number2 }) => number2).sort((one, other) => one - other);
  }
  lane(number2) {
    const canvas = element("canvas", "lane");
    const words = element("span", "small soft words");
    const root = element("li", "", element("div", "name", element("b", "", `Face ${number2}`), words), canvas);
    canvas.setAttribute("aria-hidden", "true");
    const lane = { root, canvas, words };
    this.lanes.set(number2, lane);
    return lane;
  }
  drawAxis({ begin, end }) {
    const words = [0, 0.25, 0.5, 0.75, 1].map((share) => clock(begin + share * (end - begin), end - begin < 10));
    if (this.axis.textContent === words.join("")) return;
    this.axis.replaceChildren(...words.map((word) => element("span", "", word)));
  }
};
function place(samples, time) {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = low + high >> 1;
    if (samples[middle].time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
var clock = (seconds, fine) => {
  if (fine) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
var timeAt = (event, canvas, { begin, end }) => begin + event.offsetX / canvas.clientWidth * (end - begin);
function summary(samples) {
  const counts = /* @__PURE__ */ new Map();
  for (const { face } of samples) {
    const says = isUnclear(face) ? "unclear" : face.label;
    counts.set(says, (counts.get(says) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one).slice(0, 3);
  return sorted.map(([label, count]) => `${label} ${percent(count / samples.length)}`).join(", ");
}
function paint(canvas, samples, labels, span, now) {
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (!width || !height) return;
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const x = (time) => (time - span.begin) / (span.end - span.begin) * width;
  const hatch = hatched(context, ratio);
  let drawn = -1;
  for (let at = Math.max(0, place(samples, span.begin) - 1); at < samples.length; at++) {
    const { time, face } = samples[at];
    const next = samples[at + 1]?.time ?? Infinity;
    const left = Math.max(Math.round(x(time)), drawn);
    const right = Math.max(left, Math.round(x(next - time > GAP ? time + 0.1 : next)));
    if (right <= drawn) continue;
    drawn = right;
    const size = Math.max(1, right - left);
    if (isUnclear(face)) {
      context.fillStyle = hatch;
      context.fillRect(left, 0, size, height);
      continue;
    }
    let bottom = height;
    for (const label of labels) {
      const share = face.scores[label] * height;
      context.fillStyle = colourOf(label);
      context.fillRect(left, bottom - share, size, share + 0.5);
      bottom -= share;
    }
  }
  if (now !== null) {
    context.fillStyle = getComputedStyle(canvas).color;
    context.fillRect(Math.round(x(now)) - ratio, 0, 2 * ratio, height);
  }
}
function hatched(context, ratio) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8 * ratio;
  const pen = tile.getContext("2d");
  pen.strokeStyle = GREY;
  pen.lineWidth = 1.5 * ratio;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift * ratio, 8 * ratio);
    pen.lineTo((shift + 8) * ratio, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

// src/page.ts
var MOST_RESULTS = 54e3;
var SELDOM = 250;
var CAMERA = { width: { ideal: 640 }, height: { ideal: 480 } };
var Page = class {
  constructor(backend) {
    this.backend = backend;
    byId("privacy").textContent = backend.privacy;
  }
  backend;
  kind = "nothing";
  file = null;
  results = [];
  latest = null;
  selected = null;
  /** Counts what was opened and chosen, so that a late answer to an earlier one is not shown. */
  turn = 0;
  stream = null;
  abilities;
  picture = byId("picture");
  video = byId("video");
  overlay = byId("overlay");
  frames = new Frames(this.video, (frame, time) => this.analyse(frame, time));
  announcer = new Announcer(byId("announcer"));
  people = new People(byId("people"), (number2) => this.select(number2));
  timeline = new Timeline(byId("lanes"), byId("more"), byId("axis"), (time) => this.seek(time));
  settings = new Settings(
    () => void this.guarded(() => this.again()),
    () => {
      this.showPeople();
      this.draw();
    }
  );
  async start() {
    await this.guarded(async () => {
      this.abilities = await this.backend.open((words) => this.say(words));
      const { labels, models, detector, version } = this.abilities;
      this.settings.offer(this.abilities);
      legend(labels, colourOf);
      byId("made-with").textContent = `mien ${version}, ${models[0]}, ${detector}`;
      this.say("");
      this.listen();
      setInterval(() => this.drawSeldom(), SELDOM);
      document.body.dataset.ready = "true";
    });
  }
  listen() {
    const file = byId("file");
    const stage = byId("stage");
    for (const id of ["choose", "camera"]) byId(id).disabled = false;
    byId("choose").onclick = () => file.click();
    file.onchange = () => {
      this.take(file.files?.[0]);
      file.value = "";
    };
    byId("camera").onclick = () => void this.guarded(() => this.isOn ? this.stop() : this.startCamera());
    byId("csv").onclick = () => save(csv(this.results, this.abilities.labels), "text/csv", "faces.csv");
    byId("json").onclick = () => save(this.document(), "application/json", "faces.json");
    byId("png").onclick = () => this.drawn().toBlob((blob) => blob && save(blob, "image/png", "faces.png"));
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("drop");
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget || stage.classList.remove("drop"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("drop");
      this.take(event.dataTransfer?.files[0]);
    });
    document.addEventListener("paste", (event) => this.take(event.clipboardData?.files[0]));
    this.video.onplay = this.video.onpause = this.video.onended = () => this.showState();
    new ResizeObserver(() => this.draw()).observe(stage);
  }
  take(file) {
    if (file) void this.guarded(() => file.type.startsWith("video/") ? this.openVideo(file) : this.openPicture(file));
  }
  async openPicture(file) {
    await this.stop();
    const bitmap = await opened(file, file.name);
    [this.picture.width, this.picture.height] = [bitmap.width, bitmap.height];
    const context = this.picture.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, bitmap.width, bitmap.height);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.begin("picture", file);
    await this.again();
  }
  async openVideo(file) {
    await this.stop();
    const address = URL.createObjectURL(file);
    Object.assign(this.video, { src: address, controls: true });
    await new Promise((resolve, reject) => {
      this.video.onloadeddata = resolve;
      this.video.onerror = () => reject(new Fault(`${file.name} cannot be played by this browser. mien analyze reads more.`));
    });
    this.begin("video", file);
    await this.again();
    await this.video.play();
  }
  async startCamera() {
    await this.stop();
    if (!navigator.mediaDevices) throw new Fault("A browser gives its camera only to pages of https or of this machine.");
    const camera = await navigator.mediaDevices.getUserMedia({ video: CAMERA }).catch((error) => {
      const why = error.name === "NotAllowedError" ? "it was not allowed" : error.name === "NotFoundError" ? "there is none" : error.message;
      throw new Fault(`The camera could not be started: ${why}.`);
    });
    Object.assign(this.video, { srcObject: camera, controls: false });
    this.begin("camera", null);
    await this.again();
    await this.video.play();
    this.announcer.say("The camera is on. Faces are analysed.");
  }
  /** Whatever is running ends; what was found stays for the downloads. */
  async stop() {
    this.turn++;
    this.frames.stop();
    this.stream?.close();
    this.stream = null;
    this.video.pause();
    const { srcObject, src } = this.video;
    if (srcObject instanceof MediaStream) for (const track of srcObject.getTracks()) track.stop();
    if (this.isOn) this.announcer.say("The camera is off.");
    if (this.kind === "camera") this.keepLastFrame();
    if (src) URL.revokeObjectURL(src);
    this.showState();
  }
  /** The camera's last frame stays as a still picture, so that the drawing can be downloaded. */
  keepLastFrame() {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth) {
      [this.picture.width, this.picture.height] = [videoWidth, videoHeight];
      this.picture.getContext("2d").drawImage(this.video, 0, 0);
    }
    this.video.srcObject = null;
    this.video.hidden = true;
    this.picture.hidden = false;
  }
  begin(kind, file) {
    Object.assign(this, { kind, file });
    byId("empty").hidden = true;
    this.picture.hidden = kind !== "picture";
    this.video.hidden = kind === "picture";
    byId("over-time").hidden = kind === "picture";
  }
  /** Everything that was found is forgotten, and what is shown is analysed with the choices as they are now. */
  async again() {
    if (this.kind === "nothing" || this.kind === "camera" && !this.video.srcObject) return;
    this.results = [];
    this.latest = null;
    this.people.clear();
    this.timeline.clear();
    this.stream?.close();
    this.stream = null;
    const turn = ++this.turn;
    const isLate = () => turn !== this.turn;
    await (this.kind === "picture" ? this.analysePicture(isLate) : this.openStream(isLate)).catch((error) => {
      if (!isLate()) throw error;
    });
    if (!isLate()) this.showState();
  }
  async openStream(isLate) {
    const stream = await this.backend.stream(this.settings.choices);
    if (isLate()) return stream.close();
    this.stream = stream;
    this.frames.start(stream.most, this.kind === "camera");
  }
  async analysePicture(isLate) {
    const { file } = this;
    this.say("Analysing …");
    const result = await this.backend.picture(file, file.name, this.settings.choices);
    if (isLate()) return;
    this.say("");
    this.show(result);
    this.overlay.ariaLabel = described(result);
    this.announcer.say(described(result));
  }
  async analyse(frame, time) {
    const { stream } = this;
    if (!stream) return false;
    const result = await stream.send(frame, time).catch((error) => {
      if (stream === this.stream) void this.guarded(() => this.fail(error));
      return null;
    });
    if (!result || stream !== this.stream) return false;
    this.show({ ...result, source: this.file?.name ?? "camera" });
    return true;
  }
  async fail(error) {
    await this.stop();
    throw error;
  }
  show(result) {
    this.latest = result;
    this.results.push(result);
    if (this.results.length > MOST_RESULTS) this.results.splice(0, MOST_RESULTS / 10);
    if (this.kind !== "picture") this.timeline.add(result);
    this.showPeople();
    const num = result.faces.length;
    byId("count").textContent = num > 1 ? String(num) : "";
    byId("nobody").hidden = num > 0;
    byId("nobody").textContent = "No face is found.";
    for (const id of ["csv", "json", "png"]) byId(id).disabled = false;
    this.draw();
  }
  showPeople() {
    this.people.show(this.latest, this.abilities.labels, this.settings.evidenceShown);
  }
  drawSeldom() {
    if (!this.stream) return;
    const { shown, analysed } = this.frames.rates();
    const kept = this.results.length > 0.9 * MOST_RESULTS ? "; only the last half hour is kept" : "";
    if (shown && !this.video.paused) this.say(`${analysed.toFixed(0)} of ${shown.toFixed(0)} frames a second${kept}`);
    const busy = byId("busy");
    Object.assign(busy.dataset, { frames: this.frames.count, analysed: this.frames.analysed });
    this.drawTimeline();
    if (!this.latest) return;
    this.overlay.ariaLabel = described(this.latest);
    this.announcer.offer(this.overlay.ariaLabel);
  }
  drawTimeline() {
    if (this.kind === "picture" || !this.timeline.people) return;
    const isVideo = this.kind === "video";
    this.timeline.draw(this.abilities.labels, isVideo ? this.video.duration : null, isVideo ? this.video.currentTime : null);
  }
  get isOn() {
    return this.kind === "camera" && this.stream !== null;
  }
  /** The sign that analysis is on, and the camera's button. */
  showState() {
    const isOn = this.isOn || this.kind === "video" && this.stream !== null && !this.video.paused;
    const status = byId("status");
    status.classList.toggle("on", isOn);
    status.lastElementChild.textContent = isOn ? "Analysis is on" : "Analysis is off";
    document.title = isOn ? "● Analysis is on – mien" : "mien";
    const camera = byId("camera");
    camera.textContent = this.isOn ? "Stop the camera" : "Start the camera";
    camera.classList.toggle("stop", this.isOn);
    if (!isOn) this.say("");
  }
  select(number2) {
    this.selected = number2;
    this.draw();
  }
  seek(time) {
    if (this.kind === "video") this.video.currentTime = time;
  }
  /** The boxes over what is shown, in the screen's own pixels. */
  draw() {
    const { overlay, latest } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(overlay.clientWidth * ratio), Math.round(overlay.clientHeight * ratio)];
    if (overlay.width !== width || overlay.height !== height) [overlay.width, overlay.height] = [width, height];
    const context = overlay.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (!latest) return;
    const scale = Math.min(width / latest.width, height / latest.height);
    const [left, top] = [(width - latest.width * scale) / 2, (height - latest.height * scale) / 2];
    const { selected } = this;
    const { evidenceShown: evidence } = this.settings;
    drawFaces(context, latest, { scale, unit: ratio, left, top, evidence, picture: this.shown, selected });
  }
  /** What the faces were found in. */
  get shown() {
    return this.video.hidden ? this.picture : this.video;
  }
  /** The picture with everything drawn into it, in its own pixels. */
  drawn() {
    const result = this.latest;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [result.width, result.height];
    const context = canvas.getContext("2d");
    context.drawImage(this.shown, 0, 0, result.width, result.height);
    const unit = Math.max(1, Math.max(result.width, result.height) / 1e3);
    const evidence = this.settings.evidenceShown;
    drawFaces(context, result, { scale: 1, unit, left: 0, top: 0, evidence, picture: this.shown, selected: null });
    if (evidence) drawScale(context, result.height, unit);
    return canvas;
  }
  document() {
    const isPicture = this.kind === "picture";
    return json(this.results, isPicture, this.abilities, this.settings.choices);
  }
  /** A few words at the picture's edge; none hides them. */
  say(words) {
    const busy = byId("busy");
    busy.hidden = !words;
    if (busy.textContent !== words) busy.textContent = words;
  }
  /** Does it, and shows what went wrong. */
  async guarded(work) {
    const fault = byId("fault");
    fault.hidden = true;
    try {
      await work();
    } catch (error) {
      fault.textContent = error instanceof Fault ? error.message : `Something went wrong: ${String(error)}`;
      fault.hidden = false;
      this.say("");
    }
  }
};
function described(result) {
  const faces = result.faces.map((face, index) => {
    const among = face.prediction_set && face.prediction_set.length > 1 ? ` (${either(face.prediction_set)})` : "";
    const says = (isUnclear(face) ? "unclear" : `${face.label} ${percent(face.scores[face.label])}`) + among;
    return result.faces.length > 1 ? `face ${numberOf(face, index)}: ${says}` : says;
  });
  const num = faces.length;
  return num ? `${num === 1 ? "1 face" : `${num} faces`}: ${faces.slice(0, 5).join("; ")}` : "No face is found.";
}

// src/service.ts
var JPEG_QUALITY = 0.9;
var MOST_SENT = 2;
var ASK_AGAIN = 300;
var SILENT = "The service does not answer. Is mien serve still running?";
var CLOSED = {
  1001: "The service stops.",
  1008: "The service refuses frames: too many a second, or the token is wrong.",
  1009: "A frame is too large for the service.",
  1013: "The service is busy. Try again in a moment."
};
var Service = class {
  privacy = `Pictures and frames go to ${location.host} and nowhere else. Nothing is kept there.`;
  token = "";
  abilities;
  async open(progress) {
    progress("Asking the service …");
    await ready(progress);
    const { model, reading, priors, ...others } = await (await this.asked("v1/models")).json();
    const readings = [...others.readings].sort((one, other) => Number(other === reading) - Number(one === reading));
    this.abilities = { ...others, readings, priors: priors.length ? ["own", ...priors] : [], models: [model] };
    return this.abilities;
  }
  async picture(file, name, choices) {
    const query = new URLSearchParams({ name, ...asQuery(choices, this.abilities) });
    const headers = { "Content-Type": file.type || "image/*", Accept: "application/json" };
    const response = await this.asked(`v1/faces?${query}`, { method: "POST", body: file, headers });
    const { results } = await response.json();
    return { ...explained2(results[0]), index: 0, time: 0 };
  }
  async stream(choices) {
    const address = new URL(`v1/stream?${new URLSearchParams(asQuery(choices, this.abilities))}`, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, this.token ? ["mien", `bearer.${this.token}`] : []);
    await opened2(socket);
    return new Socket(socket);
  }
  async asked(path, init = {}) {
    const authorization = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    const headers = { ...init.headers, ...authorization };
    const response = await fetch(path, { ...init, headers }).catch(() => null);
    if (!response) throw new Fault(SILENT);
    if (response.ok) return response;
    if (response.status === 401) {
      const token = prompt("This service asks for a token:");
      if (token) {
        this.token = token.trim();
        return this.asked(path, init);
      }
    }
    const problem = await response.json().catch(() => ({}));
    throw new Fault(problem.detail ?? `The service answered ${response.status}.`);
  }
};
async function ready(progress) {
  for (; ; ) {
    const response = await fetch("health/ready").catch(() => null);
    if (!response) throw new Fault(SILENT);
    if (response.status !== 503) return;
    progress("The service is starting …");
    await new Promise((again) => setTimeout(again, ASK_AGAIN));
  }
}
function asQuery(choices, { readings, priors }) {
  const { reading, prior, evidence, maxError, sets } = choices;
  return {
    ...readings.length > 1 && { reading },
    ...priors.length > 1 && reading === "people" && prior !== "own" && { prior },
    ...evidence && { evidence: "true" },
    ...maxError && { max_error: maxError },
    ...sets && { sets }
  };
}
var whyClosed = ({ code, reason }, otherwise) => new Fault(reason ? `The service ends the stream: ${reason}` : CLOSED[code] ?? otherwise);
function opened2(socket) {
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onclose = (event) => reject(whyClosed(event, "The service did not take the stream."));
  });
}
var Socket = class {
  constructor(socket) {
    this.socket = socket;
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = (event) => this.end(whyClosed(event, "The connection to the service broke off."));
  }
  socket;
  most = 4;
  // two that are sent, and two more, so that none is missed when an answer is late
  waiting = /* @__PURE__ */ new Map();
  sent = 0;
  last = Promise.resolve();
  room = () => {
  };
  fault = null;
  async send(bitmap, time) {
    const jpeg = encoded(bitmap);
    const posted = this.last.then(() => this.post(jpeg, time));
    this.last = posted.catch(() => {
    });
    return (await posted).answer;
  }
  close() {
    this.socket.onclose = null;
    this.socket.close();
    for (const { done } of this.waiting.values()) done(null);
    this.end(new Fault("The stream is closed."));
  }
  async post(jpeg, time) {
    const content = await jpeg;
    if (this.waiting.size >= MOST_SENT) await new Promise((go) => this.room = go);
    if (this.fault) throw this.fault;
    this.socket.send(content);
    return { answer: new Promise((done, fail) => this.waiting.set(this.sent++, { time, done, fail })) };
  }
  /** Frames before the one that is answered, and not answered themselves, were dropped. */
  take(answered) {
    const result = explained2(answered);
    for (const [index, { time, done }] of this.waiting) {
      if (index > result.index) break;
      done(index === result.index ? { ...result, time } : null);
      this.waiting.delete(index);
    }
    this.room();
  }
  end(fault) {
    this.fault = fault;
    for (const { fail } of this.waiting.values()) fail(fault);
    this.waiting.clear();
    this.room();
  }
};
function explained2({ evidence, ...result }) {
  if (!evidence) return result;
  return { ...result, faces: result.faces.map((face, index) => ({ ...face, evidence: evidence[index] })) };
}
async function encoded(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
  bitmap.close();
  return (await canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY })).arrayBuffer();
}

// src/served.ts
void new Page(new Service()).start();

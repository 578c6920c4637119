/** The choices of how faces are read. What the back end cannot do is not offered. */

import type { Abilities, Choices, Prior, Reading } from "./backend";
import { byId, element } from "./elements";
import { LIMIT, ramp } from "./evidence";
import mien from "./mien.json";
import { percent } from "./results";

const PRIORS: Record<Prior, string> = {
  own: "as the service is set",
  halfway: "halfway between the two below (default)",
  natural: "as among FER+'s faces: a third neutral",
  even: "all equally common, as in posed pictures",
};

const ALL = "all, however unclear";

export class Settings {
  private readonly model = byId<HTMLSelectElement>("model");
  private readonly prior = byId<HTMLSelectElement>("prior");
  private readonly maxError = byId<HTMLSelectElement>("max-error");
  private readonly sets = byId<HTMLSelectElement>("sets");
  private readonly evidence = byId<HTMLInputElement>("evidence");
  private readonly evidenceOf = byId<HTMLSelectElement>("evidence-of");
  private readonly readings = [...document.querySelectorAll<HTMLInputElement>("[name=reading]")];

  /** `again`: a choice changes the answers; `draw`: it changes only what is drawn. */
  constructor(again: () => void, draw: () => void) {
    const changed = (): void => {
      this.arrange();
      again();
    };
    const inputs = [this.model, this.prior, this.maxError, this.sets, this.evidence, ...this.readings];
    for (const input of inputs) input.onchange = changed;
    this.evidenceOf.onchange = draw;
  }

  offer(abilities: Abilities): void {
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
  private offerShares(maxError: number | null, sets: number | null): void {
    const wrong = (share: number): string => `so many that at most ${percent(share)} are wrong`;
    const inside = (share: number): string => `a set, right for ${percent(share)} of the faces`;
    const own = (share: number | null, text: (share: number) => string, otherwise: string): HTMLOptionElement =>
      new Option(share === null ? `${otherwise} (default)` : `${text(share)} (as the service is set)`, "");
    this.maxError.replaceChildren(
      own(maxError, (share) => (share < 1 ? wrong(share) : ALL), "about nine of ten"),
      ...mien.max_errors.map((share) => new Option(wrong(Number(share)), share)),
      new Option(ALL, "1"),
    );
    this.sets.replaceChildren(
      own(sets, inside, "the likeliest one"),
      ...mien.sets.map((share) => new Option(inside(Number(share)), share)),
    );
  }

  private drawScale(): void {
    const [against, colours, speaksFor] = byId("scale").children as unknown as HTMLElement[];
    against!.textContent = `−${LIMIT}, against`;
    speaksFor!.textContent = `for, +${LIMIT} logits`;
    colours!.style.background = `linear-gradient(90deg, ${ramp(25).join(", ")})`;
  }

  get choices(): Choices {
    return {
      model: this.model.value,
      reading: this.readings.find(({ checked }) => checked)!.value as Reading,
      prior: this.prior.value as Prior,
      evidence: this.evidence.checked,
      maxError: this.maxError.value,
      sets: this.sets.value,
    };
  }

  /** The label whose evidence is drawn, "leading" for each face's own, "" for none. */
  get evidenceShown(): string {
    return this.evidence.checked ? this.evidenceOf.value : "";
  }

  private arrange(): void {
    const priors = byId("priors");
    // Only people's reading has a prior: FER2013's labels come with that data set's own.
    priors.hidden = priors.dataset.offered !== "true" || this.choices.reading !== "people";
    for (const id of ["evidence-row", "scale"]) byId(id).hidden = !this.evidence.checked;
    byId("promise").hidden = !this.sets.value && ["", "1"].includes(this.maxError.value);
  }
}

/** Colours and names below the heading of the timeline. */
export function legend(labels: string[], colourOf: (label: string) => string): void {
  const keys = labels.map((label) => {
    const square = element("i");
    square.style.background = colourOf(label);
    return element("span", "", square, label);
  });
  byId("legend").replaceChildren(...keys, element("span", "", element("i", "hatch"), "unclear"));
}

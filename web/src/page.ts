/** The page: a picture, a video or a camera in, and what its faces show. Who analyses is the back end's business. */

import { Announcer } from "./announcer";
import { Fault, type Abilities, type Backend, type FrameStream } from "./backend";
import { drawFaces } from "./drawing";
import { byId } from "./elements";
import { colourOf } from "./emotions";
import { drawScale } from "./evidence";
import { Frames } from "./frames";
import { People } from "./people";
import { opened } from "./pictures";
import { csv, json, save } from "./records";
import { either, isUnclear, numberOf, percent, type FrameResult } from "./results";
import { legend, Settings } from "./settings";
import { Timeline } from "./timeline";

/** Most frames that are kept for the downloads: half an hour at 30 a second. */
const MOST_RESULTS = 54_000;

/** Milliseconds between two drawings of what need not follow every frame. */
const SELDOM = 250;

/** A camera's picture. Faces are read at 48 pixels, so more would only take longer. */
const CAMERA: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 } };

type Kind = "nothing" | "picture" | "video" | "camera";

export class Page {
  private kind: Kind = "nothing";
  private file: File | null = null;
  private results: FrameResult[] = [];
  private latest: FrameResult | null = null;
  private selected: number | null = null;
  /** Counts what was opened and chosen, so that a late answer to an earlier one is not shown. */
  private turn = 0;
  private stream: FrameStream | null = null;
  private abilities!: Abilities;
  private readonly picture = byId<HTMLCanvasElement>("picture");
  private readonly video = byId<HTMLVideoElement>("video");
  private readonly overlay = byId<HTMLCanvasElement>("overlay");
  private readonly frames = new Frames(this.video, (frame, time) => this.analyse(frame, time));
  private readonly announcer = new Announcer(byId("announcer"));
  private readonly people = new People(byId("people"), (number) => this.select(number));
  private readonly timeline = new Timeline(byId("lanes"), byId("more"), byId("axis"), (time) => this.seek(time));
  private readonly settings = new Settings(
    () => void this.guarded(() => this.again()),
    () => {
      this.showPeople();
      this.draw();
    },
  );

  constructor(private readonly backend: Backend) {
    byId("privacy").textContent = backend.privacy;
  }

  async start(): Promise<void> {
    await this.guarded(async () => {
      this.abilities = await this.backend.open((words) => this.say(words));
      const { labels, models, detector, version } = this.abilities;
      this.settings.offer(this.abilities);
      legend(labels, colourOf);
      byId("made-with").textContent = `mien ${version}, ${models[0]}, ${detector}`;
      this.say("");
      this.listen();
      setInterval(() => this.drawSeldom(), SELDOM);
      document.body.dataset.ready = "true"; // for tests
    });
  }

  private listen(): void {
    const file = byId<HTMLInputElement>("file");
    const stage = byId("stage");
    for (const id of ["choose", "camera"]) byId<HTMLButtonElement>(id).disabled = false;
    byId("choose").onclick = () => file.click();
    file.onchange = () => {
      this.take(file.files?.[0]);
      file.value = "";
    };
    byId("camera").onclick = () => void this.guarded(() => (this.isOn ? this.stop() : this.startCamera()));
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

  private take(file: File | undefined): void {
    if (file) void this.guarded(() => (file.type.startsWith("video/") ? this.openVideo(file) : this.openPicture(file)));
  }

  private async openPicture(file: File): Promise<void> {
    await this.stop();
    const bitmap = await opened(file, file.name);
    [this.picture.width, this.picture.height] = [bitmap.width, bitmap.height];
    const context = this.picture.getContext("2d")!;
    context.fillStyle = "white"; // as the networks see what is transparent
    context.fillRect(0, 0, bitmap.width, bitmap.height);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.begin("picture", file);
    await this.again();
  }

  private async openVideo(file: File): Promise<void> {
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

  private async startCamera(): Promise<void> {
    await this.stop();
    if (!navigator.mediaDevices) throw new Fault("A browser gives its camera only to pages of https or of this machine.");
    const camera = await navigator.mediaDevices.getUserMedia({ video: CAMERA }).catch((error: DOMException) => {
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
  private async stop(): Promise<void> {
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
  private keepLastFrame(): void {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth) {
      [this.picture.width, this.picture.height] = [videoWidth, videoHeight];
      this.picture.getContext("2d")!.drawImage(this.video, 0, 0);
    }
    this.video.srcObject = null;
    this.video.hidden = true;
    this.picture.hidden = false;
  }

  private begin(kind: Kind, file: File | null): void {
    Object.assign(this, { kind, file });
    byId("empty").hidden = true;
    this.picture.hidden = kind !== "picture";
    this.video.hidden = kind === "picture";
    byId("over-time").hidden = kind === "picture";
  }

  /** Everything that was found is forgotten, and what is shown is analysed with the choices as they are now. */
  private async again(): Promise<void> {
    if (this.kind === "nothing" || (this.kind === "camera" && !this.video.srcObject)) return;
    this.results = [];
    this.latest = null;
    this.people.clear();
    this.timeline.clear();
    this.stream?.close();
    this.stream = null;
    const turn = ++this.turn;
    const isLate = (): boolean => turn !== this.turn; // something else was opened or chosen meanwhile
    await (this.kind === "picture" ? this.analysePicture(isLate) : this.openStream(isLate)).catch((error: unknown) => {
      if (!isLate()) throw error;
    });
    if (!isLate()) this.showState();
  }

  private async openStream(isLate: () => boolean): Promise<void> {
    const stream = await this.backend.stream(this.settings.choices);
    if (isLate()) return stream.close();
    this.stream = stream;
    this.frames.start(stream.most, this.kind === "camera");
  }

  private async analysePicture(isLate: () => boolean): Promise<void> {
    const { file } = this;
    this.say("Analysing …");
    const result = await this.backend.picture(file!, file!.name, this.settings.choices);
    if (isLate()) return;
    this.say("");
    this.show(result);
    this.overlay.ariaLabel = described(result);
    this.announcer.say(described(result));
  }

  private async analyse(frame: ImageBitmap, time: number): Promise<boolean> {
    const { stream } = this;
    if (!stream) return false;
    const result = await stream.send(frame, time).catch((error: Error) => {
      if (stream === this.stream) void this.guarded(() => this.fail(error));
      return null;
    });
    if (!result || stream !== this.stream) return false;
    this.show({ ...result, source: this.file?.name ?? "camera" });
    return true;
  }

  private async fail(error: Error): Promise<void> {
    await this.stop();
    throw error;
  }

  private show(result: FrameResult): void {
    this.latest = result;
    this.results.push(result);
    if (this.results.length > MOST_RESULTS) this.results.splice(0, MOST_RESULTS / 10);
    if (this.kind !== "picture") this.timeline.add(result);
    this.showPeople();
    const num = result.faces.length;
    byId("count").textContent = num > 1 ? String(num) : "";
    byId("nobody").hidden = num > 0;
    byId("nobody").textContent = "No face is found.";
    for (const id of ["csv", "json", "png"]) byId<HTMLButtonElement>(id).disabled = false;
    this.draw();
  }

  private showPeople(): void {
    this.people.show(this.latest, this.abilities.labels, this.settings.evidenceShown);
  }

  private drawSeldom(): void {
    if (!this.stream) return;
    const { shown, analysed } = this.frames.rates();
    const kept = this.results.length > 0.9 * MOST_RESULTS ? "; only the last half hour is kept" : "";
    if (shown && !this.video.paused) this.say(`${analysed.toFixed(0)} of ${shown.toFixed(0)} frames a second${kept}`);
    const busy = byId("busy");
    Object.assign(busy.dataset, { frames: this.frames.count, analysed: this.frames.analysed }); // for the benchmark
    this.drawTimeline();
    if (!this.latest) return;
    this.overlay.ariaLabel = described(this.latest);
    this.announcer.offer(this.overlay.ariaLabel);
  }

  private drawTimeline(): void {
    if (this.kind === "picture" || !this.timeline.people) return;
    const isVideo = this.kind === "video";
    this.timeline.draw(this.abilities.labels, isVideo ? this.video.duration : null, isVideo ? this.video.currentTime : null);
  }

  private get isOn(): boolean {
    return this.kind === "camera" && this.stream !== null;
  }

  /** The sign that analysis is on, and the camera's button. */
  private showState(): void {
    const isOn = this.isOn || (this.kind === "video" && this.stream !== null && !this.video.paused);
    const status = byId("status");
    status.classList.toggle("on", isOn);
    status.lastElementChild!.textContent = isOn ? "Analysis is on" : "Analysis is off";
    document.title = isOn ? "● Analysis is on – mien" : "mien";
    const camera = byId("camera");
    camera.textContent = this.isOn ? "Stop the camera" : "Start the camera";
    camera.classList.toggle("stop", this.isOn);
    if (!isOn) this.say("");
  }

  private select(number: number | null): void {
    this.selected = number;
    this.draw();
  }

  private seek(time: number): void {
    if (this.kind === "video") this.video.currentTime = time;
  }

  /** The boxes over what is shown, in the screen's own pixels. */
  private draw(): void {
    const { overlay, latest } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(overlay.clientWidth * ratio), Math.round(overlay.clientHeight * ratio)];
    if (overlay.width !== width || overlay.height !== height) [overlay.width, overlay.height] = [width, height];
    const context = overlay.getContext("2d")!;
    context.clearRect(0, 0, width, height);
    if (!latest) return;
    const scale = Math.min(width / latest.width, height / latest.height);
    const [left, top] = [(width - latest.width * scale) / 2, (height - latest.height * scale) / 2];
    const { selected } = this;
    const { evidenceShown: evidence } = this.settings;
    drawFaces(context, latest, { scale, unit: ratio, left, top, evidence, picture: this.shown, selected });
  }

  /** What the faces were found in. */
  private get shown(): HTMLVideoElement | HTMLCanvasElement {
    return this.video.hidden ? this.picture : this.video;
  }

  /** The picture with everything drawn into it, in its own pixels. */
  private drawn(): HTMLCanvasElement {
    const result = this.latest!;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [result.width, result.height];
    const context = canvas.getContext("2d")!;
    context.drawImage(this.shown, 0, 0, result.width, result.height);
    const unit = Math.max(1, Math.max(result.width, result.height) / 1000);
    const evidence = this.settings.evidenceShown;
    drawFaces(context, result, { scale: 1, unit, left: 0, top: 0, evidence, picture: this.shown, selected: null });
    if (evidence) drawScale(context, result.height, unit);
    return canvas;
  }

  private document(): string {
    const isPicture = this.kind === "picture";
    return json(this.results, isPicture, this.abilities, this.settings.choices);
  }

  /** A few words at the picture's edge; none hides them. */
  private say(words: string): void {
    const busy = byId("busy");
    busy.hidden = !words;
    if (busy.textContent !== words) busy.textContent = words;
  }

  /** Does it, and shows what went wrong. */
  private async guarded(work: () => Promise<void>): Promise<void> {
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
}

/** A result in words. */
function described(result: FrameResult): string {
  const faces = result.faces.map((face, index) => {
    const among = face.prediction_set && face.prediction_set.length > 1 ? ` (${either(face.prediction_set)})` : "";
    const says = (isUnclear(face) ? "unclear" : `${face.label} ${percent(face.scores[face.label]!)}`) + among;
    return result.faces.length > 1 ? `face ${numberOf(face, index)}: ${says}` : says;
  });
  const num = faces.length;
  return num ? `${num === 1 ? "1 face" : `${num} faces`}: ${faces.slice(0, 5).join("; ")}` : "No face is found.";
}

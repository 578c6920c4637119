/** What the page and its worker say to each other. */

import type { Choices } from "./backend";
import type { ModelCard } from "./reader";
import type { Face } from "./results";

export type Files = Record<string, ArrayBuffer>;

export type Asked =
  | { kind: "open"; files: Files; cards: ModelCard[] }
  /** A picture has no stream; frames of one stream share the numbers of people. */
  | { kind: "frame"; bitmap: ImageBitmap; choices: Choices; stream: number | null; time: number }
  | { kind: "forget"; stream: number };

export type Answered = { id: number; faces: Face[] } | { id: number; error: string };

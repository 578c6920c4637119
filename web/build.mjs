/**
 * Builds the page into src/mien/serve/static, and the app into web/dist:
 *
 *   node build.mjs page [FOLDER]
 *   node build.mjs app [FOLDER]    web/networks.py has put the networks into FOLDER/models
 *   node build.mjs test FOLDER     test/parity.ts and test/scores.ts, and what they need of onnxruntime
 *
 * The page is committed as it is built, so it keeps its lines and names: a change of it can be read.
 */

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const WEB = dirname(fileURLToPath(import.meta.url));
const RUNTIME = "ort-wasm-simd-threaded.wasm";

/**
 * For a host that sets no headers. Nothing may be asked of, or sent to, any other host; scripts, and the worker that
 * is made from one of them, are the app's own files; WebAssembly may be compiled.
 */
const POLICY = [
  "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self' blob:", "style-src 'self'",
  "img-src 'self' blob: data:", "media-src 'self' blob:", "connect-src 'self'", "manifest-src 'self'",
  "base-uri 'none'", "form-action 'none'",
].join("; ");

const MANIFEST = {
  name: "mien",
  short_name: "mien",
  description: "Says what a face shows.",
  start_url: "./",
  display: "standalone",
  background_color: "#14171c",
  theme_color: "#14171c",
  icons: [{ src: "icon.svg", sizes: "any", type: "image/svg+xml" }],
};

const bundled = (entry, outfile, options = {}) =>
  build({
    entryPoints: [join(WEB, entry)], outfile, bundle: true, format: "esm", target: "es2022", charset: "utf8",
    legalComments: "inline", absWorkingDir: WEB, logLevel: "warning", ...options,
  });

async function page(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ["index.html", "style.css", "icon.svg"])
    copyFileSync(join(WEB, "static", name), join(folder, name));
  const html = readFileSync(join(WEB, "static", "index.html"), "utf8");
  writeFileSync(join(folder, "index.html"), html.replace("<!-- app -->\n", ""));
  await bundled("src/served.ts", join(folder, "page.js"));
}

async function app(folder) {
  mkdirSync(join(folder, "models"), { recursive: true });
  for (const name of ["style.css", "icon.svg"]) copyFileSync(join(WEB, "static", name), join(folder, name));
  const only = `<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n<link rel="manifest" href="app.webmanifest">\n`;
  const html = readFileSync(join(WEB, "static", "index.html"), "utf8");
  writeFileSync(join(folder, "index.html"), html.replace("<!-- app -->\n", only));
  writeFileSync(join(folder, "app.webmanifest"), JSON.stringify(MANIFEST, null, 1));
  copyFileSync(runtime(), join(folder, "models", "ort.wasm"));
  await bundled("src/app.ts", join(folder, "page.js"), { minify: true });
  await bundled("src/worker.ts", join(folder, "worker.js"), { minify: true });
  const files = [
    "index.html", "style.css", "icon.svg", "app.webmanifest", "page.js", "worker.js",
    ...readdirSync(join(folder, "models")).sort().map((name) => `models/${name}`),
  ];
  const digest = createHash("sha256");
  for (const name of files) digest.update(name).update(readFileSync(join(folder, name)));
  const define = { FILES: JSON.stringify(files), VERSION: JSON.stringify(`mien-${digest.digest("hex").slice(0, 12)}`) };
  await bundled("src/service-worker.ts", join(folder, "service-worker.js"), { minify: true, format: "iife", define });
}

/** onnxruntime's WebAssembly for the processor, without its other ways to compute. */
const runtime = () => join(dirname(createRequire(import.meta.url).resolve("onnxruntime-web/wasm")), RUNTIME);

const [what, where] = process.argv.slice(2);
if (what === "page") await page(where ?? join(WEB, "..", "src", "mien", "serve", "static"));
else if (what === "app") await app(where ?? join(WEB, "dist"));
else if (what === "test") {
  for (const name of ["parity", "scores"])
    await bundled(`test/${name}.ts`, join(where, `${name}.mjs`), { platform: "node" });
  copyFileSync(runtime(), join(where, "ort.wasm"));
} else throw new Error("expected page, app or test");

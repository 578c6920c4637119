/**
 * The app without a connection: every file is kept at the first load, and from then on all requests of the page are
 * answered from what is kept. What is not one of its files is refused, so that nothing goes out any more.
 */

declare const self: ServiceWorkerGlobalScope;
/** The files, and a name that changes with their content; both are put in when the app is built. */
declare const FILES: string[];
declare const VERSION: string;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(["./", ...FILES])));
});

self.addEventListener("activate", (event) => {
  const clean = async (): Promise<void> => {
    for (const name of await caches.keys()) if (name.startsWith("mien-") && name !== VERSION) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener("fetch", (event) => {
  const kept = async (): Promise<Response> => {
    const cache = await caches.open(VERSION);
    const request = event.request.mode === "navigate" ? "./" : event.request;
    return (await cache.match(request)) ?? Response.error();
  };
  event.respondWith(kept());
});

export {};

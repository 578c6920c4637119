import { Local } from "./local";
import { Page } from "./page";

// Keeps the app for the time without a connection, and answers all its requests from then on.
void navigator.serviceWorker?.register("service-worker.js");
void new Page(new Local()).start();

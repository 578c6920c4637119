import { Page } from "./page";
import { Service } from "./service";

void new Page(new Service()).start();

import { render } from "preact";
import { App } from "./app.tsx";
import { Embedded } from "./embedded.tsx";
import { language } from "./words.ts";

document.documentElement.lang = language();
const frame = /^\/embed\/(pop|prompt)$/.exec(location.pathname)?.[1];
render(frame ? <Embedded view={frame} /> : <App />, document.getElementById("page")!);

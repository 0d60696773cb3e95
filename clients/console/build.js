// Builds the page into the folder that is its argument: index.html, console.css, and all code in console.js.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

const target = process.argv[2];
if (!target) throw new Error("Name the folder to write to.");
await build({
  entryPoints: ["src/main.tsx"],
  outfile: `${target}/console.js`,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  charset: "utf8",
});
for (const file of ["index.html", "console.css"]) await copyFile(`src/${file}`, `${target}/${file}`);

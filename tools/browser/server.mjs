// Starts and stops the server that the browser looks at.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const BERT_NER = process.env.BERT_NER ?? "target/release/bert-ner";
export const MODEL = process.env.MODEL ?? "target/demo";

/** A running server: its `address` and how to `stop` it. */
export async function serve({ options = [], models = [MODEL], port = "0" } = {}) {
  const named = models.flatMap(model => ["--model", model]);
  const child = spawn(BERT_NER, ["serve", ...named, "--port", port, ...options], { stdio: ["ignore", "ignore", "pipe"] });
  const said = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (!line.includes('"listening"')) continue;
    child.stderr.resume();
    const address = JSON.parse(line).address;
    return {
      url: `http://${address}`,
      port: address.split(":").pop(),
      async stop() {
        if (child.exitCode !== null) return;
        child.kill("SIGTERM");
        await once(child, "exit");
      },
    };
  }
  throw new Error(`${BERT_NER} does not serve ${models}: ${said.join("\n")}`);
}

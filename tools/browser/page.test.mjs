// The page of `bert-ner serve` in a real Chromium: what people do with it, by mouse and by keyboard, and how it looks.
//
// The environment says which binary (BERT_NER), which fine-tuned folder (MODEL), which browser (CHROMIUM) and where the
// screenshots go (SCREENSHOTS).

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { chromium } from "playwright-core";
import { MODEL, serve } from "./server.mjs";

const SCREENSHOTS = process.env.SCREENSHOTS ?? "target/browser";
const TEXT = readFileSync(new URL("text.txt", import.meta.url), "utf8").trimEnd();
// One character of two UTF-16 units before, one of three bytes between the entities.
const WIDE = "🎾 Steffi Graf won in London. 北京 saw Angela Merkel in Paris 🗼.";
const AXE = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

let browser, server, context, page, requests, complaints;

before(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  server = await serve({ options: ["--max-chars", "5000"] });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens the page anew in a browser that knows nothing yet. */
async function open(options = {}, url = server.url) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  page = await context.newPage();
  [requests, complaints] = [[], []];
  page.on("request", request => requests.push(request));
  page.on("pageerror", error => complaints.push(String(error)));
  page.on("console", message => message.type() === "error" && complaints.push(message.text()));
  await page.goto(url);
  await page.locator("#legend button").first().waitFor();
}

beforeEach(() => open());
afterEach(() => {
  const strangers = requests.map(request => request.url()).filter(url => !url.startsWith(new URL(page.url()).origin) && !/^(data|blob):/.test(url));
  assert.deepEqual(strangers, [], "the page asks nobody but its server");
});

/** What the server says of a text, in the units of a browser. */
async function entitiesOf(text, url = server.url) {
  const body = JSON.stringify({ inputs: text, parameters: { offset_unit: "utf16" } });
  const answer = await fetch(`${url}/predict`, { method: "POST", body });
  return answer.json();
}

/** Writes a text and waits until its entities are shown. */
async function write(text) {
  const answered = page.waitForResponse(response => response.request().method() === "POST" && response.request().postDataJSON().inputs === text);
  await page.fill("#input", text);
  await answered;
  await page.locator("mark").first().waitFor();
}

const marks = () => page.$$eval("mark", found => found.map(mark => [mark.textContent, mark.dataset.type]));
const pairs = (entities, text) => entities.map(entity => [text.slice(entity.start, entity.end), entity.entity_group]);
const rows = () => page.$$eval("#view-table tbody tr", found => found.map(row => [...row.cells].map(cell => cell.textContent)));

test("entities are marked where the server says they are, beside emoji and Chinese too", async () => {
  const expected = await entitiesOf(WIDE);
  assert.ok(expected.length >= 3, "the model finds something in this text");
  await write(WIDE);
  assert.deepEqual(await marks(), pairs(expected, WIDE));
  assert.equal(await page.textContent("#view-text"), WIDE, "nothing of the text is lost or added");
  assert.match(await page.textContent("#status"), new RegExp(`^${expected.length} entities in \\d+ ms$`));
  assert.deepEqual(complaints, []);
});

test("typing sends the text when the fingers rest, not at every key", async () => {
  const sentence = "Angela Merkel met Tony Blair in Berlin.";
  // In one go: between keys of the driver, on a busy machine, fingers may well seem to rest.
  await page.evaluate(text => {
    const input = document.getElementById("input");
    for (let end = 1; end <= text.length; end += 1) {
      input.value = text.slice(0, end);
      input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
  }, sentence);
  await page.locator("mark").first().waitFor();
  const sent = requests.filter(request => request.method() === "POST").map(request => request.postDataJSON().inputs);
  assert.deepEqual(sent, [sentence]);
  await page.locator("#input").press("End");
  await page.locator("#input").pressSequentially(" In Rome.");
  await page.waitForResponse(response => response.request().postDataJSON()?.inputs === sentence + " In Rome.");
});

test("a type is taken out by its legend, in every view, and comes back", async () => {
  await write(TEXT);
  const all = await marks();
  const button = page.locator("#legend button").filter({ hasNotText: " 0" }).last();
  const type = await button.getAttribute("data-type");
  const count = all.filter(([, of]) => of === type).length;
  assert.equal(await button.textContent(), `${type} ${count}`);
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  assert.deepEqual(await marks(), all.filter(([, of]) => of !== type));
  await page.click("#tab-table");
  assert.equal((await rows()).length, all.length - count);
  await page.click("#tab-json");
  const json = JSON.parse(await page.textContent("#view-json"));
  assert.ok(json.length === all.length - count && json.every(entity => entity.entity_group !== type));
  await button.click();
  await page.click("#tab-text");
  assert.deepEqual(await marks(), all);
});

test("table and JSON show what the server said", async () => {
  const expected = await entitiesOf(TEXT);
  await write(TEXT);
  await page.click("#tab-table");
  assert.deepEqual(await rows(), expected.map(entity => [TEXT.slice(entity.start, entity.end), entity.entity_group,
    `${(100 * entity.score).toFixed(1)} %`, String(entity.start), String(entity.end)]));
  await page.click("#tab-json");
  assert.deepEqual(JSON.parse(await page.textContent("#view-json")), expected);
  assert.equal(await page.locator("#view-text").isVisible(), false);
});

test("copy and download give what is shown", async () => {
  await write(TEXT);
  const expected = await entitiesOf(TEXT);
  const copied = async view => {
    await page.click(`#tab-${view}`);
    await page.click("#copy");
    await page.getByText("Copied.").waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const downloaded = async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    return [download.suggestedFilename(), readFileSync(await download.path(), "utf8")];
  };
  assert.equal(await copied("text"), TEXT);
  assert.deepEqual(JSON.parse(await copied("json")), expected);
  const table = await copied("table");
  assert.deepEqual(table.trim().split("\n").slice(1).map(line => line.split("\t").slice(0, 2)), pairs(expected, TEXT));
  assert.deepEqual(await downloaded(), ["entities.tsv", table]);
  await page.click("#tab-text");
  const [name, content] = await downloaded();
  assert.equal(name, "entities.json");
  assert.deepEqual(JSON.parse(content), { text: TEXT, entities: expected });
});

test("everything can be reached and used without a mouse", async () => {
  await write(TEXT);
  const all = await marks();
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.dataset.type || document.activeElement.tagName);
  await page.focus("#input");
  const stops = [];
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press("Tab");
    stops.push(await focused());
  }
  const types = await page.$$eval("#legend button", found => found.map(button => button.dataset.type));
  assert.deepEqual(stops.slice(0, 5 + types.length), ["tab-text", "copy", "download", ...types, "view-text", all[0][1]], "the order of the tabulator");
  // Marks: arrows go from one to the next, and what a pointer sees on hover is shown.
  await page.locator("mark").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), all[1][0]);
  assert.match(await page.textContent("#tip"), new RegExp(`^${all[1][1]} [\\d.]+ %$`));
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), new RegExp(`, ${all[1][1]}, [\\d.]+ %$`));
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), all.at(-1)[0]);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#tip").isVisible(), false);
  // Views: arrows in the list of tabs.
  await page.focus("#tab-text");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "tab-table");
  assert.ok(await page.locator("#view-table").isVisible());
  await page.keyboard.press("ArrowLeft");
  // The legend keeps the focus while it filters.
  await page.focus(`#legend button[data-type=${all[0][1]}]`);
  await page.keyboard.press("Space");
  assert.deepEqual(await marks(), all.filter(([, type]) => type !== all[0][1]));
  assert.equal(await focused(), all[0][1]);
});

test("a file is read, by button and by drop, and an example is at hand", async () => {
  await page.setInputFiles("#file", { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from(WIDE) });
  await page.locator("mark").first().waitFor();
  assert.equal(await page.inputValue("#input"), WIDE);
  await page.click("#clear");
  assert.deepEqual([await page.inputValue("#input"), await marks()], ["", []]);
  await page.evaluate(text => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], "b.txt", { type: "text/plain" }));
    document.getElementById("input").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, TEXT);
  await page.locator("mark").first().waitFor();
  assert.equal(await page.inputValue("#input"), TEXT);
  await page.click("#clear");
  await page.click("#example");
  await page.locator("mark").first().waitFor();
});

test("markup in a text is text", async () => {
  const text = "<img src=x onerror=\"document.title='taken'\"> Angela Merkel <script>document.title='taken'</script> in Berlin & Paris";
  await write(text);
  assert.equal(await page.textContent("#view-text"), text);
  for (const view of ["table", "json"]) await page.click(`#tab-${view}`);
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.equal(await page.title(), "bert-ner");
});

test("what the server refuses is said in its words, and the next text is fine", async () => {
  await page.fill("#input", "x".repeat(5001));
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /5001 characters is too long; at most 5000/);
  await write(TEXT);
  assert.equal(await alert.isVisible(), false);
});

test("a server that is down is said to be, and a second try finds it again", async () => {
  let own = await serve();
  await open({}, own.url);
  await write(TEXT);
  await own.stop();
  await page.fill("#input", TEXT + " And so to Rome.");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /The server does not answer\./);
  await page.screenshot({ path: `${SCREENSHOTS}/down.png` });
  own = await serve({ port: own.port });
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText(/^\d+ entities in/).waitFor();
  assert.equal(await alert.isVisible(), false);
  await own.stop();
});

test("one of several models is chosen", async () => {
  const own = await serve({ models: [`first=${MODEL}`, `second=${MODEL}`] });
  await open({}, own.url);
  await page.selectOption("#model", "second");
  await write(WIDE);
  assert.equal(new URL(requests.at(-1).url()).pathname, "/models/second/predict");
  await open({}, server.url);
  await own.stop();
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing against WCAG 2.2 AA, ${colorScheme}`, async () => {
    await open({ colorScheme });
    const check = async () => {
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(node => node.failureSummary + node.html)]), []);
    };
    await check();
    await write(TEXT);
    for (const view of ["text", "table", "json"]) {
      await page.click(`#tab-${view}`);
      await check();
    }
    await page.goto(`${server.url}/docs`);
    await page.locator("details").first().waitFor();
    await page.$$eval("details", found => found.forEach(each => { each.open = true; }));
    await check();
  });
}

test("the API's page shows every route of the document, and commands that work", async () => {
  await page.goto(`${server.url}/docs`);
  await page.locator("details").first().waitFor();
  const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
  const text = await page.textContent("main");
  for (const path of Object.keys(paths)) assert.ok(text.includes(path), path);
  const [, body] = text.match(/curl \S+\/predict -d '(\{"inputs".*?\})'/);
  const answer = await fetch(`${server.url}/predict`, { method: "POST", body });
  assert.equal(answer.status, 200, body);
  assert.deepEqual(complaints, []);
});

for (const [name, options] of [["light", {}], ["dark", { colorScheme: "dark" }],
  ["phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }]]) {
  test(`screenshot, ${name}`, async () => {
    await open(options);
    await write(TEXT);
    const { width, scroll } = await page.evaluate(() => ({ width: innerWidth, scroll: document.documentElement.scrollWidth }));
    assert.ok(scroll <= width, `${scroll} pixels wide in a window of ${width}`);
    await page.evaluate(() => document.activeElement.blur());
    await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: name === "phone" });
  });
}

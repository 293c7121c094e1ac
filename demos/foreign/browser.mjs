// Drives Chromium: each line of standard input is a command, and is answered by one line. Ends when its input ends.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
// Headless and with a profile of its own: Playwright's defaults.
const browser = await chromium.launch({ executablePath: process.argv[2], args: flags });
const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
page.setDefaultTimeout(60_000);
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));

const commands = {
  goto: async (url) => void (await page.goto(url)),
  evaluate: (script) => page.evaluate(script),
  wait: async (condition) => void (await page.waitForFunction(condition)),
  click: (selector) => page.click(selector),
  fill: (selector, text) => page.fill(selector, text),
  resize: (width, height) => page.setViewportSize({ width, height }),
  dark: () => page.emulateMedia({ colorScheme: "dark" }),
  screenshot: async (path) => void (await page.screenshot({ path })),
  faults: async () => faults,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...inputs] = JSON.parse(line);
  const answer = await commands[command](...inputs).then(
    (result) => ({ result: result ?? null }),
    (error) => ({ error: String(error) }),
  );
  console.log(JSON.stringify(answer));
}
await browser.close();

// What the tests in a browser share: a daemon, Debian's Chromium by playwright-core, cases told in TAP.
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

export const [program, root] = process.argv.slice(2).map((word) => path.resolve(word));
const require = createRequire(path.join(root, "web/package.json"));
const { chromium } = require("playwright-core");
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const CHROMIUM = ["/usr/bin/chromium", process.env.CHROMIUM ?? ""].find((file) => fs.existsSync(file));
const SHOTS = process.env.MACHI_SHOTS;
const PATIENCE_MS = 30000;
export const PHONE = { width: 360, height: 740 }, DESK = { width: 1280, height: 800 }, WALL = { width: 1920, height: 1080 };
export const LANGUAGES = ["en", "ja", "km", "vi", "th", "id"];

export const work = fs.mkdtempSync(path.join(os.tmpdir(), "machi-console-"));
let cases = 0, failed = 0;

export async function check(name, body) {
	cases++;
	try {
		await body();
		console.log(`ok ${cases} - ${name}`);
	} catch (error) {
		failed++;
		console.log(String(error?.stack ?? error).split("\n").map((line) => `# ${line}`).join("\n"));
		console.log(`not ok ${cases} - ${name}`);
	}
}

export function assert(condition, why) {
	if (!condition) {
		throw new Error(why);
	}
}

export function run(...words) {
	const done = spawnSync(program, words, { encoding: "utf8", maxBuffer: 1 << 26 });
	assert(done.status === 0, `machi ${words.join(" ")}: ${done.status}\n${done.stderr.slice(-2000)}`);
}

export async function until(what, condition) {
	const end = Date.now() + PATIENCE_MS;
	for (;;) {
		const found = await condition();
		if (found) {
			return found;
		}
		assert(Date.now() < end, `not in ${PATIENCE_MS} ms: ${what}`);
		await new Promise((resume) => setTimeout(resume, 50));
	}
}

/** machi serve, once it says that it is ready. @returns what it printed, too */
export async function startDaemon(...words) {
	const daemon = spawn(program, ["serve", "--listen", "127.0.0.1:0", ...words], { stdio: ["ignore", "pipe", "pipe"] });
	const told = { daemon, base: "", out: "" };
	let log = "";
	daemon.stdout.on("data", (bytes) => {
		told.out += bytes;
	});
	daemon.stderr.on("data", (bytes) => {
		log += bytes;
	});
	const port = await until("the daemon listens", () => {
		assert(daemon.exitCode === null, `the daemon ended:\n${log}`);
		return /url"?[=:]"?http:\/\/[^ "]*:(\d+)\//.exec(log)?.[1];
	});
	told.base = `http://127.0.0.1:${port}`;
	return told;
}

/** A tab that remembers what went wrong in it. */
export async function open(browser, options) {
	const context = await browser.newContext({ reducedMotion: "reduce", ...options });
	const page = await context.newPage();
	const trouble = [];
	page.on("console", (message) => message.type() === "error" && trouble.push(`console: ${message.text()} ${message.location().url}`));
	page.on("pageerror", (error) => trouble.push(`error: ${error.stack ?? error}`));
	page.on("request", (request) => {
		const url = new URL(request.url());
		if (!["data:", "blob:"].includes(url.protocol) && url.hostname !== "127.0.0.1") {
			trouble.push(`left the host: ${url}`);
		}
	});
	page.setDefaultTimeout(PATIENCE_MS);
	return { page, context, trouble };
}

/** Goes there and waits until nothing is loading any more. */
export async function visit(page, url) {
	await page.goto(url);
	await page.waitForSelector("#page-title");
	await until(`${url} is loaded`, () => page.evaluate(() => !document.querySelector("main .skeleton")));
	if (new URL(url).pathname === "/") {
		await until("the city's vehicles are there", () => page.evaluate(() => performance.getEntriesByName("machi-city-shown").length
			&& /[1-9]/.test(document.querySelector("main .figure-value")?.textContent ?? "")));
	}
}

export async function axe(page) {
	await page.evaluate(AXE);
	const found = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
	return found.violations.map((one) => `${one.id}: ${one.help}\n    ${one.nodes.slice(0, 4).map((node) =>
		`${node.target} ${node.failureSummary?.replaceAll("\n", " ")}`).join("\n    ")}`);
}

export async function shoot(page, at, how) {
	if (SHOTS) {
		const [first, rest] = at.slice(1).split(/[/?]/);
		const name = `${first || "city"}${rest ? "-one" : ""}-${how}`;
		fs.mkdirSync(SHOTS, { recursive: true });
		await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
	}
}

/** Runs the cases in a browser, where there is one, and tells how it went. @param {(browser: any) => Promise<void>} body */
export async function inBrowser(body) {
	if (!CHROMIUM) {
		console.log("1..0 # SKIP chromium is not installed: THE CONSOLE IS NOT TESTED");
		return;
	}
	try {
		const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"] });
		try {
			await body(browser);
		} finally {
			await browser.close();
		}
		console.log(`1..${cases}`);
		process.exitCode = failed ? 1 : 0;
	} finally {
		fs.rmSync(work, { recursive: true, force: true });
	}
}

// The console in a real browser (Debian's Chromium, by playwright-core) against a real daemon with Singapore's data: every
// page at 360 and 1920 px, light and dark, in every language, by keyboard alone; no error in the browser's console, no
// request that leaves the host, no violation that axe-core finds.
//
// Usage: console.mjs MACHI SOURCE_ROOT. MACHI_SHOTS=FOLDER keeps a picture of each page.
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const [program, root] = process.argv.slice(2).map((word) => path.resolve(word));
const require = createRequire(path.join(root, "web/package.json"));
const { chromium } = require("playwright-core");
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const CHROMIUM = ["/usr/bin/chromium", process.env.CHROMIUM ?? ""].find((file) => fs.existsSync(file));
const SHOTS = process.env.MACHI_SHOTS;
const PATIENCE_MS = 30000;
const PHONE = { width: 360, height: 740 }, DESK = { width: 1280, height: 800 }, WALL = { width: 1920, height: 1080 };
const LANGUAGES = ["en", "ja", "km", "vi", "th", "id"];

const work = fs.mkdtempSync(path.join(os.tmpdir(), "machi-console-"));
let cases = 0, failed = 0;

async function check(name, body) {
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

function assert(condition, why) {
	if (!condition) {
		throw new Error(why);
	}
}

function run(...words) {
	const done = spawnSync(program, words, { encoding: "utf8", maxBuffer: 1 << 26 });
	assert(done.status === 0, `machi ${words.join(" ")}: ${done.status}\n${done.stderr.slice(-2000)}`);
}

async function until(what, condition) {
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

async function startCity() {
	const data = path.join(work, "city"), from = path.join(root, "data/singapore");
	run("import", "gtfs", path.join(from, "gtfs.zip"), "--feed", "singapore", "--data", data);
	for (const [file, map] of [["busstops", "bus-stops"], ["busridership", "bus-ridership"], ["carparkavail", "car-parks"]]) {
		run("import", "csv", path.join(from, `sg_${file}.csv`), "--map", path.join(from, `maps/${map}.yaml`), "--data", data);
	}
	const daemon = spawn(program, ["serve", "--open", "--data", data, "--listen", "127.0.0.1:0", "--timetable",
		"singapore,start=2026-11-30T08:00:00+08:00"], { stdio: ["ignore", "ignore", "pipe"] });
	let log = "";
	daemon.stderr.on("data", (bytes) => {
		log += bytes;
	});
	const port = await until("the daemon listens", () => {
		assert(daemon.exitCode === null, `the daemon ended:\n${log}`);
		return /url"?[=:]"?http:\/\/[^ "]*:(\d+)\//.exec(log)?.[1];
	});
	return { daemon, base: `http://127.0.0.1:${port}` };
}

/** A tab that remembers what went wrong in it. */
async function open(browser, options) {
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
async function visit(page, url) {
	await page.goto(url);
	await page.waitForSelector("#page-title");
	await until(`${url} is loaded`, () => page.evaluate(() => !document.querySelector("main .skeleton")));
	if (new URL(url).pathname === "/") {
		await until("the city's vehicles are there", () => page.evaluate(() => performance.getEntriesByName("machi-city-shown").length
			&& /[1-9]/.test(document.querySelector("main .figure-value")?.textContent ?? "")));
	}
}

async function axe(page) {
	await page.evaluate(AXE);
	const found = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
	return found.violations.map((one) => `${one.id}: ${one.help}\n    ${one.nodes.slice(0, 4).map((node) =>
		`${node.target} ${node.failureSummary?.replaceAll("\n", " ")}`).join("\n    ")}`);
}

async function shoot(page, at, how) {
	if (SHOTS) {
		const [first, rest] = at.slice(1).split(/[/?]/);
		const name = `${first || "city"}${rest ? "-one" : ""}-${how}`;
		fs.mkdirSync(SHOTS, { recursive: true });
		await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
	}
}

/** Paths of the menu, as the page offers them, and one entity's page. */
async function pagesOf(browser, base) {
	const { page, context } = await open(browser, { viewport: DESK });
	await visit(page, `${base}/`);
	const paths = await page.$$eval("#menu a", (links) => links.map((link) => link.getAttribute("href")));
	const [stop] = await (await fetch(`${base}/ngsi-ld/v1/entities?type=GtfsStop&limit=1`)).json();
	await context.close();
	const park = "urn:ngsi-ld:OffStreetParking:singapore:1";
	return [...paths, `/entities/${encodeURIComponent(stop.id)}`, `/history?s=${encodeURIComponent(`${park} availableSpotNumber`)}`];
}

async function eachPage(browser, base, paths) {
	for (const [size, viewport] of [["360", PHONE], ["1920", WALL]]) {
		for (const colorScheme of ["light", "dark"]) {
			const { page, context, trouble } = await open(browser, { viewport, colorScheme });
			for (const at of paths) {
				await check(`${at} at ${size} px, ${colorScheme}`, async () => {
					trouble.length = 0;
					await visit(page, base + at);
					await shoot(page, at, `${size}-${colorScheme}`);
					const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
					assert(wide <= 0, `the page is ${wide} px wider than the screen`);
					const violations = await axe(page);
					assert(violations.length === 0, `axe-core:\n${violations.join("\n")}`);
					assert(trouble.length === 0, trouble.join("\n"));
				});
			}
			await context.close();
		}
	}
}

async function languages(browser, base, paths) {
	for (const code of LANGUAGES) {
		await check(`every page speaks ${code}`, async () => {
			const { page, context, trouble } = await open(browser, { viewport: DESK, locale: code });
			for (const at of paths) {
				await visit(page, base + at);
				assert(await page.evaluate(() => document.documentElement.lang) === code, `${at} is not in ${code}`);
				const keys = await page.evaluate(() => /\b[a-z]+\.[a-z]+[A-Z]\w*\b/.exec(document.querySelector("main").innerText)?.[0]);
				assert(!keys || !/^(city|entit|hist|trans|flows|cons|feeds|subs|reg|ten|not|sys|api|common|nav)/.test(keys), `${at} shows the key ${keys}`);
				await shoot(page, at, code);
			}
			assert(trouble.length === 0, trouble.join("\n"));
			await context.close();
		});
	}
}

async function keyboard(browser, base) {
	const { page, context, trouble } = await open(browser, { viewport: DESK });
	await check("keyboard: the first stop skips to the content", async () => {
		await visit(page, `${base}/entities`);
		await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
		await page.keyboard.press("Tab");
		assert(await page.evaluate(() => document.activeElement?.className) === "skip", "the first stop is not the skip link");
		await page.keyboard.press("Enter");
		assert(await page.evaluate(() => document.activeElement?.id) === "main", "it does not lead to the content");
	});
	await check("keyboard: a page is reached from the menu, and its heading has the focus", async () => {
		await visit(page, `${base}/`);
		for (let press = 0; press < 40; press++) {
			await page.keyboard.press("Tab");
			if (await page.evaluate(() => document.activeElement?.getAttribute("href")) === "/entities") {
				break;
			}
		}
		await page.keyboard.press("Enter");
		await until("the heading has the focus", () => page.evaluate(() => location.pathname === "/entities"
			&& document.activeElement?.id === "page-title"));
	});
	await check("keyboard: what has the focus is seen, and nothing holds it", async () => {
		const seen = new Set();
		for (let press = 0; press < 60; press++) {
			await page.keyboard.press("Tab");
			const stop = await page.evaluate(() => {
				const element = document.activeElement;
				if (!element || element === document.body) {
					return "body";
				}
				const style = getComputedStyle(element);
				return style.outlineStyle === "none" || style.outlineWidth === "0px" ? `!${element.outerHTML.slice(0, 120)}` : element.outerHTML.slice(0, 120);
			});
			assert(!stop.startsWith("!"), `no outline: ${stop}`);
			seen.add(stop);
		}
		assert(seen.size > 15, `only ${seen.size} stops: something holds the focus`);
	});
	await check("nothing went wrong meanwhile", async () => assert(trouble.length === 0, trouble.join("\n")));
	await context.close();
}

async function main() {
	if (!CHROMIUM) {
		console.log("1..0 # SKIP chromium is not installed: THE CONSOLE IS NOT TESTED");
		return;
	}
	const { daemon, base } = await startCity();
	const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"] });
	try {
		const paths = await pagesOf(browser, base);
		await eachPage(browser, base, paths);
		await languages(browser, base, paths);
		await keyboard(browser, base);
		await check("a silent server: the page says how old it is", async () => {
			const { page, context } = await open(browser, { viewport: DESK });
			await visit(page, `${base}/feeds`);
			await context.setOffline(true);
			await page.waitForSelector(".notice");
			await context.close();
		});
	} finally {
		await browser.close();
		daemon.kill("SIGKILL");
	}
	console.log(`1..${cases}`);
	process.exitCode = failed ? 1 : 0;
}

try {
	await main();
} finally {
	fs.rmSync(work, { recursive: true, force: true });
}

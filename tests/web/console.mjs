// The console in a real browser (Debian's Chromium, by playwright-core) against a real daemon with Singapore's data: every
// page at 360 px in the dark and at 1920 px in the light, in every language, by keyboard alone; no error in the browser's console, no
// request that leaves the host, no violation that axe-core finds.
//
// Usage: console.mjs MACHI SOURCE_ROOT. MACHI_SHOTS=FOLDER keeps a picture of each page.
import path from "node:path";
import { assert, axe, check, DESK, inBrowser, LANGUAGES, open, PHONE, root, run, shoot, startDaemon, until, visit, WALL, work } from "./browser.mjs";

async function startCity() {
	const data = path.join(work, "city"), from = path.join(root, "data/singapore");
	run("import", "gtfs", path.join(from, "gtfs.zip"), "--feed", "singapore", "--data", data);
	for (const [file, map] of [["busstops", "bus-stops"], ["busridership", "bus-ridership"], ["carparkavail", "car-parks"]]) {
		run("import", "csv", path.join(from, `sg_${file}.csv`), "--map", path.join(from, `maps/${map}.yaml`), "--data", data);
	}
	return startDaemon("--open", "--data", data, "--timetable", "singapore,start=2026-11-30T08:00:00+08:00");
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
	for (const [size, viewport, colorScheme] of [["360", PHONE, "dark"], ["1920", WALL, "light"]]) {
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

await inBrowser(async (browser) => {
	const { daemon, base } = await startCity();
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
		daemon.kill("SIGKILL");
	}
});

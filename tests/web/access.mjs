// Signing in, in a real browser: the first start's one-time password, accounts and what each may see and do, a session
// that ends, and that nothing is shown to whoever has not signed in.
//
// Usage: access.mjs MACHI SOURCE_ROOT
import path from "node:path";
import { assert, axe, check, DESK, inBrowser, open, PHONE, shoot, startDaemon, until, visit, work } from "./browser.mjs";

const ADMIN = "the town of Machi", VIEWER = "a viewer looks on";

const field = (page, label) => page.getByLabel(label, { exact: true });
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const menuOf = (page) => page.$$eval("#menu a", (links) => links.map((link) => link.getAttribute("href")));
const status = (page, url, method = "GET") => page.evaluate(async ([to, verb]) => (await fetch(to, { method: verb })).status, [url, method]);

async function fillSignIn(page, name, password) {
	await field(page, "Name").fill(name);
	await field(page, "Password").fill(password);
	await press(page, "Sign in");
}

async function choosePassword(page, current, wanted) {
	await field(page, "Present password").fill(current);
	await field(page, "New password").fill(wanted);
	await field(page, "New password again").fill(wanted);
	await press(page, "Change it");
}

const isIn = (page) => page.waitForSelector("#menu", { state: "attached" });

await inBrowser(async (browser) => {
	const { daemon, base, out } = await startDaemon("--data", path.join(work, "city"), "--set", "console.city=Kampot");
	const password = /: (\S+)\s*$/.exec(out)?.[1] ?? "";
	const { page, context, trouble } = await open(browser, { viewport: DESK });
	let viewers = "";
	try {
		await check("a stranger sees the door and nothing behind it", async () => {
			await visit(page, `${base}/feeds`);
			assert(await page.title() === "Sign in · Machi", await page.title());
			assert(!await page.$("#menu"), "a menu is shown");
			assert((await page.innerText("header")).includes("Kampot"), "the city's name is not there");
			assert(await status(page, "/ngsi-ld/v1/types") === 401, "the API answers a stranger");
			await shoot(page, "/sign-in", "desk");
			const violations = await axe(page);
			assert(violations.length === 0, violations.join("\n"));
			trouble.length = 0; // the browser reports the 401 that was asked for
		});
		await check("a wrong password is refused in plain words", async () => {
			await fillSignIn(page, "admin", "not the password");
			await page.getByText("The name or the password is wrong.").waitFor();
		});
		await check("the one-time password has to be changed first", async () => {
			assert(password, `no password was printed: ${out}`);
			await fillSignIn(page, "admin", password);
			await field(page, "Present password").waitFor();
			assert(await status(page, "/ngsi-ld/v1/types") === 403, "the API answers before it is changed");
			await choosePassword(page, password, "password123");
			await page.getByText("among the most used").waitFor();
			await choosePassword(page, password, ADMIN);
			await isIn(page);
			assert(new URL(page.url()).pathname === "/feeds", `the page that was gone to is lost: ${page.url()}`);
			assert(await status(page, "/ngsi-ld/v1/types") === 200, "the API does not answer");
		});
		await check("a session alone changes nothing without the page's token", async () => {
			assert(await status(page, "/api/v1/accounts/admin/password", "POST") === 403, "it does");
		});
		await check("an administrator makes a viewer", async () => {
			await visit(page, `${base}/accounts`);
			await press(page, "Add an account");
			await page.locator("dialog").getByLabel("Name", { exact: true }).fill("sophea");
			await page.locator("dialog").getByRole("button", { name: "Save" }).click();
			await page.getByText("Tell sophea this password").waitFor();
			viewers = (await page.getByLabel("One-time password", { exact: true }).innerText()).trim();
			await until("the table has her", () => page.getByRole("row", { name: /sophea/ }).count());
			await shoot(page, "/accounts", "desk");
			const violations = await axe(page);
			assert(violations.length === 0, violations.join("\n"));
		});
		await check("a viewer sees the city and changes nothing", async () => {
			const hers = await open(browser, { viewport: PHONE });
			await visit(hers.page, `${base}/entities`);
			await fillSignIn(hers.page, "sophea", viewers);
			await field(hers.page, "Present password").waitFor();
			await choosePassword(hers.page, viewers, VIEWER);
			await isIn(hers.page);
			const paths = await menuOf(hers.page);
			assert(paths.includes("/entities") && !paths.includes("/accounts") && !paths.includes("/audit"), paths.join(" "));
			assert(await status(hers.page, "/api/v1/accounts") === 403, "she reads the accounts");
			await visit(hers.page, `${base}/account`);
			assert((await hers.page.innerText("main")).includes("city:read"), "her permissions are not told");
			await shoot(hers.page, "/account", "360");
			await hers.context.close();
		});
		await check("a token opens the API, and no longer once it is removed", async () => {
			await visit(page, `${base}/account`);
			await page.getByText("Make a token").click();
			await field(page, "What it is for").fill("bus depot");
			await press(page, "Make it");
			const token = (await page.getByLabel("Token", { exact: true }).innerText()).trim();
			const ask = () => fetch(`${base}/ngsi-ld/v1/types`, { headers: { Authorization: `Bearer ${token}` } });
			assert((await ask()).status === 200, "it does not open");
			page.once("dialog", (dialog) => dialog.accept());
			await page.getByRole("button", { name: "Remove bus depot" }).click();
			await until("it is refused", async () => (await ask()).status === 401);
		});
		await check("the audit log says who did what", async () => {
			await visit(page, `${base}/audit`);
			await until("it has the account", async () => {
				const text = await page.innerText("main");
				return text.includes("addAccount") && text.includes("signIn") && text.includes("removeToken");
			});
			await shoot(page, "/audit", "desk");
			const violations = await axe(page);
			assert(violations.length === 0, violations.join("\n"));
		});
		await check("a session that was ended elsewhere leads to the door, and back to the page", async () => {
			const other = await open(browser, { viewport: DESK });
			await visit(other.page, `${base}/entities`);
			await fillSignIn(other.page, "admin", ADMIN);
			await isIn(other.page);
			await visit(other.page, `${base}/account`);
			await choosePassword(other.page, ADMIN, `${ADMIN}!`);
			await other.page.getByText("The password is changed").waitFor();
			await other.context.close();
			await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
			await fillSignIn(page, "admin", `${ADMIN}!`);
			await isIn(page);
			assert(new URL(page.url()).pathname === "/audit", page.url());
		});
		await check("signing out shows nothing any more", async () => {
			await page.getByRole("button", { name: "Sign out" }).click();
			await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
			assert(!(await page.innerText("body")).includes("addAccount"), "the page is still there");
		});
		await check("nothing went wrong meanwhile", async () => {
			const unexpected = trouble.filter((one) => !/status of 40[013]/.test(one));
			assert(unexpected.length === 0, unexpected.join("\n"));
		});
	} finally {
		await context.close();
		daemon.kill("SIGKILL");
	}
});

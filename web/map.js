// A plain map of dots on a canvas: stops behind, vehicles in front, a graticule and a scale so that it is never blank.
// Coordinates are longitude and latitude; a city is small enough for equirectangular projection at its own latitude.

const EARTH_M_PER_DEGREE = 111195;
const PICK_PX = 18;

export class CityMap {
	constructor(canvas) {
		this.canvas = canvas;
		this.stops = [];
		this.vehicles = [];
		this.center = [0, 0];
		this.scale = 2; // pixels per degree of latitude
		this.placed = false; // whether somebody chose the view
		this.onPick = () => {};
		this.pointers = new Map();
		new ResizeObserver(() => this.resize()).observe(canvas);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
		canvas.addEventListener("pointerdown", (event) => this.down(event));
		canvas.addEventListener("pointermove", (event) => this.move(event));
		for (const name of ["pointerup", "pointercancel"]) {
			canvas.addEventListener(name, (event) => this.up(event));
		}
		canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
		canvas.addEventListener("keydown", (event) => this.key(event));
		this.resize();
	}

	setStops(points) {
		this.stops = points;
		this.place();
	}

	setVehicles(list) {
		this.vehicles = list;
		this.place();
	}

	place() {
		if (!this.placed) {
			this.showAll();
		} else {
			this.draw();
		}
	}

	showAll() {
		const points = this.stops.length ? this.stops : this.vehicles.map((vehicle) => vehicle.at);
		if (points.length) {
			let [west, south, east, north] = [180, 90, -180, -90];
			for (const [lon, lat] of points) {
				west = Math.min(west, lon);
				east = Math.max(east, lon);
				south = Math.min(south, lat);
				north = Math.max(north, lat);
			}
			this.center = [(west + east) / 2, (south + north) / 2];
			const wide = Math.max(east - west, 0.01) * this.squeeze();
			const high = Math.max(north - south, 0.01);
			this.scale = 0.92 * Math.min(this.width / wide, this.height / high);
		}
		this.placed = false;
		this.draw();
	}

	squeeze() {
		return Math.cos((this.center[1] * Math.PI) / 180);
	}

	resize() {
		const box = this.canvas.getBoundingClientRect();
		const ratio = devicePixelRatio || 1;
		this.width = Math.max(box.width, 1);
		this.height = Math.max(box.height, 1);
		this.canvas.width = Math.round(this.width * ratio);
		this.canvas.height = Math.round(this.height * ratio);
		this.ratio = ratio;
		this.place();
	}

	project([lon, lat]) {
		return [
			this.width / 2 + (lon - this.center[0]) * this.squeeze() * this.scale,
			this.height / 2 - (lat - this.center[1]) * this.scale,
		];
	}

	colours() {
		const style = getComputedStyle(this.canvas);
		const read = (name) => style.getPropertyValue(name).trim();
		return { line: read("--line"), quiet: read("--quiet"), vehicle: read("--accent"), ink: read("--ink") };
	}

	draw() {
		const pen = this.canvas.getContext("2d");
		const colours = this.colours();
		pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		pen.clearRect(0, 0, this.width, this.height);
		this.drawGrid(pen, colours);
		pen.fillStyle = colours.quiet;
		pen.globalAlpha = 0.55;
		const stop = Math.min(3, Math.max(1.5, this.scale / 9000));
		for (const point of this.stops) {
			const [x, y] = this.project(point);
			if (x > -4 && y > -4 && x < this.width + 4 && y < this.height + 4) {
				pen.fillRect(x - stop / 2, y - stop / 2, stop, stop);
			}
		}
		pen.globalAlpha = 1;
		pen.fillStyle = colours.vehicle;
		const radius = Math.min(6, Math.max(1.6, Math.sqrt(this.scale) / 60));
		pen.beginPath();
		for (const vehicle of this.vehicles) {
			const [x, y] = this.project(vehicle.at);
			if (x > -8 && y > -8 && x < this.width + 8 && y < this.height + 8) {
				pen.moveTo(x + radius, y);
				pen.arc(x, y, radius, 0, 2 * Math.PI);
			}
		}
		pen.fill();
		this.drawScale(pen, colours);
	}

	drawGrid(pen, colours) {
		const step = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001].find(
			(degrees) => degrees * this.scale < 160) ?? 0.001;
		const lonSpan = this.width / 2 / this.scale / this.squeeze();
		const latSpan = this.height / 2 / this.scale;
		pen.strokeStyle = colours.line;
		pen.lineWidth = 1;
		pen.beginPath();
		for (let lon = Math.ceil((this.center[0] - lonSpan) / step) * step; lon < this.center[0] + lonSpan; lon += step) {
			const x = this.project([lon, 0])[0];
			pen.moveTo(x, 0);
			pen.lineTo(x, this.height);
		}
		for (let lat = Math.ceil((this.center[1] - latSpan) / step) * step; lat < this.center[1] + latSpan; lat += step) {
			const y = this.project([0, lat])[1];
			pen.moveTo(0, y);
			pen.lineTo(this.width, y);
		}
		pen.stroke();
	}

	drawScale(pen, colours) {
		const metresPerPixel = EARTH_M_PER_DEGREE / this.scale;
		const sizes = [1e6, 5e5, 2e5, 1e5, 5e4, 2e4, 1e4, 5e3, 2e3, 1e3, 500, 200, 100, 50, 20, 10];
		const metres = sizes.find((size) => size / metresPerPixel < 140) ?? 10;
		const length = metres / metresPerPixel;
		const x = this.width - 14 - length;
		const y = this.height - 14;
		pen.strokeStyle = pen.fillStyle = colours.ink;
		pen.lineWidth = 1.5;
		pen.beginPath();
		pen.moveTo(x, y - 5);
		pen.lineTo(x, y);
		pen.lineTo(x + length, y);
		pen.lineTo(x + length, y - 5);
		pen.stroke();
		pen.font = "12px system-ui, sans-serif";
		pen.textAlign = "right";
		pen.fillText(metres >= 1000 ? `${metres / 1000} km` : `${metres} m`, x + length, y - 8);
	}

	zoom(factor, x = this.width / 2, y = this.height / 2) {
		const scale = Math.min(4e6, Math.max(2, this.scale * factor));
		const lon = this.center[0] + (x - this.width / 2) / this.squeeze() / this.scale;
		const lat = this.center[1] - (y - this.height / 2) / this.scale;
		this.center[0] = lon - (x - this.width / 2) / this.squeeze() / scale;
		this.center[1] = lat + (y - this.height / 2) / scale;
		this.scale = scale;
		this.placed = true;
		this.draw();
	}

	pan(dx, dy) {
		this.center[0] -= dx / this.squeeze() / this.scale;
		this.center[1] = Math.max(-85, Math.min(85, this.center[1] + dy / this.scale));
		this.placed = true;
		this.draw();
	}

	down(event) {
		this.canvas.setPointerCapture(event.pointerId);
		this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
		this.travelled = 0;
	}

	move(event) {
		const last = this.pointers.get(event.pointerId);
		if (!last) {
			return;
		}
		const [a, b] = [...this.pointers.values()];
		const now = { x: event.offsetX, y: event.offsetY };
		if (b) { // two fingers: their distance zooms
			const other = last === a ? b : a;
			const before = Math.hypot(last.x - other.x, last.y - other.y);
			const after = Math.hypot(now.x - other.x, now.y - other.y);
			if (before > 0 && after > 0) {
				this.zoom(after / before, (now.x + other.x) / 2, (now.y + other.y) / 2);
			}
		} else {
			this.pan(now.x - last.x, now.y - last.y);
		}
		this.travelled += Math.hypot(now.x - last.x, now.y - last.y);
		this.pointers.set(event.pointerId, now);
	}

	up(event) {
		if (this.pointers.delete(event.pointerId) && event.type === "pointerup" && this.travelled < 5) {
			this.pick(event.offsetX, event.offsetY);
		}
	}

	pick(x, y) {
		let best = null;
		let nearest = PICK_PX;
		for (const vehicle of this.vehicles) {
			const [vx, vy] = this.project(vehicle.at);
			const distance = Math.hypot(vx - x, vy - y);
			if (distance < nearest) {
				nearest = distance;
				best = vehicle;
			}
		}
		this.onPick(best);
	}

	wheel(event) {
		event.preventDefault();
		this.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
	}

	key(event) {
		const step = 60;
		const actions = {
			ArrowLeft: () => this.pan(step, 0),
			ArrowRight: () => this.pan(-step, 0),
			ArrowUp: () => this.pan(0, step),
			ArrowDown: () => this.pan(0, -step),
			"+": () => this.zoom(1.5),
			"=": () => this.zoom(1.5),
			"-": () => this.zoom(1 / 1.5),
			0: () => this.showAll(),
			Enter: () => this.pick(this.width / 2, this.height / 2),
		};
		if (actions[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
			event.preventDefault();
			actions[event.key]();
		}
	}
}

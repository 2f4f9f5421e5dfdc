// Units of attributes: the codes of UN/CEFACT Recommendation 20 that unitCode takes (GS CIM 009, 4.5.2), as symbols.
import { number } from "./i18n.js";

/** @type {Record<string, string>} */
const SYMBOLS = {
	CEL: "°C", FAH: "°F", KEL: "K", P1: "%", C62: "", KMH: "km/h", MTS: "m/s", KNT: "kn", MTR: "m", KMT: "km", CMT: "cm",
	MMT: "mm", SMI: "mi", FOT: "ft", MTK: "m²", KMK: "km²", MTQ: "m³", LTR: "l", MLT: "ml", KGM: "kg", GRM: "g", TNE: "t",
	SEC: "s", MIN: "min", HUR: "h", DAY: "d", C26: "ms", D42: "B", E34: "GB", "4L": "MB",
	WTT: "W", KWT: "kW", MAW: "MW", A90: "GW", WHR: "Wh", KWH: "kWh", MWH: "MWh", GWH: "GWh", JOU: "J", KJO: "kJ", "3B": "MJ",
	VLT: "V", KVT: "kV", AMP: "A", "4K": "mA", HTZ: "Hz", D44: "VAr", K5: "kvar", KVR: "kvar", MAR: "kvar", D46: "VA", KVA: "kVA",
	MVA: "MVA", AMH: "Ah", OHM: "Ω",
	PAL: "Pa", A97: "hPa", KPA: "kPa", BAR: "bar", MBR: "mbar", LUX: "lx", "2N": "dB", DBM: "dBm", DD: "°", GQ: "µg/m³", GP: "mg/m³",
	"59": "ppm", "61": "ppb", MQH: "m³/h", L2: "l/min", D54: "W/m²", H79: "mm/h", E20: "Mbit/s",
};

/** The symbol of a code, or the code itself. @param {string | undefined} code */
export function symbol(code) {
	return code === undefined ? "" : SYMBOLS[code] ?? code;
}

/** "21.5 °C". @param {number} value @param {string | undefined} code @param {Intl.NumberFormatOptions} [options] */
export function quantity(value, code, options) {
	const unit = symbol(code);
	return unit ? `${number(value, options)}\u00a0${unit}` : number(value, options);
}

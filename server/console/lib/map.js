// MapLibre GL as this console uses it: outlines of ours below, nothing fetched from elsewhere.

/**
 * The part of a map of MapLibre that is used here.
 * @typedef {object} LibreMap
 * @property {(event: string, run: () => void) => void} on
 * @property {() => void} remove
 * @property {(place: [number, number]) => { x: number, y: number }} project
 * @property {() => HTMLElement} getContainer
 * @property {() => { lng: number, lat: number }} getCenter
 * @property {() => number} getZoom
 * @property {(options?: object) => void} zoomIn
 * @property {(options?: object) => void} zoomOut
 * @property {(by: [number, number], options?: object) => void} panBy
 * @property {(options: object) => void} jumpTo
 * @property {(bounds: any, options: object) => void} fitBounds
 * @property {() => boolean | void} isStyleLoaded
 * @property {(name: string) => { setData: (data: object) => void } | undefined} getSource
 * @property {(layer: string, name: string, value: unknown) => void} setPaintProperty
 */
/** @typedef {{ lat: number, lon: number }} Spot */

const LIBRARY = new URL('../vendor/maplibre-gl/maplibre-gl.js', import.meta.url).href;
const WORKER = new URL('../vendor/maplibre-gl/maplibre-gl-worker.js', import.meta.url).href;
const OUTLINES = new URL('../map/outlines.json', import.meta.url).href;

/** @type {Promise<any> | null} */
let library = null;
/** MapLibre; fetched when a map is opened for the first time. */
function libre() {
  allowWorker();
  library ??= import(LIBRARY).then((gl) => {
    gl.setWorkerUrl(WORKER);
    return gl;
  });
  library.catch(() => {
    library = null;
  });
  return library;
}

let isAllowed = false;
/** MapLibre starts its worker by a plain address: of all addresses only that one may become a script. */
function allowWorker() {
  /** @type {any} */
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (isAllowed || !types) return;
  types.createPolicy('default', {
    createScriptURL: (/** @type {string} */ url) => (url === WORKER ? url : null),
  });
  isAllowed = true;
}

/** A colour of the desk, by day and by night. @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Makes a map in an element.
 * @param {HTMLElement} container @param {object} view what it shows at first
 * @returns {Promise<LibreMap>}
 */
export async function loadMap(container, view) {
  const gl = await libre();
  const empty = { type: 'FeatureCollection', features: [] };
  const map = new gl.Map({
    container,
    attributionControl: false,
    // Keys are those of the desk, and a map that turns is no map of a dispatcher.
    keyboard: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    maxZoom: 16,
    style: {
      version: 8,
      sources: {
        land: { type: 'geojson', data: OUTLINES },
        rings: { type: 'geojson', data: empty },
      },
      layers: [
        { id: 'sea', type: 'background', paint: { 'background-color': colour('--map-sea') } },
        { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': colour('--map-land') } },
        { id: 'coast', type: 'line', source: 'land', paint: { 'line-color': colour('--line-strong') } },
        { id: 'rings', type: 'fill', source: 'rings', paint: { 'fill-color': colour('--focus'), 'fill-opacity': 0.1 } },
        { id: 'edges', type: 'line', source: 'rings', paint: { 'line-color': colour('--focus'), 'line-opacity': 0.5 } },
      ],
    },
    ...view,
  });
  map.touchZoomRotate.disableRotation();
  const paint = () => {
    map.setPaintProperty('sea', 'background-color', colour('--map-sea'));
    map.setPaintProperty('land', 'fill-color', colour('--map-land'));
    map.setPaintProperty('coast', 'line-color', colour('--line-strong'));
    for (const [layer, name] of [
      ['rings', 'fill-color'],
      ['edges', 'line-color'],
    ])
      map.setPaintProperty(layer, name, colour('--focus'));
  };
  const watch = new MutationObserver(() => {
    if (map.isStyleLoaded()) paint();
  });
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  map.on('remove', () => watch.disconnect());
  return map;
}

/** How fast doubt grows while nothing is heard, metres a second, and how far it goes: as the ranking reckons. */
const METRES_A_SECOND = 50 / 3.6;
const MOST_METRES = 200_000;

/** How far someone may be from where they were last, metres. @param {{ at: number, accuracy?: number | null | undefined }} point @param {number} now */
export const doubt = (point, now) =>
  Math.min(MOST_METRES, (point.accuracy ?? 0) / 10 + (Math.max(0, now - point.at) / 1000) * METRES_A_SECOND);

const EARTH_M = 6_371_008;
/** A circle on the ground. @param {Spot} middle @param {number} metres */
export function circle(middle, metres) {
  const around = Math.max(1, metres) / EARTH_M;
  const rad = Math.PI / 180;
  const lat = middle.lat * rad;
  const ring = Array.from({ length: 65 }, (_, at) => {
    const bearing = (at / 64) * 2 * Math.PI;
    const there = Math.asin(Math.sin(lat) * Math.cos(around) + Math.cos(lat) * Math.sin(around) * Math.cos(bearing));
    const east = Math.atan2(
      Math.sin(bearing) * Math.sin(around) * Math.cos(lat),
      Math.cos(around) - Math.sin(lat) * Math.sin(there),
    );
    return [middle.lon + east / rad, there / rad];
  });
  return { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } };
}

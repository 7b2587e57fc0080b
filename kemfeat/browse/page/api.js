// The server's answers; an error is its sentence.
import { byId } from "./dom.js";

export function parameters(query, more = {}) {
  const found = new URLSearchParams(more);
  for (const name of ["search", "sort", "lens"]) if (query[name]) found.set(name, query[name]);
  if (query.descending) found.set("descending", "true");
  for (const [facet, values] of query.chosen) for (const value of values) found.append(`facet.${facet}`, value);
  return found;
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The command has ended: run kemfeat browse again.");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({ error: response.statusText }));
  throw new Error(told.error);
}

export const get = async (what, found = "", signal = undefined) => (await answer(`/api/${what}?${found}`, { signal })).json();
export const places = async (query) => new Int32Array(await (await answer(`/api/places?${parameters(query)}`)).arrayBuffer());

export async function ids(rows) {
  const body = JSON.stringify(rows);
  return (await answer("/api/ids", { method: "POST", headers: { "Content-Type": "application/json" }, body })).blob();
}

export function fail(error) {
  if (error.name === "AbortError") return;
  byId("failure").textContent = error.message;
  byId("failure").hidden = false;
}

export function recovered() {
  byId("failure").hidden = true;
}

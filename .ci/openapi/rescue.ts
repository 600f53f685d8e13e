// One rescue from the call to its end, with the generated TypeScript types.
import createClient from "openapi-fetch";
import { randomUUID } from "node:crypto";
import type { components, paths } from "./towline.js";

type Job = components["schemas"]["JobView"];
const baseUrl = process.env.TOWLINE_URL ?? "";
const password = process.env.TOWLINE_PASSWORD ?? "";

function must<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}
function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const anybody = createClient<paths>({ baseUrl });
const login = { tenant: "acme", login: "dispatcher", password };
const session = must(await anybody.POST("/v1/session", { body: login }));
const desk = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${session.token}` } });

const call: components["schemas"]["NewJob"] = {
  problem: "flat_tyre", address: "Highway 5, km 12", place: { lat: 25.033, lon: 121.5654 },
  caller: "Ms Lin", phone: "0912 345 678", plate: "ABC-1234",
};
const header = { "idempotency-key": randomUUID() };
const made = must(await desk.POST("/v1/jobs", { body: call, params: { header } }));
const again = must(await desk.POST("/v1/jobs", { body: call, params: { header } }));
check(made.id === again.id, "a repeat finds the first job");

const path = { id: made.id };
const technicians = must(await desk.GET("/v1/technicians"));
const technician = technicians.items[0]?.id;
const assigned: Job = must(await desk.POST("/v1/jobs/{id}/assign", { params: { path }, body: { technician } }));
check(assigned.state === "assigned" && assigned.assignment?.technician === technician, "assigned");

const read = await desk.GET("/v1/jobs/{id}", { params: { path } });
const seen = { "If-Match": read.response.headers.get("etag") ?? "" };
const changed = must(await desk.PATCH("/v1/jobs/{id}", { params: { path, header: seen }, body: { remarks: "Bring a jack." } }));
check(changed.intake.remarks === "Bring a jack.", "changed");
const stale = await desk.PATCH("/v1/jobs/{id}", { params: { path, header: seen }, body: { caller: null } });
check(stale.error?.code === "changed_meanwhile", "a change of an old version is refused");

const why = { reason: "customer_cancelled", note: "It starts." };
const ended = must(await desk.POST("/v1/jobs/{id}/cancel", { params: { path }, body: why }));
check(ended.state === "cancelled", "cancelled");
const listed = must(await desk.GET("/v1/jobs", { params: { query: { state: ["cancelled"] } } }));
check(listed.items.some((row) => row.id === made.id), "listed");
console.log(`TypeScript: rescue ${made.intake.number} done`);

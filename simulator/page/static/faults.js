// What is broken on purpose: the air, the mail, programs, cables and clocks.

import { tell } from "./api.js";

const byId = (id) => document.getElementById(id);
const DOWN = new Set(["stopped", "killed", "ended"]);

const SETTLES_MS = 300;
const changing = new Set(); // fields that somebody has just changed: older snapshots must not change them back

/** Tells the simulator what a field says now, whenever somebody changes it. */
function wire(field, path, body) {
  field.addEventListener("change", async () => {
    changing.add(field);
    await tell(path, body());
    setTimeout(() => changing.delete(field), SETTLES_MS);
  });
}

export function wireFaults() {
  const loss = byId("loss");
  loss.addEventListener("input", () => (byId("loss-shown").textContent = `${loss.value} %`));
  wire(loss, "/faults", () => ({ loss: loss.value / 100 }));
  wire(byId("jammer"), "/faults", () => ({ jammer: byId("jammer").value }));
  wire(byId("jammed"), "/faults", () => ({ jammed: byId("jammed").checked }));
  wire(byId("mail-refused"), "/faults", () => ({ mail_refused: byId("mail-refused").checked }));
  document.querySelectorAll("[data-trick]").forEach(wireTrick);
  document.querySelectorAll("[data-act]").forEach(wireAct);
  document.querySelectorAll("article.box").forEach(wireGateway);
}

function wireTrick(button) {
  const { stranger, trick } = button.dataset;
  const victim = button.closest("li").querySelector(".victim");
  button.addEventListener("click", () => tell(`/strangers/${stranger}/${trick}`, { victim: victim.value }));
}

function wireAct(button) {
  const name = button.closest("[data-part]").dataset.part;
  button.setAttribute("aria-label", `${button.textContent}: ${name.replace("-", " ")}`);
  button.addEventListener("click", () => tell(`/parts/${name}/${button.dataset.act}`));
}

function wireGateway(box) {
  const name = box.dataset.gateway;
  const [cable, clock] = [box.querySelector(".cable"), box.querySelector(".clock")];
  cable.setAttribute("aria-label", `Network cable of gateway ${name}`);
  clock.setAttribute("aria-label", `Clock of gateway ${name}`);
  wire(cable, `/gateways/${name}/cable`, () => ({ plugged_in: cable.checked }));
  wire(clock, `/gateways/${name}/clock`, () => ({ step_s: Number(clock.value) }));
}

function put(field, value) {
  if (changing.has(field)) return;
  if (field.type === "checkbox") field.checked = value;
  else if (field.type !== "range" || document.activeElement !== field) field.value = value;
}

export function showFaults(faults) {
  const loss = Math.round(faults.loss * 100);
  put(byId("loss"), loss);
  if (document.activeElement !== byId("loss")) byId("loss-shown").textContent = `${loss} %`;
  put(byId("jammer"), faults.jammer);
  put(byId("jammed"), faults.jammed);
  put(byId("mail-refused"), faults.mail_refused);
  const on = { loss: loss > 0, jammer: faults.jammer !== "", jammed: faults.jammed, "mail-refused": faults.mail_refused };
  for (const [id, is] of Object.entries(on)) byId(id).closest("li").classList.toggle("on", is);
}

function showState(name, state) {
  const place = document.querySelector(`[data-part-state="${name}"]`);
  if (!place) return;
  place.textContent = state;
  place.dataset.state = state;
  place.closest("li")?.classList.toggle("on", state !== "running");
  const possible = {
    start: DOWN.has(state), stop: !DOWN.has(state), kill: !DOWN.has(state),
    freeze: state === "running", thaw: state === "frozen",
  };
  for (const button of document.querySelectorAll(`[data-part="${name}"] [data-act]`)) {
    button.hidden = !possible[button.dataset.act];
  }
}

function lamp(box, name, on, text, warn) {
  const shown = box.querySelector(`[data-lamp="${name}"]`);
  shown.classList.toggle("on", on);
  shown.classList.toggle("warn", Boolean(warn));
  if (text) shown.textContent = text;
}

export function showPrograms(world, around) {
  for (const [name, state] of Object.entries(around.parts)) showState(name, state);
  for (const gateway of world.gateways) {
    const box = document.querySelector(`article.box[data-gateway="${gateway.name}"]`);
    const facts = around.gateways[gateway.name];
    if (!facts) continue;
    lamp(box, "hearing", facts.answers && !facts.blind && gateway.host_connected);
    lamp(box, "online", facts.connected && facts.hub_online);
    lamp(box, "waiting", false, `${facts.waiting} waiting`, facts.waiting > 0);
    const disbelief = box.querySelector(".disbelief");
    disbelief.hidden = facts.refused === 0;
    disbelief.textContent = `did not believe ${facts.refused} frames`;
    put(box.querySelector(".cable"), facts.plugged_in);
    put(box.querySelector(".clock"), String(facts.step_s));
    box.classList.toggle("broken", !facts.plugged_in || facts.step_s !== 0);
  }
}

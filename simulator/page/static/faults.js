// What is broken on purpose: the air, the mail, programs, cables and clocks.

import { tell } from "./api.js";

const byId = (id) => document.getElementById(id);
const DOWN = new Set(["stopped", "killed", "ended"]);

export function wireFaults() {
  byId("loss").addEventListener("input", (event) => (byId("loss-shown").textContent = `${event.target.value} %`));
  byId("loss").addEventListener("change", (event) => tell("/faults", { loss: event.target.value / 100 }));
  byId("jammer").addEventListener("change", (event) => tell("/faults", { jammer: event.target.value }));
  byId("jammed").addEventListener("change", (event) => tell("/faults", { jammed: event.target.checked }));
  byId("mail-refused").addEventListener("change", (event) => tell("/faults", { mail_refused: event.target.checked }));
  for (const button of document.querySelectorAll("[data-trick]")) {
    const { stranger, trick } = button.dataset;
    const victim = button.closest("li").querySelector(".victim");
    button.addEventListener("click", () => tell(`/strangers/${stranger}/${trick}`, { victim: victim.value }));
  }
  for (const button of document.querySelectorAll("[data-act]")) {
    const name = button.closest("[data-part]").dataset.part;
    button.setAttribute("aria-label", `${button.textContent}: ${name.replace("-", " ")}`);
    button.addEventListener("click", () => tell(`/parts/${name}/${button.dataset.act}`));
  }
  for (const box of document.querySelectorAll("article.box")) {
    const name = box.dataset.gateway;
    const cable = box.querySelector(".cable");
    cable.setAttribute("aria-label", `Network cable of gateway ${name}`);
    cable.addEventListener("change", () => tell(`/gateways/${name}/cable`, { plugged_in: cable.checked }));
    const clock = box.querySelector(".clock");
    clock.setAttribute("aria-label", `Clock of gateway ${name}`);
    clock.addEventListener("change", () => tell(`/gateways/${name}/clock`, { step_s: Number(clock.value) }));
  }
}

function put(field, value) {
  if (document.activeElement !== field || field.type === "checkbox") field[field.type === "checkbox" ? "checked" : "value"] = value;
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
  }
}

// The plan: people who can be dragged, gateways, and who hears whom. Metres; north is up, so y is turned round.

import { tell } from "./api.js";
import { play } from "./people.js";

const SVG = "http://www.w3.org/2000/svg";
const DRAG_M = 0.5;
const plan = document.getElementById("plan");
let dragged = null;

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function metres(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(plan.getScreenCTM().inverse());
  const { x, y, width, height } = plan.viewBox.baseVal;
  const within = (value, from, size) => Math.min(Math.max(value, from + 1), from + size - 1);
  return [within(point.x, x, width), -within(point.y, y, height)];
}

function move(figure, [x, y]) {
  figure.setAttribute("transform", `translate(${x} ${-y})`);
}

export function wirePlan() {
  for (const figure of plan.querySelectorAll(".who")) {
    figure.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      figure.setPointerCapture(event.pointerId);
      figure.classList.add("dragged");
      dragged = { figure, from: metres(event), to: null };
    });
    figure.addEventListener("pointermove", (event) => {
      if (dragged?.figure !== figure) return;
      const at = metres(event);
      if (dragged.to === null && Math.hypot(at[0] - dragged.from[0], at[1] - dragged.from[1]) < DRAG_M) return;
      dragged.to = at;
      move(figure, at);
    });
    figure.addEventListener("pointerup", () => drop(figure));
    figure.addEventListener("pointercancel", () => drop(figure));
  }
}

async function drop(figure) {
  if (dragged?.figure !== figure) return;
  figure.classList.remove("dragged");
  if (dragged.to !== null) await tell(`/people/${figure.dataset.person}/put`, { at: dragged.to });
  dragged = null;
}

// -- what is there

function showPerson(person) {
  const figure = plan.querySelector(`.who[data-person="${person.name}"]`);
  if (dragged?.figure !== figure) move(figure, person.at);
  figure.classList.toggle("off", !person.is_on);
  figure.classList.toggle("lying", person.still);
  play(figure.querySelector(".glow"), "led", person.led);
}

function showGateway(gateway, around) {
  const figure = plan.querySelector(`.station[data-gateway="${gateway.name}"]`);
  const facts = around?.gateways[gateway.name];
  const state = around?.parts[`gateway-${gateway.name}`];
  figure.classList.toggle("dead", !gateway.host_connected);
  figure.classList.toggle("frozen", state === "frozen");
  figure.classList.toggle("trouble", Boolean(facts && (!facts.connected || !facts.hub_online || facts.blind)));
  plan.querySelector(`.range[data-gateway="${gateway.name}"]`).classList.toggle("dead", !gateway.host_connected || state === "frozen");
}

function showLink(link, from, to, frozen) {
  const id = `link-${link.person}-${link.gateway}`;
  let line = document.getElementById(id);
  if (!line) {
    line = shape("g", { id });
    line.append(shape("line", { class: "link" }), shape("text", { class: "dbm" }));
    document.getElementById("links").append(line);
  }
  line.toggleAttribute("hidden", link.dbm === null);
  const [stroke, text] = line.children;
  for (const [key, value] of Object.entries({ x1: from[0], y1: -from[1], x2: to[0], y2: -to[1] })) stroke.setAttribute(key, value);
  stroke.setAttribute("class", link.lately && !frozen ? "link lately" : "link");
  text.setAttribute("x", (from[0] + to[0]) / 2);
  text.setAttribute("y", -(from[1] + to[1]) / 2 - 0.3);
  text.textContent = link.dbm === null ? "" : `${link.dbm} dBm`;
}

function showJammer(faults) {
  const area = document.getElementById("jammed-area");
  const option = document.querySelector(`#jammer option[value="${faults.jammer}"]`);
  area.toggleAttribute("hidden", !faults.jammer);
  if (!faults.jammer) return;
  area.setAttribute("cx", option.dataset.x);
  area.setAttribute("cy", option.dataset.y);
}

export function showPlan(world, around) {
  const at = Object.fromEntries([...world.people, ...world.gateways].map((one) => [one.name, one.at]));
  if (dragged?.to) at[dragged.figure.dataset.person] = dragged.to;
  world.people.forEach(showPerson);
  world.gateways.forEach((gateway) => showGateway(gateway, around));
  const isFrozen = (gateway) => around?.parts[`gateway-${gateway}`] === "frozen";
  world.links.forEach((link) => showLink(link, at[link.person], at[link.gateway], isFrozen(link.gateway)));
  showJammer(world.faults);
}

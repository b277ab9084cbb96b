"use strict";

const EVERY_MS = 500;
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
let newest = 0;

async function ask(path, change) {
  const options = change === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(change),
  };
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/* People */

function card(name) {
  const known = byId(`person-${name}`);
  if (known) return known;
  const made = byId("person").content.firstElementChild.cloneNode(true);
  made.id = `person-${name}`;
  made.querySelector("h2").textContent = name;
  for (const button of made.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent}: ${name}`);
    button.addEventListener("click", () => ask(`/people/${name}/${button.dataset.do}`, {}).then(refresh));
  }
  byId("people").append(made);
  return made;
}

function now(person) {
  if (!person.is_on) return "off";
  if (person.cause === "heartbeat") return person.worn ? "all is well" : "not worn";
  const stage = person.stage === "notice" ? "" : `, ${person.stage}`;
  return `${person.cause}${stage}: ${person.told === "nothing" ? "sending" : person.told}`;
}

function play(element, kind, pattern) {
  const wanted = `${kind}-${pattern}`;
  if (element.dataset.plays === wanted) return;
  element.classList.remove(element.dataset.plays);
  element.classList.add(wanted);
  element.dataset.plays = wanted;
}

function showPerson(person) {
  const shown = card(person.name);
  shown.classList.toggle("dead", !person.is_on);
  play(shown.querySelector(".led i"), "led", person.led);
  play(shown.querySelector(".buzzer"), "buzzer", person.buzzer);
  play(shown.querySelector(".vibration"), "vibration", person.vibration);
  const unfit = { remove: !person.worn, wear: person.worn, smash: !person.is_on, "switch-on": person.is_on };
  for (const button of shown.querySelectorAll("button")) {
    const action = button.dataset.do;
    button.hidden = action in unfit ? unfit[action] || (!person.is_on && action !== "switch-on") : !person.is_on;
  }
  shown.querySelector(".now").textContent = now(person);
  shown.querySelector(".facts").textContent =
    `LED ${person.led.replaceAll("_", " ")} · battery ${person.battery_percent} % · ${person.address} · event ${person.epoch}/${person.sequence}`;
}

/* Plan: north is up */

function drawPlan(world) {
  const points = world.places.map((place) => place.at).concat(...world.walls.map((wall) => [wall.start, wall.end]));
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => -p[1])];
  const [left, top] = [Math.min(...xs) - 4, Math.min(...ys) - 4];
  const plan = byId("plan");
  plan.setAttribute("viewBox", `${left} ${top} ${Math.max(...xs) + 4 - left} ${Math.max(...ys) + 4 - top}`);
  for (const wall of world.walls) {
    plan.append(shape("line", { class: "wall", x1: wall.start[0], y1: -wall.start[1], x2: wall.end[0], y2: -wall.end[1] }));
  }
  for (const place of world.places) {
    plan.append(shape("circle", { class: "place", cx: place.at[0], cy: -place.at[1], r: 1.8 }));
    plan.append(shape("text", { x: place.at[0], y: 3.2 - place.at[1] }, place.name));
  }
}

function showOnPlan(name, at, kind) {
  const plan = byId("plan");
  let group = byId(`at-${name}`);
  if (!group) {
    group = shape("g", { id: `at-${name}` });
    group.append(
      kind === "who"
        ? shape("circle", { class: kind, r: 0.7 })
        : shape("rect", { class: kind, x: -0.6, y: -0.6, width: 1.2, height: 1.2, rx: 0.2 }),
    );
    group.append(shape("text", { y: -1.1 }, name));
    plan.append(group);
  }
  group.setAttribute("transform", `translate(${at[0]} ${-at[1]})`);
}

/* Gateways and mail */

function showGateway(gateway) {
  let shown = byId(`gateway-${gateway.name}`);
  if (!shown) {
    shown = document.createElement("li");
    shown.id = `gateway-${gateway.name}`;
    byId("gateways").append(shown);
  }
  shown.classList.toggle("up", gateway.host_connected);
  shown.textContent = `${gateway.name} ${gateway.host_connected ? "" : "(no gateway)"}`;
  showOnPlan(gateway.name, gateway.at, "gateway");
}

function showMail(mail) {
  const shown = byId("mail").content.firstElementChild.cloneNode(true);
  shown.querySelector(".subject").textContent = mail.subject;
  shown.querySelector(".meta").textContent = `to ${mail.recipients.join(", ")} at ${mail.at.slice(11, 19)}`;
  shown.querySelector("pre").textContent = mail.text;
  byId("mails").prepend(shown);
  byId("no-mail").hidden = true;
  newest = Math.max(newest, mail.number);
}

/* Faults */

function change(faults) {
  return ask("/faults", faults).then(showFaults);
}

function showFaults(faults) {
  byId("loss").value = Math.round(faults.loss * 100);
  byId("loss-shown").textContent = `${Math.round(faults.loss * 100)} %`;
  byId("jammed").checked = faults.jammed;
  byId("mail-refused").checked = faults.mail_refused;
}

async function refresh() {
  const [people, gateways, mails] = await Promise.all([ask("/people"), ask("/gateways"), ask(`/mail?since=${newest}`)]);
  gateways.forEach(showGateway);
  people.forEach((person) => {
    showPerson(person);
    showOnPlan(person.name, person.at, "who");
  });
  mails.filter((mail) => mail.number > newest).reverse().forEach(showMail);
}

async function keepRefreshing() {
  try {
    await refresh();
    byId("lost").hidden = true;
  } catch {
    byId("lost").hidden = false;
  }
  setTimeout(keepRefreshing, EVERY_MS);
}

byId("loss").addEventListener("change", (event) => change({ loss: event.target.value / 100 }));
byId("jammed").addEventListener("change", (event) => change({ jammed: event.target.checked }));
byId("mail-refused").addEventListener("change", (event) => change({ mail_refused: event.target.checked }));
ask("/world").then(drawPlan).then(keepRefreshing);
ask("/faults").then(showFaults);

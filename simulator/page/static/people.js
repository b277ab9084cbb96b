// People and their alarms: a button that goes down and up, an LED in its own pattern, a battery.

import { tell, tellInOrder } from "./api.js";
import { sound } from "./sound.js";

const cards = () => document.querySelectorAll("article.person");
const GOOD = new Set(["stored", "person has it", "help sent", "closed"]);

// -- the button

function wireBell(card) {
  const name = card.dataset.person;
  const bell = card.querySelector(".bell");
  let down = false;

  function finger(pressed) {
    if (pressed === down) return;
    down = pressed;
    bell.classList.toggle("down", pressed);
    tellInOrder(`/people/${name}/button`, { pressed });
  }

  bell.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    bell.setPointerCapture(event.pointerId);
    finger(true);
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) bell.addEventListener(type, () => finger(false));
  bell.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) finger(true);
  });
  bell.addEventListener("keyup", (event) => {
    if (event.key === " " || event.key === "Enter") finger(false);
  });
  bell.addEventListener("blur", () => finger(false));
  bell.addEventListener("contextmenu", (event) => event.preventDefault());
}

export function wirePeople() {
  for (const card of cards()) {
    const name = card.dataset.person;
    wireBell(card);
    for (const button of card.querySelectorAll("[data-do]")) {
      button.setAttribute("aria-label", `${button.textContent}: ${name}`);
      button.addEventListener("click", () => tell(`/people/${name}/${button.dataset.do}`));
    }
    const range = card.querySelector("button.range");
    range.setAttribute("aria-label", `Out of range: ${name}`);
    range.addEventListener("click", () => tell(`/people/${name}/range`, { out: range.getAttribute("aria-pressed") !== "true" }));
    const walk = card.querySelector(".walk");
    walk.addEventListener("change", () => {
      if (walk.value) tell(`/people/${name}/walk`, { place: walk.value });
      walk.value = "";
    });
    const battery = card.querySelector(".battery input");
    battery.addEventListener("change", () => tell(`/people/${name}/battery`, { percent: Number(battery.value) }));
  }
}

// -- what they show

const STAGES = { notice: "", alarm: " alarm", "pre-alarm": " pre-alarm", cancelled: ", cancelled", duress: ", cancelled under threat" };

function inWords(person) {
  if (!person.is_on) return "off: smashed or flat";
  if (person.cause === "heartbeat") return person.worn ? "all is well" : "not worn";
  return `${person.cause}${STAGES[person.stage]}: ${person.told === "nothing" ? "sending" : person.told}`;
}

function mood(person) {
  if (!person.is_on || person.told === "not delivered") return "red";
  if (person.cause === "heartbeat") return person.worn ? "" : "red";
  return GOOD.has(person.told) ? "good" : "red";
}

/** Lets an element play a pattern of /patterns.css from its beginning, unless it does already. */
export function play(element, kind, pattern) {
  const wanted = `${kind}-${pattern}`;
  if (element.dataset.plays === wanted) return;
  element.classList.remove(element.dataset.plays);
  element.classList.add(wanted);
  element.dataset.plays = wanted;
}

function showFacts(card, person) {
  const refused = Object.entries(person.refused).map(([why, count]) => `${why}: ${count}`);
  const facts = {
    sends: person.is_on ? `${person.cause}, ${person.stage}` : "nothing",
    told: person.told,
    event: `epoch ${person.epoch}, sequence ${person.sequence}`,
    counter: String(person.counter),
    address: person.address,
    refused: refused.join(", ") || "nothing so far",
  };
  for (const [name, text] of Object.entries(facts)) card.querySelector(`[data-fact="${name}"]`).textContent = text;
}

function showHands(card, person, paused) {
  const shown = {
    "lie-still": !person.still, "get-up": person.still, remove: person.worn, wear: !person.worn,
    smash: person.is_on, "switch-on": !person.is_on,
  };
  for (const button of card.querySelectorAll("[data-do]")) button.hidden = shown[button.dataset.do] === false;
  const bell = card.querySelector(".bell");
  bell.disabled = paused;
  bell.title = paused ? "Time stands still" : "Press, or hold for two seconds";
  card.querySelector("button.range").setAttribute("aria-pressed", String(person.out_of_range));
  const battery = card.querySelector(".battery input");
  if (document.activeElement !== battery) battery.value = person.battery_percent;
  battery.setAttribute("aria-label", `Battery of ${person.name}`);
  card.querySelector(".battery output").textContent = `${person.battery_percent} %`;
}

export function showPeople(people, time) {
  for (const person of people) {
    const card = document.querySelector(`article.person[data-person="${person.name}"]`);
    card.classList.toggle("off", !person.is_on);
    play(card.querySelector(".led i"), "led", person.led);
    play(card.querySelector(".buzzer"), "buzzer", person.buzzer);
    play(card.querySelector(".vibration"), "vibration", person.vibration);
    sound(person.name, person.buzzer);
    const now = card.querySelector(".now");
    const words = inWords(person);
    if (now.textContent !== words) now.textContent = words;
    now.className = `now ${mood(person)}`;
    card.querySelector(".led-name").textContent = `light: ${person.led.replaceAll("_", " ")}`;
    showFacts(card, person);
    showHands(card, person, time.rate === 0);
  }
}

// Shows the newest snapshot of the world, and hands on what is done to it. Nothing here decides anything.
//
// Each "state" is everything that moves, so a page that was hidden or cut off needs no more than the next one; "beat"
// comes every second with the world's time. No sign of life for a while: the page says so.

import { ask, tell } from "./api.js";
import { showFaults, showPrograms, wireFaults } from "./faults.js";
import { showPeople, wirePeople } from "./people.js";
import { showPlan, wirePlan } from "./plan.js";
import { hush, wireSound } from "./sound.js";

const SILENCE_MS = 5000;
const RETRY_MS = 2000;
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

const time = { shown: null, at: 0, rate: 1, bent: "", heardAt: performance.now() };
const mail = { shown: 0, wanted: 0, busy: false };

// -- the stream

function connect() {
  const source = new EventSource("/live");
  source.addEventListener("state", (event) => {
    alive();
    show(JSON.parse(event.data));
  });
  source.addEventListener("beat", (event) => {
    alive();
    time.shown = Date.parse(event.data);
    time.at = performance.now();
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, RETRY_MS);
  });
}

function alive() {
  time.heardAt = performance.now();
  root.dataset.link = "live";
  byId("lost").hidden = true;
}

setInterval(() => {
  if (performance.now() - time.heardAt < SILENCE_MS) return;
  root.dataset.link = "lost";
  byId("lost").hidden = false;
  hush();
}, 1000);

function show(now) {
  const { world, around } = now;
  showTime(now.time);
  showPlan(world, around);
  showPeople(world.people, now.time);
  showFaults(world.faults);
  if (around) {
    showPrograms(world, around);
    showAlarms(around);
    showTour(now.tour);
    showPlay(now.play);
  }
  const [oldest, newest] = world.mails;
  mail.wanted = newest;
  forgetMail(oldest);
  fetchMail();
}

// -- time

function showTime({ rate, wished, bent }) {
  if (time.bent !== bent) Object.assign(time, { bent, rate, shown: Date.parse(bent), at: performance.now() });
  count();
  root.classList.toggle("still", rate === 0);
  for (const button of document.querySelectorAll("[data-rate]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === wished));
  }
  byId("slow").hidden = rate === wished;
}

function worldNow() {
  return time.shown === null ? null : time.shown + (performance.now() - time.at) * time.rate;
}

function count() {
  const now = worldNow();
  if (now === null) return;
  time.shown = now;
  time.at = performance.now();
  byId("clock").textContent = new Date(now).toLocaleTimeString("en-GB");
  for (const due of document.querySelectorAll("[data-due]")) {
    due.textContent = inWords((Date.parse(due.dataset.due) - now) / 1000);
  }
}

function inWords(seconds) {
  const left = Math.max(0, Math.round(seconds));
  return left < 120 ? `in ${left} s` : `in ${Math.round(left / 60)} min`;
}

setInterval(count, 100);

for (const button of document.querySelectorAll("[data-rate]")) {
  button.addEventListener("click", () => tell("/time", { rate: Number(button.dataset.rate) }));
}

// -- hub, tour, scenarios

function fill(list, items, make) {
  const wanted = JSON.stringify(items);
  if (list.dataset.shown === wanted) return;
  list.dataset.shown = wanted;
  list.replaceChildren(...items.map(make));
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const title = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function showAlarms({ alarms, faults }) {
  byId("no-alarm").hidden = alarms.length > 0;
  fill(byId("alarms"), alarms, (alarm) => {
    const who = title(alarm.about);
    const hands = alarm.holder ? `${alarm.holder} has it` : alarm.phase === "pending" ? "only the wearer is asked" : "nobody has it";
    const due = element("span", {});
    if (alarm.due) due.dataset.due = alarm.due;
    return element("li", { className: alarm.phase }, element("b", { textContent: `${who}: ${alarm.kind}` }),
      element("span", { textContent: `${hands}. ${alarm.next ? `${title(alarm.next)} ` : ""}` }), due);
  });
  fill(byId("hub-faults"), faults, (fault) => element("li", { textContent: fault }));
}

function showTour(done) {
  const steps = [...byId("tour").children];
  steps.forEach((step, number) => {
    step.classList.toggle("done", number < done);
    step.classList.toggle("next", number === done);
    step.setAttribute("aria-current", String(number === done));
  });
  byId("toured").hidden = done < steps.length;
}

function showPlay(play) {
  const place = byId("play");
  for (const button of document.querySelectorAll("[data-scenario]")) button.disabled = play !== null && !play.over;
  place.hidden = play === null;
  if (play === null) return;
  place.querySelector("h3").textContent = play.title;
  fill(place.querySelector("ol"), play.steps, (step) =>
    element("li", { className: step.state, textContent: step.text }, element("span", { textContent: step.said })));
}

for (const button of document.querySelectorAll("[data-scenario]")) {
  button.addEventListener("click", () => tell(`/scenarios/${button.dataset.scenario}`));
}

byId("mend").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  await tell("/mend");
  button.disabled = false;
});

// -- mail

async function fetchMail() {
  if (mail.busy || mail.shown >= mail.wanted) return;
  mail.busy = true;
  try {
    const fresh = await ask(`/mail?since=${mail.shown}`);
    for (const one of fresh.reverse()) showMail(one);
  } catch {
    // the next snapshot asks again
  } finally {
    mail.busy = false;
  }
}

function forgetMail(oldest) {
  for (const shown of [...byId("mails").children]) if (Number(shown.dataset.number) < oldest) shown.remove();
  byId("no-mail").hidden = byId("mails").children.length > 0;
}

const MOST_MAILS = 100;

function showMail(one) {
  const shown = byId("mail").content.firstElementChild.cloneNode(true);
  shown.dataset.number = one.number;
  shown.querySelector(".subject").textContent = one.subject;
  shown.querySelector(".meta").textContent = `to ${one.recipients.join(", ")} at ${new Date(one.at).toLocaleTimeString("en-GB")}`;
  shown.querySelector("pre").textContent = one.text;
  byId("mails").prepend(shown);
  byId("no-mail").hidden = true;
  mail.shown = Math.max(mail.shown, one.number);
  if (byId("mails").children.length > MOST_MAILS) byId("mails").lastElementChild.remove();
}

wirePlan();
wirePeople();
wireFaults();
wireSound();
connect();

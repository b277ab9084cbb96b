// Keeps a page honest. It shows what the hub knows now, or says loudly that it does not.
//
// The hub sends "changed" and, every 10 s, "heartbeat". Either makes the page fetch itself and put its #live in place of
// the old one: that may happen any number of times. Nothing here decides anything.

import * as sound from "./sound.js";

const SILENCE_S = 25; // no sign of life for so long: blind
const LOST_S = 6; // the connection is known to be gone for so long: blind
const STALE_S = 40; // what is shown is older: blind
const RETRY_MS = 3000;

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const baseTitle = document.title;
const here = byId("live").dataset.at ?? location.pathname + location.search; // an answer to a form is looked at elsewhere

const state = {
  aliveAt: Date.now(), // when the hub last spoke
  lostAt: null, // since when the connection is known to be gone
  freshAt: Date.now(), // when #live last came from the hub
  trouble: "", // what the hub says is wrong with it
  signedOut: false,
  endsAt: null, // when somebody must sign in again here, once that is soon
  busy: false,
  again: false,
  pressed: false, // a finger or mouse button is down: what is under it must not be replaced
  skew: 0, // the hub's clock less this one's, in ms
  announced: "",
};

// -- what the hub says

let source = null;

function connect() {
  source?.close();
  source = new EventSource("/live");
  source.addEventListener("heartbeat", () => alive("", false));
  source.addEventListener("changed", () => alive("", true));
  source.addEventListener("trouble", (event) => alive(JSON.parse(event.data), false));
  source.addEventListener("ending", (event) => {
    state.endsAt = Date.parse(JSON.parse(event.data));
    show();
  });
  source.addEventListener("signed-out", () => {
    state.signedOut = true;
    source.close();
    show();
  });
  source.addEventListener("error", () => {
    state.lostAt ??= Date.now();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  });
}

function alive(trouble, changed) {
  state.aliveAt = Date.now();
  state.lostAt = null;
  state.trouble = trouble;
  refresh(changed);
  show();
}

// -- what is shown

function refresh(changed) {
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  const source = changed ? "changed" : "heartbeat";
  htmx
    .ajax("GET", here, { target: "#live", select: "#live", swap: "outerHTML", headers: { "X-Because": source } })
    .catch(() => {})
    .finally(() => {
      state.busy = false;
      if (!state.again) return;
      state.again = false;
      setTimeout(() => refresh(true), state.pressed ? 100 : 0);
    });
}

function isBeingCopied() {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && byId("live").contains(selection.anchorNode);
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const because = event.detail.requestConfig.headers["X-Because"];
  if (because === "heartbeat" && isBeingCopied()) event.detail.shouldSwap = false;
  if (because && state.pressed) {
    event.detail.shouldSwap = false;
    state.again = true;
  }
});

document.addEventListener("pointerdown", () => (state.pressed = true));
for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, () => setTimeout(() => (state.pressed = false), 50));
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  state.freshAt = Date.now();
  if (event.detail.elt.matches?.("form")) done(event.detail.elt);
});

function done(form) {
  const drawer = form.closest("details");
  if (drawer) {
    drawer.open = false;
    form.reset();
  }
  byId("notice").hidden = true;
}

document.addEventListener("htmx:afterSettle", () => {
  readClock();
  count();
  show();
});

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) state.signedOut = true;
  if (event.detail.elt.matches?.("form")) notice(event.detail.xhr.responseText);
  show();
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.elt.matches?.("form")) notice("That was NOT sent: the hub can't be reached. Try again.");
});

document.addEventListener("htmx:timeout", (event) => {
  if (event.detail.elt.matches?.("form")) notice("The hub did not answer: look whether that was done, and try again.");
});

function notice(text) {
  const place = byId("notice");
  place.textContent = text;
  place.hidden = false;
  refresh(true);
}

// -- time

function readClock() {
  state.skew = Date.parse(byId("live").dataset.now) - Date.now();
}

function inWords(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(whole / 3600);
  if (minutes < 2) return `${whole} s`;
  if (hours < 1) return `${minutes} min`;
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

function asClock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, "");
}

function count() {
  const now = Date.now() + state.skew;
  for (const time of document.querySelectorAll("time[data-ago], time[data-left], time[data-clock]")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    const text = "clock" in time.dataset ? asClock(seconds) : inWords("left" in time.dataset ? -seconds : seconds);
    if (time.textContent !== text) time.textContent = text;
  }
}

// -- what must not be overlooked

const BLIND = "NOT CONNECTED — this screen is blind.";

/** What is wrong with this screen, in capitals and in words; null when nothing is. */
function blindness() {
  if (state.signedOut) return ["SIGNED OUT — this screen is blind.", "You are not signed in any more."];
  if (state.trouble) return ["THE HUB IS NOT WELL — do not rely on this screen.", `It says: ${state.trouble}.`];
  const why = whyDeaf();
  return why ? [BLIND, why] : null;
}

function whyDeaf() {
  const now = Date.now();
  const silence = Math.round((now - state.aliveAt) / 1000);
  const lost = state.lostAt !== null && now - state.lostAt > LOST_S * 1000;
  if (lost || silence > SILENCE_S) return `Nothing heard from the hub for ${inWords(silence)}. New alarms do not show here: use the phone.`;
  if (now - state.freshAt > STALE_S * 1000) return `What is shown is ${inWords((now - state.freshAt) / 1000)} old.`;
  return "";
}

function show() {
  const live = byId("live");
  const untaken = Number(live.dataset.untaken);
  const blind = blindness();
  root.dataset.link = blind ? "blind" : "live";
  byId("link").textContent = blind ? "blind" : "live";
  byId("blind").hidden = !blind;
  write("blind-what", blind ? blind[0] : "");
  write("blind-why", blind ? blind[1] : "");
  byId("blind-sign-in").hidden = !state.signedOut;
  byId("ending").hidden = state.endsAt === null || state.signedOut;
  if (state.endsAt !== null) write("ending-in", inWords((state.endsAt - Date.now() - state.skew) / 1000));
  for (const id of ["blind-sign-in", "ending-sign-in"]) byId(id).href = `/sign-in?next=${encodeURIComponent(here)}`;
  showTitle(untaken, live.dataset.first, blind);
  announce(untaken ? `Alarm that nobody has: ${live.dataset.first}` : "");
  showSound(untaken > 0 ? "alarm" : blind ? "blind" : null);
}

function write(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function showTitle(untaken, first, blind) {
  const odd = Math.floor(Date.now() / 1000) % 2 === 1;
  const alarm = untaken ? `🔔 ${untaken} ALARM${untaken > 1 ? "S" : ""} ${first}` : blind ? `▲ ${blind[0]}` : "";
  const title = alarm && (odd || !untaken) ? alarm : alarm ? `▇▇▇ ${baseTitle}` : baseTitle;
  if (document.title !== title) document.title = title;
}

function announce(text) {
  if (text === state.announced) return;
  state.announced = text;
  byId("announce").textContent = text;
}

function showSound(wanted) {
  const on = sound.isOn();
  if (on) sound.play(wanted);
  root.dataset.sound = !on ? "off" : wanted === null ? "on" : "ringing";
  byId("sound-off").hidden = on;
  byId("sound").hidden = !on;
  byId("sound").textContent = "Sound is on";
}

document.addEventListener("pointerdown", () => sound.resume());

byId("sound-on").addEventListener("click", async () => {
  await sound.turnOn();
  sound.prove();
  show();
});

byId("sound").addEventListener("click", async () => {
  await sound.turnOff();
  show();
});

// -- go

readClock();
sound.resume();
connect();
const ticker = new Worker("/static/tick.js");
ticker.onmessage = () => {
  count();
  show();
};
count();
show();

// The sound of an alarm nobody has, and of a screen that is blind. Oscillators only: no timer keeps them going, so a
// hidden tab sounds like a visible one.

const WANTED = "tocsin.sound";
const TUNES = {
  alarm: { type: "square", pitch: 720, wobble: 180, wobbleHz: 1.6, gateHz: 3.2, loud: 0.35 },
  blind: { type: "triangle", pitch: 300, wobble: 0, wobbleHz: 1, gateHz: 0.8, loud: 0.4 },
};

let context = null;
let playing = null;
let tune = null;

function oscillator(type, hz) {
  const made = context.createOscillator();
  made.type = type;
  made.frequency.value = hz;
  return made;
}

function level(value) {
  const made = context.createGain();
  made.gain.value = value;
  return made;
}

function begin(sound) {
  const voice = oscillator(sound.type, sound.pitch);
  const wobble = oscillator("square", sound.wobbleHz);
  const gate = oscillator("square", sound.gateHz);
  const out = level(sound.loud / 2);
  wobble.connect(level(sound.wobble)).connect(voice.frequency);
  gate.connect(level(sound.loud / 2)).connect(out.gain);
  voice.connect(out).connect(context.destination);
  const parts = [voice, wobble, gate];
  for (const part of parts) part.start();
  return () => {
    for (const part of parts) part.stop();
    out.disconnect();
  };
}

/** Whether a sound would be heard now. */
export function isOn() {
  return context !== null && context.state === "running";
}

/** Ask for sound. A browser allows it after a click; where it was allowed before, without one. */
export async function turnOn() {
  localStorage.setItem(WANTED, "on");
  context ??= new AudioContext();
  await context.resume();
}

/** Be silent, and stay so until asked again. */
export async function turnOff() {
  localStorage.setItem(WANTED, "off");
  await context?.suspend();
}

/** Try to go on where this browser left off; never throws, never waits for a click. */
export function resume() {
  if (localStorage.getItem(WANTED) !== "on") return;
  context ??= new AudioContext();
  if (context.state !== "running") context.resume().catch(() => {});
}

/** What shall sound now: "alarm", "blind" or null. */
export function play(wanted) {
  if (context === null || wanted === tune) return;
  playing?.();
  playing = wanted === null ? null : begin(TUNES[wanted]);
  tune = wanted;
}

/** A short proof that it works. */
export function prove() {
  if (!isOn() || tune !== null) return;
  const voice = oscillator("sine", 660);
  const out = level(0.3);
  voice.connect(out).connect(context.destination);
  voice.start();
  voice.stop(context.currentTime + 0.25);
}
